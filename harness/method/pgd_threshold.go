package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// PGDThreshold is perturbed gradient descent that adds noise only where it may be at a
// saddle (Jin, Ge, Netrapalli, Kakade, Jordan 2017, arXiv:1703.00887, Algorithm 2):
//
//	if |g| <= threshold, and the last noise is more than pause steps ago:
//	    p += xi, uniform in the ball of that radius; the gradient is taken anew
//	p -= lr * g
//
// The paper ends where the value has not fallen a while after the noise; a run goes on.
// A norm that is not finite is above any threshold. Each step waits for the norm.
type PGDThreshold struct {
	Radius    float64 `json:"radius" range:"[0,inf)"`
	Threshold float64 `json:"threshold" range:"[0,inf)"`
	Pause     int     `json:"pause" range:"[0,inf)"`
}

func (PGDThreshold) Name() string                       { return "pgd-threshold" }
func (PGDThreshold) Room(s problem.Spec) (int64, error) { return room(s, 1) }

type pgdThreshold struct {
	PGDThreshold
	stepping
	measure, kick *plan
	square        *number  // of the norm
	last          *counter // the step of the last noise, or 0
}

func (m PGDThreshold) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g := d.vector()
	s := &pgdThreshold{PGDThreshold: m, square: d.number(), last: d.counter()}
	s.stepping = stepping{d, d.gradient(x, g), d.plan(d.descent(x, g))}
	s.measure = d.plan(squaredNorm(g, s.square))
	s.kick = d.plan(d.perturbing(x, "ball", m.Radius))
	return d.ready(s)
}

func (s *pgdThreshold) Step(st kernels.Step) error {
	small, err := below(st, s.measure, s.square, s.Threshold)
	if err != nil {
		return err
	}
	last, err := s.last.get()
	if err != nil {
		return err
	}
	if small && (last == 0 || st.T-last > s.Pause) {
		for _, do := range []func() error{
			func() error { return s.kick.Step(st) },
			func() error { return s.last.set(st.T) },
			func() error { return s.at.Step(st) },
		} {
			if err := do(); err != nil {
				return err
			}
		}
	}
	return s.move.Step(st)
}

// below reports whether the norm whose square a plan writes is at most a threshold.
func below(st kernels.Step, measure *plan, square *number, threshold float64) (bool, error) {
	if err := measure.Step(st); err != nil {
		return false, err
	}
	sq, err := square.read()
	return sq <= threshold*threshold, err
}

var _ = define("gradient descent with noise where gradients are small", "Jin et al. 2017, arXiv:1703.00887", 1e-2,
	PGDThreshold{Radius: 1e-2, Threshold: 1e-2, Pause: 50}, PGDThreshold{Radius: 0.1, Threshold: 1, Pause: 1})
