// Package problem puts objectives to work: in a dimension, on a backend, with noise
// on their gradients, for an optimizer to ask.
package problem

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// A Spec says which problem.
type Spec struct {
	Objective string // as kernels.ParseObjective reads it
	Dim       int
	DType     kernels.DType // of points, gradients and arithmetic: F32 or F64
}

// A Problem is an objective in a dimension on a backend. What was made from it must
// be closed before it, and it before the backend.
type Problem struct {
	Backend backend.Backend
	Spec    Spec
	Facts   kernels.Facts

	objective kernels.Objective
	seed      uint64
	reach     int // of neighbours, in elements
	pad       int // room at either end of a vector, for them
	data      []backend.Buffer
	buffers   []backend.Buffer
}

// padAlign keeps elements at the start of a cache line whatever room is before
// them.
const padAlign = 16

// Open makes a problem ready. Its first point and its noise follow from seed.
func Open(b backend.Backend, s Spec, seed uint64) (_ *Problem, err error) {
	o, err := kernels.ParseObjective(s.Objective)
	if err != nil {
		return nil, err
	}
	f, err := o.Facts(s.Dim)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Objective, err)
	}
	p := &Problem{Backend: b, Spec: s, Facts: f, objective: o, seed: seed}
	for _, r := range f.Reach {
		p.reach = max(p.reach, r, -r)
	}
	p.pad = (p.reach + padAlign - 1) / padAlign * padAlign
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	for k, slot := range o.Kernel().Slots[2:] {
		if slot.Role != kernels.Input {
			continue
		}
		x, err := p.alloc(s.Dim)
		if err != nil {
			return nil, err
		}
		p.data = append(p.data, x)
		if err := Fill(x, func(i int) float64 { return f.Data(k, i) }); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Footprint returns the bytes of a problem's data and of vectors more.
func Footprint(s Spec, vectors int) (int64, error) {
	o, err := kernels.ParseObjective(s.Objective)
	if err != nil {
		return 0, err
	}
	for _, slot := range o.Kernel().Slots {
		if slot.Role == kernels.Input {
			vectors++
		}
	}
	return int64(vectors-1) * int64(s.DType.Bytes(s.Dim)), nil // the point is one of them
}

// Sizes are the tensors that parameters form.
func (p *Problem) Sizes() []int {
	if p.Facts.Sizes != nil {
		return p.Facts.Sizes
	}
	return []int{p.Spec.Dim}
}

// Close frees the data and all vectors.
func (p *Problem) Close() error {
	var first error
	for _, b := range p.buffers {
		if err := b.Free(); err != nil && first == nil {
			first = err
		}
	}
	p.buffers = nil
	return first
}

// A Vector is a point or a direction: as many elements as the problem has
// dimensions, with room around them.
type Vector struct {
	backend.Buffer
	whole backend.Buffer
	pad   int
}

// Vector returns a vector of zeros, which lives as long as the problem.
func (p *Problem) Vector() (Vector, error) {
	whole, err := p.alloc(p.Spec.Dim + 2*p.pad)
	if err != nil {
		return Vector{}, err
	}
	return Vector{whole.Slice(p.pad, p.pad+p.Spec.Dim), whole, p.pad}, nil
}

func (p *Problem) alloc(n int) (backend.Buffer, error) {
	x, err := p.Backend.Alloc(p.Spec.DType, n)
	if err != nil {
		return nil, fmt.Errorf("%s, %d dimensions: %w", p.Spec.Objective, p.Spec.Dim, err)
	}
	p.buffers = append(p.buffers, x)
	return x, nil
}

// Start writes the first point of the problem to x.
func (p *Problem) Start(x Vector) error {
	if p.pad > 0 {
		for _, end := range []backend.Buffer{x.whole.Slice(0, p.pad), x.whole.Slice(p.pad+p.Spec.Dim, x.whole.Len())} {
			if err := Fill(end, func(int) float64 { return p.Facts.Boundary }); err != nil {
				return err
			}
		}
	}
	return Fill(x.Buffer, func(i int) float64 { return p.Facts.StartAt(p.seed, i) })
}

// Fill writes f(i) to every element i of a buffer. It calls f from several
// goroutines.
func Fill(b backend.Buffer, f func(i int) float64) error {
	if b.DType() == kernels.F64 {
		return fill(b, func(i int) float64 { return f(i) })
	}
	return fill(b, func(i int) float32 { return float32(f(i)) })
}

func fill[T kernels.Real](b backend.Buffer, f func(i int) T) error {
	const part, share = 1 << 20, 1 << 14 // elements written at a time, and computed by a goroutine
	x := make([]T, min(part, b.Len()))
	for at := 0; at < b.Len(); at += part {
		n := min(part, b.Len()-at)
		var all sync.WaitGroup
		for from := 0; from < n; from += share {
			all.Go(func() {
				for i := from; i < min(from+share, n); i++ {
					x[i] = f(at + i)
				}
			})
		}
		all.Wait()
		if err := backend.Put(b.Slice(at, at+n), x[:n]); err != nil {
			return err
		}
	}
	return nil
}

// ErrNotFinite is the error of a value that is not finite.
var ErrNotFinite = errors.New("the value is not finite")

// An Evaluator computes gradients at a point, in a place of its own.
type Evaluator struct {
	problem *Problem
	plan    backend.Plan
	value   backend.Buffer
	got     []float64
}

// Evaluator returns one that writes the gradient at x to g.
func (p *Problem) Evaluator(x, g Vector) (*Evaluator, error) {
	value, err := p.Backend.Alloc(kernels.F64, 1)
	if err != nil {
		return nil, err
	}
	p.buffers = append(p.buffers, value)
	e := &Evaluator{problem: p, value: value, got: make([]float64, 1)}
	var ops []backend.Op
	n, reach, data := p.Spec.Dim, 0, 0
	if p.Facts.Periodic {
		ops = append(ops,
			backend.Copy{To: x.whole.Slice(p.pad-p.reach, p.pad), From: x.Slice(n-p.reach, n)},
			backend.Copy{To: x.whole.Slice(p.pad+n, p.pad+n+p.reach), From: x.Slice(0, p.reach)})
	}
	op := backend.Evaluation{Objective: p.objective, Value: value, Slots: []backend.Buffer{x.Buffer, g.Buffer}}
	for _, slot := range p.objective.Kernel().Slots[2:] {
		if slot.Role == kernels.Neighbour {
			from := p.pad + p.Facts.Reach[reach]
			op.Slots = append(op.Slots, x.whole.Slice(from, from+n))
			reach++
		} else {
			op.Slots = append(op.Slots, p.data[data])
			data++
		}
	}
	e.plan, err = p.Backend.Bind(append(ops, op)...)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Step evaluates at step st.
func (e *Evaluator) Step(st kernels.Step) error { return e.plan.Step(st) }

// Value returns the value at the point of the last Step, above the least that the
// objective has. It waits for it.
func (e *Evaluator) Value() (float64, error) {
	if err := backend.Get(e.value, e.got); err != nil {
		return 0, err
	}
	v := e.got[0] - e.problem.Facts.Minimum
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return v, ErrNotFinite
	}
	return v, nil
}

// Bytes is the least memory traffic of a Step.
func (e *Evaluator) Bytes() int64 { return e.plan.Bytes() }

// Kernels names what a Step runs.
func (e *Evaluator) Kernels() []string { return e.plan.Kernels() }

// Close gives back what Step needs.
func (e *Evaluator) Close() error { return e.plan.Close() }
