package method

import (
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// PerturbedAGD is accelerated gradient descent that adds noise at small gradients and
// follows negative curvature where it comes upon it (Jin, Netrapalli, Jordan 2017,
// arXiv:1711.10456, Algorithm 2):
//
//	if |g(p)| <= eps, and the last noise is more than pause steps ago:
//	    p += xi, uniform in the ball of that radius
//	y = p + (1-theta)*v
//	p' = y - lr*g(y),  v = p' - p
//	if f(p) <= f(y) + g(y)(p-y) - gamma/2 |p-y|^2, and y is not p:
//	    if |v| < s: p' is the better of p + s*v/|v| and p - s*v/|v|; else p' = p
//	    v = 0
//
// where v in the last lines is that before the step. With lr = 1/(4L), and rho the
// constant of the Hessian, the theorem has
//
//	kappa = L/sqrt(rho*eps)    theta = 1/(4*sqrt(kappa))    gamma = theta^2/lr    s = gamma/(4*rho)
//
// and here kappa is at least 1. A step takes two gradients, and two more values, which
// count as gradients, where it follows curvature. It waits for values and products.
type PerturbedAGD struct {
	Eps    float64 `json:"eps" range:"(0,inf)"`
	Rho    float64 `json:"rho" range:"(0,inf)"`
	Radius float64 `json:"radius" range:"[0,inf)"`
	Pause  int     `json:"pause" range:"[0,inf)"`
}

func (PerturbedAGD) Name() string                       { return "perturbed-agd" }
func (PerturbedAGD) Room(s problem.Spec) (int64, error) { return room(s, 3) }

type perturbedAGD struct {
	PerturbedAGD
	stepping       // at the point; its step is to p'
	theta, gamma   float64
	reach          float64 // s
	there          *gradient
	measure, kick  *plan
	ahead          *plan // makes y
	products       *plan
	back, to       *plan // y = p + by*v, and p = y
	stop           *plan
	by             float64
	square, gv, vv *number
	last           *counter
}

func (m PerturbedAGD) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g, v, y := d.vector(), d.kept(), d.copied()
	s := &perturbedAGD{PerturbedAGD: m, square: d.number(), gv: d.number(), vv: d.number(), last: d.counter()}
	kappa := max(1, 1/(4*lr*math.Sqrt(m.Rho*m.Eps)))
	s.theta = 1 / (4 * math.Sqrt(kappa))
	s.gamma = s.theta * s.theta / lr
	s.reach = s.gamma / (4 * m.Rho)
	none := func(kernels.Step) (float64, float64) { return 0, 0 }
	away := func(kernels.Step) (float64, float64) { return 1, s.by }
	// v = p' - p, by way of v = p.
	s.stepping = stepping{d, d.gradient(x, g), d.plan(copying(v, x), copying(x, y), d.descent(x, g),
		mixing(v, x, func(kernels.Step) (float64, float64) { return -1, 1 }))}
	s.there = d.gradient(y, g)
	s.measure = d.plan(squaredNorm(g, s.square))
	s.kick = d.plan(d.perturbing(x, "ball", m.Radius))
	s.ahead = d.plan(copying(y, x), adding(y, v, 1-s.theta))
	s.products = d.plan(backend.Dot{X: g.Buffer, Y: v.Buffer, Out: s.gv.Buffer}, squaredNorm(v, s.vv))
	s.back = d.plan(copying(y, x), mixing(y, v, away))
	s.to = d.plan(copying(x, y))
	s.stop = d.plan(mixing(v, x, none))
	return d.ready(s)
}

func (s *perturbedAGD) Step(st kernels.Step) error {
	if err := s.perturb(st); err != nil {
		return err
	}
	if err := s.ahead.Step(st); err != nil {
		return err
	}
	if err := s.there.Step(st); err != nil {
		return err
	}
	if err := s.products.Step(st); err != nil {
		return err
	}
	gv, err := s.gv.read()
	if err != nil {
		return err
	}
	vv, err := s.vv.read()
	if err != nil {
		return err
	}
	way := 1 - s.theta // y - p is that times v
	here, err := valueOrNaN(s.at.Value())
	if err != nil {
		return err
	}
	there, err := valueOrNaN(s.there.Value())
	if err != nil {
		return err
	}
	if vv > 0 && here <= there-way*gv-s.gamma/2*way*way*vv {
		return s.exploit(st, math.Sqrt(vv))
	}
	return s.move.Step(st)
}

// perturb adds noise where the gradient is small, and takes it anew.
func (s *perturbedAGD) perturb(st kernels.Step) error {
	small, err := below(st, s.measure, s.square, s.Eps)
	if err != nil || !small {
		return err
	}
	last, err := s.last.get()
	if err != nil || last > 0 && st.T-last <= s.Pause {
		return err
	}
	if err := s.kick.Step(st); err != nil {
		return err
	}
	if err := s.last.set(st.T); err != nil {
		return err
	}
	return s.at.Step(st)
}

// exploit goes along v, of that length, either way, if it is short, and stops.
func (s *perturbedAGD) exploit(st kernels.Step, length float64) error {
	if length < s.reach {
		var values [2]float64
		for i, sign := range []float64{1, -1} {
			s.by = sign * s.reach / length
			if err := s.back.Step(st); err != nil {
				return err
			}
			if err := s.there.Step(st); err != nil {
				return err
			}
			var err error
			if values[i], err = valueOrNaN(s.there.Value()); err != nil {
				return err
			}
		}
		if values[0] <= values[1] { // y is at the other
			s.by = -s.by
			if err := s.back.Step(st); err != nil {
				return err
			}
		}
		if err := s.to.Step(st); err != nil {
			return err
		}
	}
	return s.stop.Step(st)
}

var _ = define("accelerated gradient descent with noise, and along negative curvature", "Jin, Netrapalli, Jordan 2017, arXiv:1711.10456", 1e-2,
	PerturbedAGD{Eps: 1e-2, Rho: 1, Radius: 1e-3, Pause: 50}, PerturbedAGD{Eps: 0.1, Rho: 10, Radius: 0.1, Pause: 1})
