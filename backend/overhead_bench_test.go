package backend_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// BenchmarkNothing is a step of an empty plan: what a call costs.
func BenchmarkNothing(b *testing.B) {
	be, err := backend.Open("cpu")
	if err != nil {
		b.Fatal(err)
	}
	defer be.Close()
	plan := bind(b, be)
	defer plan.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := plan.Step(kernels.At(1)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTiny steps a thousand tensors of a hundred parameters, each with
// arrays of its own: what a tensor costs.
func BenchmarkTiny(b *testing.B) {
	for _, u := range []kernels.Update{adamw, lamb} {
		b.Run("update="+u.Name(), func(b *testing.B) {
			be, err := backend.Open("cpu")
			if err != nil {
				b.Fatal(err)
			}
			defer be.Close()
			rng := rand.New(rand.NewPCG(1, 2))
			tensors := make([]backend.Tensor, 1000)
			for i := range tensors {
				x, _ := slices4(rng, 100)
				tensors[i] = wrap(b, be, x)
			}
			plan := bind(b, be, backend.Group{Update: u, Tensors: tensors})
			defer plan.Close()
			b.ReportAllocs()
			for b.Loop() {
				if err := plan.Step(kernels.At(1)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(tensors)), "ns/tensor")
		})
	}
}

// BenchmarkACClip steps ACClip and Adam in turns, and reports the ratio of their times, on
// gradients of noise drawn anew for each of many plans that take turns, as training has
// them: nearly nothing is clipped, and the second power is skipped. With the same
// gradients in every step, where momentum and threshold meet and every lane is a border
// case, it is not.
func BenchmarkACClip(b *testing.B) {
	const n, apart = 2e7, 4096 // between the starts of gradients within their array
	if testing.Short() {
		b.Skip("takes 640 MB")
	}
	for _, threads := range []int{1, 0} {
		for _, gradients := range []int{1, 64} {
			b.Run(fmt.Sprintf("threads=%d/gradients=%d", threads, gradients), func(b *testing.B) {
				be, err := backend.Options{Threads: threads}.Open("cpu")
				if err != nil {
					b.Fatal(err)
				}
				defer be.Close()
				alloc := func(n int, draw func() float32) backend.Buffer {
					x, err := be.Alloc(kernels.F32, n)
					if err != nil {
						b.Fatal(err)
					}
					values := make([]float32, n)
					for i := range values {
						values[i] = draw()
					}
					if err := backend.Put(x, values); err != nil {
						b.Fatal(err)
					}
					return x
				}
				rng := rand.New(rand.NewPCG(1, 2))
				zero := func() float32 { return 0 }
				noise := func() float32 { return float32(rng.NormFloat64()) }
				g := alloc(n+gradients*apart, noise)
				names := []string{"acclip", "adam"}
				plans := make([][]backend.Plan, len(names))
				for k, name := range names {
					p, m, v := alloc(n, noise), alloc(n, zero), alloc(n, zero)
					for i := range gradients {
						t := backend.Tensor{Slots: []backend.Buffer{p, g.Slice(i*apart, i*apart+n), m, v}}
						plan := bind(b, be, backend.Group{Update: kernels.Find(name).Cases[0], Tensors: []backend.Tensor{t}})
						defer plan.Close()
						plans[k] = append(plans[k], plan)
					}
				}
				step := 0
				next := func(k int) time.Duration {
					start := time.Now()
					if err := plans[k][step%gradients].Step(kernels.At(step)); err != nil {
						b.Fatal(err)
					}
					return time.Since(start)
				}
				for step = 1; step <= 64; step++ { // past the first steps, whose moments are short
					next(0)
					next(1)
				}
				var times [2]time.Duration
				for b.Loop() {
					times[0] += next(0)
					times[1] += next(1)
					step++
				}
				b.ReportMetric(float64(times[0])/float64(times[1]), "ratio")
				b.ReportMetric(float64(times[0].Nanoseconds())/float64(b.N)/n, "ns/param")
				b.ReportMetric(0, "ns/op") // of both together
			})
		}
	}
}
