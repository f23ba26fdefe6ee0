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

// BenchmarkEvaluation times the gradient and the value of every objective, as
// BenchmarkStep.
func BenchmarkEvaluation(b *testing.B) {
	for _, name := range backend.Names() {
		for _, d := range kernels.Objectives() {
			for _, n := range []int{10_000, 20_000_000} {
				for _, threads := range []int{1, 0} {
					b.Run(fmt.Sprintf("backend=%s/objective=%s/n=%d/threads=%d", name, d.Name, n, threads), func(b *testing.B) {
						benchmarkEvaluation(b, name, d.Cases[0], n, threads)
					})
				}
			}
		}
	}
}

func benchmarkEvaluation(b *testing.B, name string, o kernels.Objective, n, threads int) {
	be, err := backend.Options{Threads: threads}.Open(name)
	if err != nil {
		b.Skip(err)
	}
	defer be.Close()
	facts, err := o.Facts(n)
	if err != nil {
		b.Fatal(err)
	}
	alloc := func(dt kernels.DType, n int) backend.Buffer {
		x, err := be.Alloc(dt, n)
		if err != nil {
			b.Fatal(err)
		}
		return x
	}
	fill := func(x backend.Buffer, f func(i int) float64) {
		host := make([]float32, x.Len())
		for i := range host {
			host[i] = float32(f(i))
		}
		if err := backend.Put(x, host); err != nil {
			b.Fatal(err)
		}
	}
	pad := 0
	for _, r := range facts.Reach {
		pad = max(pad, r, -r)
	}
	point := alloc(kernels.F32, pad+n+pad)
	fill(point, func(i int) float64 { return facts.StartAt(1, i) })
	slots := []backend.Buffer{point.Slice(pad, pad+n), alloc(kernels.F32, n)}
	neighbours := 0
	for k, s := range o.Kernel().Slots[2:] {
		if s.Role == kernels.Neighbour {
			from := pad + facts.Reach[neighbours]
			slots = append(slots, point.Slice(from, from+n))
			neighbours++
			continue
		}
		x := alloc(kernels.F32, n)
		fill(x, func(i int) float64 { return facts.Data(k-neighbours, i) })
		slots = append(slots, x)
	}
	measure(b, be, backend.Evaluation{Objective: o, Slots: slots, Value: alloc(kernels.F64, 1)}, n)
}

// BenchmarkNoise times one thread that adds every noise law to an array, beside the
// stream of the same memory, as BenchmarkStep.
func BenchmarkNoise(b *testing.B) {
	for _, name := range backend.Names() {
		for _, d := range kernels.Noises() {
			for _, n := range []int{10_000, 20_000_000} {
				b.Run(fmt.Sprintf("backend=%s/noise=%s/n=%d", name, d.Name, n), func(b *testing.B) {
					benchmark(b, name, 1, n, 1, func(t backend.Tensor) backend.Op {
						return backend.Noise{Law: d.Cases[0], Seed: 1, X: t.Slots[0]}
					})
				})
			}
		}
	}
}

func benchmarkStep(b *testing.B, name string, u kernels.Update, n, threads int) {
	benchmark(b, name, len(u.Kernel().Slots), n, threads, func(t backend.Tensor) backend.Op {
		return backend.Group{Update: u, Tensors: []backend.Tensor{t}}
	})
}

func benchmark(b *testing.B, name string, slots, n, threads int, op func(backend.Tensor) backend.Op) {
	be, err := backend.Options{Threads: threads}.Open(name)
	if err != nil {
		b.Skip(err)
	}
	defer be.Close()
	var t backend.Tensor
	for range slots {
		x, err := be.Alloc(kernels.F32, n)
		if err != nil {
			b.Fatal(err)
		}
		t.Slots = append(t.Slots, x)
	}
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	for _, x := range t.Slots {
		if err := backend.Put(x, ones); err != nil {
			b.Fatal(err)
		}
	}
	measure(b, be, op(t), n)
}

// measure times an op over n elements beside its stream.
func measure(b *testing.B, be backend.Backend, op backend.Op, n int) {
	b.Helper()
	plan, err := be.Bind(op)
	if err != nil {
		b.Fatal(err)
	}
	defer plan.Close()
	stream, err := plan.Stream()
	if err != nil {
		b.Fatal(err)
	}
	defer stream.Close()
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
