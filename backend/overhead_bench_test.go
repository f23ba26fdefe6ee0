package backend_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

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

// BenchmarkPlacement steps Adam on arrays that Alloc placed; on slices that make
// placed wherever the heap had room, and Wrap took; and on what starts one element
// into them. Sizes are those of an array.
func BenchmarkPlacement(b *testing.B) {
	if testing.Short() {
		b.Skip("moves up to 3.5 GiB a step")
	}
	for _, mib := range []int{1, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512} {
		for _, threads := range []int{1, 0} {
			for _, where := range []string{"alloc", "make", "odd"} {
				b.Run(fmt.Sprintf("MiB=%d/threads=%d/arrays=%s", mib, threads, where), func(b *testing.B) {
					be, err := backend.Options{Threads: threads}.Open("cpu")
					if err != nil {
						b.Fatal(err)
					}
					defer be.Close()
					n := mib << 18
					var t backend.Tensor
					for range 4 {
						var x backend.Buffer
						switch where {
						case "alloc":
							x, err = be.Alloc(kernels.F32, n)
						case "make":
							x, err = backend.Wrap(be, make([]float32, n))
						default:
							x, err = backend.Wrap(be, make([]float32, n+1)[1:])
						}
						if err != nil {
							b.Fatal(err)
						}
						t.Slots = append(t.Slots, x)
					}
					plan := bind(b, be, backend.Group{Update: kernels.Find("adam").Cases[0], Tensors: []backend.Tensor{t}})
					defer plan.Close()
					b.SetBytes(plan.Bytes())
					for b.Loop() {
						if err := plan.Step(kernels.At(1)); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/param")
				})
			}
		}
	}
}

// BenchmarkACClip steps ACClip beside Adam on gradients of noise, drawn anew for
// each of many plans that take turns, as training has them: nearly nothing is
// clipped, and the second power is skipped. With the same gradients in every step,
// where momentum and threshold meet and every lane is a border case, it is not.
func BenchmarkACClip(b *testing.B) {
	const n, apart = 2e7, 4096 // between the starts of gradients within their array
	if testing.Short() {
		b.Skip("takes 320 MB")
	}
	for _, name := range []string{"adam", "acclip"} {
		for _, gradients := range []int{1, 64} {
			b.Run(fmt.Sprintf("update=%s/gradients=%d", name, gradients), func(b *testing.B) {
				be, err := backend.Options{Threads: 1}.Open("cpu")
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
				p, m, v, g := alloc(n, noise), alloc(n, zero), alloc(n, zero), alloc(n+gradients*apart, noise)
				var plans []backend.Plan
				for i := range gradients {
					t := backend.Tensor{Slots: []backend.Buffer{p, g.Slice(i*apart, i*apart+n), m, v}}
					plans = append(plans, bind(b, be, backend.Group{Update: kernels.Find(name).Cases[0], Tensors: []backend.Tensor{t}}))
				}
				step := 0
				next := func() {
					step++
					if err := plans[step%gradients].Step(kernels.At(step)); err != nil {
						b.Fatal(err)
					}
				}
				for range 64 { // past the first steps, whose moments are short
					next()
				}
				for b.Loop() {
					next()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/param")
				for _, plan := range plans {
					if err := plan.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
