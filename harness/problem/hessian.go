package problem

import (
	"errors"
	"fmt"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/kernels"
)

// A HessianVector multiplies a direction by the Hessian at a point.
//
// Where a dense objective has these products they are exact but for rounding.
// Elsewhere they are central differences, (g(x+hd) - g(x-hd)) / 2h, of gradients
// over one sample and without the noise of the problem, which has no curvature. The
// gradients are computed where x is, in its type, of unit roundoff u. The step h is
// such that |hd|^3 = u(1+|x|): with L the largest curvature and T the largest third
// derivative of the gradient, what rounding leaves is about uL(1+|x|)|d|/|hd|, and
// what the difference leaves T|hd|^2|d|/6. So the error is about
//
//	(L + T/6) (u(1+|x|))^(2/3) |d|
//
// which near the origin is 1.5e-5 (L + T/6)|d| in float32, and 2.3e-11 in float64.
// Across a kink, such as a rectifier's, it is the mean curvature over the way.
type HessianVector struct {
	product product
	samples int
}

// A product is a HessianVector at work.
type product interface {
	step(kernels.Step) error
	// gradients is how many gradients a step is worth.
	gradients() int64
	bytes() int64
	kernels() []string
	close() error
}

// curved is an objective that may have products of its own.
type curved interface {
	// product returns what writes the Hessian at x times d to out, or nil.
	product(x, d, out Vector) product
}

// HessianVector returns one that writes the Hessian at x, times d, to out. The same
// step has the same batch as that of an [Evaluator].
func (p *Problem) HessianVector(x, d, out Vector) (*HessianVector, error) {
	samples := 1 // without noise
	if hasExamples(p.Spec.Objective) {
		samples = p.samples(p.Spec.Batch)
	}
	if c, ok := p.objective.(curved); ok {
		if own := c.product(x, d, out); own != nil {
			return &HessianVector{own, samples}, nil
		}
	}
	between, err := p.difference(x, d, out)
	if err != nil {
		return nil, fmt.Errorf("%s: Hessian-vector products: %w", p.Spec.Objective, err)
	}
	return &HessianVector{between, samples}, nil
}

// Step multiplies, over the sample of step st. It may wait for queued work.
func (h *HessianVector) Step(st kernels.Step) error { return h.product.step(st) }

// Samples is how many gradients a Step counts for: that of an evaluator where the
// objective has its own products, twice that where differences are taken.
func (h *HessianVector) Samples() int64 { return h.product.gradients() * int64(h.samples) }

// Bytes is the least memory traffic of a Step: of a dense objective, that of the
// vectors alone.
func (h *HessianVector) Bytes() int64 { return h.product.bytes() }

// Kernels names what a Step runs.
func (h *HessianVector) Kernels() []string { return h.product.kernels() }

// Close gives back what Step needs.
func (h *HessianVector) Close() error { return h.product.close() }

// multiplied is a dense objective that has its own products.
type multiplied[T kernels.Real] struct {
	*matrices[T]
	curved           dense.Curved[T]
	x, d, out        Vector
	at, along, times []T // on the host
}

func (o *matrices[T]) product(x, d, out Vector) product {
	c, ok := o.objective.(dense.Curved[T])
	if !ok {
		return nil
	}
	n := x.Len()
	return &multiplied[T]{o, c, x, d, out, make([]T, n), make([]T, n), make([]T, n)}
}

func (m *multiplied[T]) step(st kernels.Step) error {
	if err := backend.Get(m.x.Buffer, m.at); err != nil {
		return err
	}
	if err := backend.Get(m.d.Buffer, m.along); err != nil {
		return err
	}
	m.curved.HessianVector(m.at, m.along, m.times, dense.Sample{Seed: m.problem.seed, Index: uint64(st.T), Batch: m.problem.Spec.Batch})
	return backend.Put(m.out.Buffer, m.times)
}

func (m *multiplied[T]) gradients() int64  { return 1 }
func (m *multiplied[T]) bytes() int64      { return 3 * int64(m.problem.Spec.DType.Bytes(len(m.at))) }
func (m *multiplied[T]) kernels() []string { return []string{"host/" + m.Name() + "_hessian"} }
func (m *multiplied[T]) close() error      { return nil }

