package claims

import (
	"context"
	"errors"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// A setup says what steps, and on what. All of it runs as definitions of package
// kernels, in float64, on cpu:go.
type setup struct {
	objective kernels.Objective
	text      string // in place of an objective, one of matrices
	dim       int
	noise     kernels.Noise // nil for none
	update    kernels.Update
	method    method.Method // in place of an update
	lr        float64
	rate      func(t int) float64 // multiplies the learning rate at step t; nil for 1
	threshold float64             // of updates that clip coordinates
	start     func(i int) float64 // nil for the objective's own
	seed      uint64
}

// A walk is an optimizer under way.
type walk struct {
	backend backend.Backend
	problem *problem.Problem
	point   problem.Vector
	slope   problem.Vector
	look    *problem.Evaluator // without noise
	stepper method.Stepper
	ctx     context.Context
	rate    func(t int) float64
	t       int
	x, g    []float64
}

func (t *Trial) swapped(n kernels.Named) kernels.Named {
	if t.runner.Swap == nil {
		return n
	}
	return t.runner.Swap(n)
}

// walk starts one, and closes it when f is done.
func (t *Trial) walk(s setup, f func(*walk) error) (err error) {
	w := &walk{ctx: t.ctx, rate: s.rate, x: make([]float64, s.dim), g: make([]float64, s.dim)}
	if w.backend, err = (backend.Options{Threads: 1}).Open("cpu:go"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.backend.Close()) }()
	spec := problem.Spec{Objective: s.text, Dim: s.dim, DType: kernels.F64}
	if s.objective != nil {
		spec.Objective = kernels.FormatObjective(s.objective)
	}
	if s.noise != nil {
		spec.Noise = kernels.FormatNoise(t.swapped(s.noise).(kernels.Noise))
	}
	if w.problem, err = problem.Open(w.backend, spec, s.seed, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.problem.Close()) }()
	if w.point, err = w.problem.Vector(); err != nil {
		return err
	}
	if w.slope, err = w.problem.Vector(); err != nil {
		return err
	}
	if err = w.problem.Start(w.point); err != nil {
		return err
	}
	if s.start != nil {
		if err = problem.Fill(w.point.Buffer, s.start); err != nil {
			return err
		}
	}
	if w.look, err = w.problem.Exact(w.point, w.slope); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.look.Close()) }()
	m := s.method
	switch {
	case s.update != nil:
		m = method.Fused{Update: t.swapped(s.update).(kernels.Update), Threshold: s.threshold}
	case m != nil:
		m = t.swapped(m).(method.Method)
	default:
		return f(w)
	}
	if w.stepper, err = m.Start(w.problem, w.point, s.lr); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stepper.Close()) }()
	return f(w)
}

// step takes one.
func (w *walk) step() error {
	if w.t&1023 == 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
	w.t++
	st := kernels.At(w.t)
	if w.rate != nil {
		st.LRScale = w.rate(w.t)
	}
	if err := w.stepper.Evaluate(st); err != nil {
		return err
	}
	return w.stepper.Step(st)
}

// steps takes as many as lead to step t.
func (w *walk) steps(t int) error {
	for w.t < t {
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

// read copies the point to w.x.
func (w *walk) read() error { return backend.Get(w.point.Buffer, w.x) }

// put moves the point to x.
func (w *walk) put(x []float64) error { return backend.Put(w.point.Buffer, x) }

// gradient computes that at the point, without noise, and copies both to w.g and w.x. It
// returns the value above the minimum.
func (w *walk) gradient() (float64, error) {
	if err := w.look.Step(kernels.At(w.t + 1)); err != nil {
		return 0, err
	}
	v, err := w.look.Value()
	if err != nil {
		return 0, err
	}
	return v, errors.Join(w.read(), backend.Get(w.slope.Buffer, w.g))
}

func norm(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v * v)
	}
	return math.Sqrt(sum)
}

// until steps until stop holds, which is asked first, and returns how many steps that
// took; +Inf where it does not hold after so many, or the walk is lost to infinity.
func (w *walk) until(most int, stop func() (bool, error)) (float64, error) {
	for {
		done, err := stop()
		if errors.Is(err, problem.ErrNotFinite) {
			return math.Inf(1), nil
		}
		if err != nil || done {
			return float64(w.t), err
		}
		if w.t >= most {
			return math.Inf(1), nil
		}
		if err := w.step(); err != nil {
			return 0, err
		}
	}
}
