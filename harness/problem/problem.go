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
	Objective string // as kernels.ParseObjective or dense.Parse reads it
	Dim       int
	DType     kernels.DType // of points, gradients and arithmetic: F32 or F64
	Noise     string        // law of what is added to every gradient, as kernels.ParseNoise reads it; "" for none
	Batch     int           // examples, or samples of the noise, that a gradient is over; 0 for all, or one
}

// A Problem is an objective in a dimension on a backend. What was made from it must
// be closed before it, and it before the backend.
type Problem struct {
	Backend backend.Backend
	Spec    Spec
	Minimum float64 // the least value, or 0 where it is not known
	L, Mu   float64 // the largest and the smallest curvature; 0 where there is none worth knowing
	Sizes   []int   // of the tensors that parameters form

	objective objective
	instances *Instances
	// noiseScale multiplies the noise on each coordinate; nil for none.
	noiseScale backend.Buffer
	seed       uint64
	buffers    []backend.Buffer
}

// An objective is what a problem is made of: a definition of package kernels, or one
// of package dense.
type objective interface {
	// open makes the objective ready, and tells the problem what is known of it.
	open(p *Problem) error
	// reach is how far beyond its ends a point is read.
	reach() int
	start(x Vector) error
	// evaluation returns what writes the gradient at x, over that many examples, to
	// g, and then runs ops.
	evaluation(x, g Vector, batch int, ops []backend.Op) (evaluation, error)
	close()
}

// An evaluation is an objective at work. Value is that of the whole objective, at the
// point of the last step.
type evaluation interface {
	step(kernels.Step) error
	value() (float64, error)
	bytes() int64
	kernels() []string
	close() error
}

// padAlign keeps elements at the start of a cache line whatever room is before
// them.
const padAlign = 16

// Open makes a problem ready. Its first point, its batches and its noise follow from
// seed.
func Open(b backend.Backend, s Spec, seed uint64, in *Instances) (_ *Problem, err error) {
	p := &Problem{Backend: b, Spec: s, seed: seed, Sizes: []int{s.Dim}, instances: in}
	if p.objective, err = newObjective(s); err != nil {
		return nil, err
	}
	if s.Noise != "" {
		if _, err := law(s); err != nil {
			return nil, err
		}
	}
	if err := p.objective.open(p); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Objective, err), p.Close())
	}
	return p, nil
}

// Close frees the data and all vectors.
func (p *Problem) Close() error {
	p.objective.close()
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

// around returns the elements moved along by some places, beyond an end if need be.
func (v Vector) around(by int) backend.Buffer {
	return v.whole.Slice(v.pad+by, v.pad+by+v.Len())
}

// Vector returns a vector of zeros, which lives as long as the problem.
func (p *Problem) Vector() (Vector, error) {
	pad := (p.objective.reach() + padAlign - 1) / padAlign * padAlign
	whole, err := p.alloc(p.Spec.Dim + 2*pad)
	if err != nil {
		return Vector{}, err
	}
	return Vector{whole.Slice(pad, pad+p.Spec.Dim), whole, pad}, nil
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
func (p *Problem) Start(x Vector) error { return p.objective.start(x) }

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

// OwnSeed is the seed of what a method draws for itself: numbers apart from those of
// the problem.
func (p *Problem) OwnSeed() uint64 { return p.seed ^ 0x6a09e667f3bcc908 }

// An Evaluator computes gradients at a point, in a place of its own.
type Evaluator struct {
	problem    *Problem
	evaluation evaluation
	samples    int
}

// Evaluator returns one that writes the gradient at x, with noise, to g. The same
// step has the same noise, or the same batch, at any point.
func (p *Problem) Evaluator(x, g Vector) (*Evaluator, error) {
	return p.Batched(x, g, p.Spec.Batch)
}

// Batched is [Problem.Evaluator] over batches of another size. Evaluators of the same
// size draw the same at the same step.
func (p *Problem) Batched(x, g Vector, batch int) (*Evaluator, error) {
	if p.Spec.Noise == "" {
		return p.evaluator(x, g, batch)
	}
	s := p.Spec
	s.Batch = batch
	noise, err := law(s)
	if err != nil {
		return nil, err
	}
	return p.evaluator(x, g, batch, backend.Noise{Law: noise, Seed: p.seed, X: g.Buffer, Scale: p.noiseScale})
}

// Exact returns an evaluator of the whole objective, without noise.
func (p *Problem) Exact(x, g Vector) (*Evaluator, error) { return p.evaluator(x, g, 0) }

func (p *Problem) evaluator(x, g Vector, batch int, ops ...backend.Op) (*Evaluator, error) {
	e, err := p.objective.evaluation(x, g, batch, ops)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Spec.Objective, err)
	}
	return &Evaluator{p, e, p.samples(batch)}, nil
}

// samples is how many gradients one over a batch counts for: as many as it has samples,
// or the whole objective examples.
func (p *Problem) samples(batch int) int {
	switch whole := examples(p.Spec.Objective); {
	case batch == 0:
		return whole
	case p.Spec.Noise == "" && !hasExamples(p.Spec.Objective):
		return 1
	}
	return batch
}

// Step evaluates at step st.
func (e *Evaluator) Step(st kernels.Step) error { return e.evaluation.step(st) }

// Value returns the value of the whole objective at the point of the last Step,
// above the minimum. It waits for it.
func (e *Evaluator) Value() (float64, error) {
	v, err := e.evaluation.value()
	if err != nil {
		return 0, err
	}
	v -= e.problem.Minimum
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return v, ErrNotFinite
	}
	return v, nil
}

// Samples is how many gradients a Step counts for: as many as its batch has samples,
// or the whole objective examples; one where there are neither.
func (e *Evaluator) Samples() int64 { return int64(e.samples) }

// Bytes is the least memory traffic of a Step: of a dense objective, that of the
// point and the gradient alone.
func (e *Evaluator) Bytes() int64 { return e.evaluation.bytes() }

// Kernels names what a Step runs.
func (e *Evaluator) Kernels() []string { return e.evaluation.kernels() }

// Close gives back what Step needs.
func (e *Evaluator) Close() error { return e.evaluation.close() }