// difference is a product by two gradients.
type difference struct {
	roundoff float64
	// norms writes the squares of |x| and |d|; ahead and behind set a point to
	// x+hd and x-hd, where first and second compute gradients, of which join makes
	// the product.
	norms, ahead, behind, join backend.Plan
	first, second              evaluation
	steps                      []func(kernels.Step) error // these five, in their order
	scalars                    []backend.Buffer           // one, h, -h, 1/2h, -1/2h, |x|^2, |d|^2
	got                        []float64
}

func (p *Problem) difference(x, d, out Vector) (_ *difference, err error) {
	s := &difference{roundoff: 0x1p-24, got: make([]float64, 1)}
	if p.Spec.DType == kernels.F64 {
		s.roundoff = 0x1p-53
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	y, err := p.Vector()
	if err != nil {
		return nil, err
	}
	g, err := p.Vector()
	if err != nil {
		return nil, err
	}
	for range 7 {
		b, err := p.Backend.Alloc(kernels.F64, 1)
		if err != nil {
			return nil, err
		}
		p.buffers = append(p.buffers, b)
		s.scalars = append(s.scalars, b)
	}
	one, h, minus, scale, opposite, xx, dd := s.scalars[0], s.scalars[1], s.scalars[2], s.scalars[3], s.scalars[4], s.scalars[5], s.scalars[6]
	if err := backend.Put(one, []float64{1}); err != nil {
		return nil, err
	}
	copied := backend.Copy{To: y.whole, From: x.whole} // with what is around it
	if s.norms, err = p.Backend.Bind(backend.Dot{X: x.Buffer, Y: x.Buffer, Out: xx}, backend.Dot{X: d.Buffer, Y: d.Buffer, Out: dd}); err != nil {
		return nil, err
	}
	if s.ahead, err = p.Backend.Bind(copied, backend.Combination{Y: y.Buffer, X: d.Buffer, A: one, B: h}); err != nil {
		return nil, err
	}
	if s.first, err = p.objective.evaluation(y, out, p.Spec.Batch, nil); err != nil {
		return nil, err
	}
	if s.behind, err = p.Backend.Bind(copied, backend.Combination{Y: y.Buffer, X: d.Buffer, A: one, B: minus}); err != nil {
		return nil, err
	}
	if s.second, err = p.objective.evaluation(y, g, p.Spec.Batch, nil); err != nil {
		return nil, err
	}
	if s.join, err = p.Backend.Bind(backend.Combination{Y: out.Buffer, X: g.Buffer, A: scale, B: opposite}); err != nil {
		return nil, err
	}
	s.steps = []func(kernels.Step) error{s.ahead.Step, s.first.step, s.behind.Step, s.second.step, s.join.Step}
	return s, nil
}

func (s *difference) step(st kernels.Step) error {
	if err := s.norms.Step(st); err != nil {
		return err
	}
	var squares [2]float64
	for i := range squares {
		if err := backend.Get(s.scalars[5+i], s.got); err != nil {
			return err
		}
		squares[i] = s.got[0]
	}
	h := math.Cbrt(s.roundoff * (1 + math.Sqrt(squares[0])))
	if squares[1] > 0 { // a direction of 0 gives 0 with any step
		h /= math.Sqrt(squares[1])
	}
	for i, v := range []float64{h, -h, 1 / (2 * h), -1 / (2 * h)} {
		s.got[0] = v
		if err := backend.Put(s.scalars[1+i], s.got); err != nil {
			return err
		}
	}
	for _, run := range s.steps {
		if err := run(st); err != nil {
			return err
		}
	}
	return nil
}

func (s *difference) gradients() int64 { return 2 }

func (s *difference) bytes() int64 {
	return s.norms.Bytes() + s.ahead.Bytes() + s.first.bytes() + s.behind.Bytes() + s.second.bytes() + s.join.Bytes()
}

func (s *difference) kernels() []string { return s.first.kernels() }

func (s *difference) close() error {
	var errs []error
	for _, p := range []backend.Plan{s.norms, s.ahead, s.behind, s.join} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	for _, e := range []evaluation{s.first, s.second} {
		if e != nil {
			errs = append(errs, e.close())
		}
	}
	return errors.Join(errs...)
}
