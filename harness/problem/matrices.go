package problem

import (
	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/kernels"
)

// matrices is an objective of package dense: it is computed on the host, from a copy
// of the point.
type matrices[T kernels.Real] struct {
	dense.Spec
	problem   *Problem
	objective dense.Objective[T]
}

func (o *matrices[T]) open(p *Problem) (err error) {
	o.problem = p
	if o.objective, err = take[T](p.instances, o.Spec, o.key()); err != nil {
		return err
	}
	p.Minimum = o.objective.Minimum()
	f := o.objective.Facts()
	p.L, p.Mu, p.Sizes = f.Lipschitz, f.StrongConvexity, o.objective.Sizes()
	return nil
}

func (o *matrices[T]) key() instanceKey {
	return instanceKey{dense.Format(o.Spec), o.problem.Spec.Dim, o.problem.Spec.DType}
}

func (o *matrices[T]) close() {
	if o.objective != nil {
		o.problem.instances.give(o.key(), o.objective)
		o.objective = nil
	}
}

func (o *matrices[T]) reach() int { return 0 }

func (o *matrices[T]) start(x Vector) error {
	first := make([]T, x.Len())
	o.objective.Start(first, o.problem.seed)
	return backend.Put(x.Buffer, first)
}

// computed is such an objective at work.
type computed[T kernels.Real] struct {
	*matrices[T]
	x, g      Vector
	batch     int
	at, slope []T          // on the host
	last      float64      // value at the point
	whole     bool         // that is of all examples
	plan      backend.Plan // of what is done to the gradient
}

func (o *matrices[T]) evaluation(x, g Vector, batch int, ops []backend.Op) (evaluation, error) {
	n := x.Len()
	plan, err := o.problem.Backend.Bind(ops...)
	if err != nil {
		return nil, err
	}
	return &computed[T]{matrices: o, x: x, g: g, batch: batch, at: make([]T, n), slope: make([]T, n), plan: plan}, nil
}

func (c *computed[T]) step(st kernels.Step) error {
	if err := backend.Get(c.x.Buffer, c.at); err != nil {
		return err
	}
	s := dense.Sample{Seed: c.problem.seed, Index: uint64(st.T), Batch: c.batch}
	c.last, c.whole = c.objective.Gradient(c.at, c.slope, s), s.Batch == 0
	if err := backend.Put(c.g.Buffer, c.slope); err != nil {
		return err
	}
	return c.plan.Step(st)
}

func (c *computed[T]) value() (float64, error) {
	if !c.whole {
		c.last, c.whole = c.objective.Value(c.at), true
	}
	return c.last, nil
}

func (c *computed[T]) bytes() int64 {
	return 2*int64(c.problem.Spec.DType.Bytes(len(c.at))) + c.plan.Bytes()
}

func (c *computed[T]) kernels() []string {
	return append([]string{"host/" + c.Name()}, c.plan.Kernels()...)
}

func (c *computed[T]) close() error { return c.plan.Close() }
