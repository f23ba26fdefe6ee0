package backend_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// BenchmarkStep times a step of every update, interleaved with the stream that
// moves the same memory. The metric "limit" is the share of that limit: the
// time of the stream over the time of the step.
func BenchmarkStep(b *testing.B) {
	for _, name := range hosts() {
		for _, d := range kernels.All() {
			for _, n := range []int{10_000, 1_000_000, 20_000_000} {
				for _, threads := range []int{1, 0} {
					b.Run(fmt.Sprintf("backend=%s/update=%s/n=%d/threads=%d", name, d.Name, n, threads), func(b *testing.B) {
						benchmarkStep(b, name, d.Cases[0], n, threads)
					})
				}
			}
		}
	}
}

func benchmarkStep(b *testing.B, name string, u kernels.Update, n, threads int) {
	be, err := backend.Options{Threads: threads}.Open(name)
	if err != nil {
		b.Skip(err)
	}
	defer be.Close()
	var t backend.Tensor
	for range u.Kernel().Slots {
		x, err := be.Alloc(kernels.F32, n)
		if err != nil {
			b.Fatal(err)
		}
		t.Slots = append(t.Slots, x)
	}
	plan, err := be.Bind(backend.Group{Update: u, Tensors: []backend.Tensor{t}})
	if err != nil {
		b.Fatal(err)
	}
	defer plan.Close()
	stream, err := plan.Stream()
	if err != nil {
		b.Fatal(err)
	}
	defer stream.Close()
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	for _, x := range t.Slots {
		if err := backend.Put(x, ones); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(plan.Bytes())
	b.ReportAllocs()
	reps := 1 + 100_000/n
	var steps, streams time.Duration
	for b.Loop() {
		from := time.Now()
		for range reps {
			if err := plan.Step(kernels.At(1)); err != nil {
				b.Fatal(err)
			}
		}
		middle := time.Now()
		for range reps {
			if err := stream.Step(kernels.At(1)); err != nil {
				b.Fatal(err)
			}
		}
		steps += middle.Sub(from)
		streams += time.Since(middle)
	}
	total := float64(b.N * reps)
	b.ReportMetric(float64(steps.Nanoseconds())/total/float64(n), "ns/param")
	b.ReportMetric(float64(plan.Bytes())*total/float64(steps.Nanoseconds()), "GB/s")
	b.ReportMetric(float64(streams)/float64(steps), "limit")
}
