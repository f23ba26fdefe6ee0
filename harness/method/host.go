package method

import (
	"errors"
	"fmt"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// host is what methods share that compute on the host, in float64: they read the
// point and the gradient from the backend, and write the point. What they work with,
// matrices and bases of many vectors, is beside that traffic, and gains from the
// digits.
type host struct {
	*problem.Evaluator
	problem *problem.Problem
	point   problem.Vector
	slope   problem.Vector
	x, g    []float64 // copies of both
	narrow  []float32 // on the way to and from a backend
	states  []*state
	cost    Cost
	closers []func() error
}

// A state is numbers that the next steps depend on. They lie on the backend, so that
// a run that was interrupted finds them again.
type state struct {
	backend.Buffer
	v []float64 // on the host
}

func newHost(p *problem.Problem, x problem.Vector) (h *host, err error) {
	n := x.Len()
	h = &host{problem: p, point: x, x: make([]float64, n), g: make([]float64, n), narrow: make([]float32, n)}
	if h.slope, err = p.Vector(); err != nil {
		return nil, err
	}
	h.Evaluator, err = p.Evaluator(x, h.slope)
	return h, err
}

// roomOfHost is what newHost takes, with vectors of float64 more.
func roomOfHost(s problem.Spec, vectors int) int64 {
	return int64(s.DType.Bytes(s.Dim)) + int64(4*s.Dim) + 8*int64(vectors+2)*int64(s.Dim)
}

// state returns n zeros that steps depend on.
func (h *host) state(n int) (*state, error) {
	b, err := h.problem.Backend.Alloc(kernels.F64, n)
	if err != nil {
		return nil, fmt.Errorf("%d numbers of state: %w", n, err)
	}
	h.closers = append(h.closers, b.Free)
	s := &state{b, make([]float64, n)}
	h.states = append(h.states, s)
	return s, nil
}

func (h *host) Evaluate(st kernels.Step) error {
	h.cost.GradEvals += h.Samples()
	h.cost.Bytes += h.Evaluator.Bytes()
	return h.Evaluator.Step(st)
}

// begin reads what a step goes by. Where the gradient's norm is not finite there is no
// step to take: the point becomes NaN, as with an update, and begin returns false.
func (h *host) begin() (bool, error) {
	if err := errors.Join(h.get(h.point, h.x), h.get(h.slope, h.g)); err != nil {
		return false, err
	}
	for _, s := range h.states {
		if err := backend.Get(s.Buffer, s.v); err != nil {
			return false, err
		}
		h.cost.Bytes += int64(8 * len(s.v))
	}
	if finite([]float64{dot(h.g, h.g)}) {
		return true, nil
	}
	return false, h.diverge()
}

// diverge ends a run whose numbers are not finite.
func (h *host) diverge() error {
	for i := range h.x {
		h.x[i] = math.NaN()
	}
	return h.end()
}

// end writes the point, and what the next steps depend on.
func (h *host) end() error {
	for _, s := range h.states {
		if err := backend.Put(s.Buffer, s.v); err != nil {
			return err
		}
		h.cost.Bytes += int64(8 * len(s.v))
	}
	return h.put(h.point, h.x)
}

// get copies a vector to the host.
func (h *host) get(v problem.Vector, to []float64) error {
	h.cost.Bytes += int64(v.DType().Bytes(v.Len()))
	if v.DType() == kernels.F64 {
		return backend.Get(v.Buffer, to)
	}
	if err := backend.Get(v.Buffer, h.narrow); err != nil {
		return err
	}
	for i, x := range h.narrow {
		to[i] = float64(x)
	}
	return nil
}

// put copies from the host to a vector, which rounds.
func (h *host) put(v problem.Vector, from []float64) error {
	h.cost.Bytes += int64(v.DType().Bytes(v.Len()))
	if v.DType() == kernels.F64 {
		return backend.Put(v.Buffer, from)
	}
	for i, x := range from {
		h.narrow[i] = float32(x)
	}
	return backend.Put(v.Buffer, h.narrow)
}

func (h *host) Cost() Cost { return h.cost }

func (h *host) State() ([]backend.Buffer, bool) {
	var out []backend.Buffer
	for _, s := range h.states {
		out = append(out, s.Buffer)
	}
	return out, true
}

func (h *host) Close() error {
	errs := []error{h.Evaluator.Close()}
	for _, c := range h.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// started returns s, a stepper that has h, unless something failed on the way.
func started(s Stepper, err error) (Stepper, error) {
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// The sums of vectors on the host have one order.

func dot(x, y []float64) float64 {
	var a [4]float64
	n := len(x) &^ 3
	for i := 0; i < n; i += 4 {
		a[0] += x[i] * y[i]
		a[1] += x[i+1] * y[i+1]
		a[2] += x[i+2] * y[i+2]
		a[3] += x[i+3] * y[i+3]
	}
	for i := n; i < len(x); i++ {
		a[0] += x[i] * y[i]
	}
	return (a[0] + a[1]) + (a[2] + a[3])
}

func norm(x []float64) float64 { return math.Sqrt(dot(x, x)) }

// axpy adds a*x to y.
func axpy(a float64, x, y []float64) {
	for i, v := range x {
		y[i] += a * v
	}
}

func scale(a float64, x []float64) {
	for i := range x {
		x[i] *= a
	}
}

func finite(x []float64) bool {
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
