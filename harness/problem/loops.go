package problem

import (
	"fmt"
	"slices"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// loops is an objective of package kernels: it is where the point is.
type loops struct {
	kernels.Objective
	problem *Problem
	facts   kernels.Facts
	far     int // the longest reach of a neighbour
	data    []backend.Buffer
}

func (o *loops) open(p *Problem) (err error) {
	o.problem = p
	if o.facts, err = o.Facts(p.Spec.Dim); err != nil {
		return err
	}
	p.Minimum, p.L, p.Mu = o.facts.Minimum, o.facts.L, o.facts.Mu
	if o.facts.Sizes != nil {
		p.Sizes = o.facts.Sizes
	}
	for _, r := range o.facts.Reach {
		o.far = max(o.far, r, -r)
	}
	for _, slot := range o.Kernel().Slots[2:] {
		if slot.Role != kernels.Input {
			continue
		}
		x, err := p.alloc(p.Spec.Dim)
		if err != nil {
			return err
		}
		k := len(o.data)
		if err := Fill(x, func(i int) float64 { return o.facts.Data(k, i) }); err != nil {
			return err
		}
		o.data = append(o.data, x)
	}
	if o.facts.Noise == nil || p.Spec.Noise == "" {
		return nil
	}
	if p.noiseScale, err = p.alloc(p.Spec.Dim); err != nil {
		return err
	}
	return Fill(p.noiseScale, o.facts.Noise)
}

func (o *loops) reach() int { return o.far }
func (o *loops) close()     {} // the problem frees all buffers

func (o *loops) start(x Vector) error {
	for _, end := range []backend.Buffer{x.whole.Slice(0, x.pad), x.whole.Slice(x.pad+x.Len(), x.whole.Len())} {
		if err := Fill(end, func(int) float64 { return o.facts.Boundary }); err != nil {
			return err
		}
	}
	return Fill(x.Buffer, func(i int) float64 { return o.facts.StartAt(o.problem.seed, i) })
}

// looped is such an objective at work.
type looped struct {
	plan   backend.Plan
	scalar backend.Buffer
	got    []float64
}

func (o *loops) evaluation(x, g Vector, _ int, more []backend.Op) (evaluation, error) {
	b := o.problem.Backend
	value, err := b.Alloc(kernels.F64, 1)
	if err != nil {
		return nil, fmt.Errorf("the value: %w", err)
	}
	o.problem.buffers = append(o.problem.buffers, value)
	var ops []backend.Op
	if n := x.Len(); o.facts.Periodic {
		ops = append(ops,
			backend.Copy{To: x.whole.Slice(x.pad-o.far, x.pad), From: x.Slice(n-o.far, n)},
			backend.Copy{To: x.whole.Slice(x.pad+n, x.pad+n+o.far), From: x.Slice(0, o.far)})
	}
	op := backend.Evaluation{Objective: o.Objective, Value: value, Slots: []backend.Buffer{x.Buffer, g.Buffer}}
	reach, data := o.facts.Reach, o.data
	for _, slot := range o.Kernel().Slots[2:] {
		if slot.Role == kernels.Neighbour {
			op.Slots = append(op.Slots, x.around(reach[0]))
			reach = reach[1:]
		} else {
			op.Slots = append(op.Slots, data[0])
			data = data[1:]
		}
	}
	plan, err := b.Bind(slices.Concat(ops, []backend.Op{op}, more)...)
	if err != nil {
		return nil, err
	}
	return &looped{plan, value, make([]float64, 1)}, nil
}

func (l *looped) step(st kernels.Step) error { return l.plan.Step(st) }
func (l *looped) bytes() int64               { return l.plan.Bytes() }
func (l *looped) kernels() []string          { return l.plan.Kernels() }
func (l *looped) close() error               { return l.plan.Close() }

func (l *looped) value() (float64, error) {
	err := backend.Get(l.scalar, l.got)
	return l.got[0], err
}
