package method

import (
	"errors"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// TrustRegion minimises a quadratic model within a ball (Conn, Gould, Toint 2000, Trust
// Region Methods, Algorithm 6.1.1):
//
//	p += argmin_s g's + s'Hs/2    |s| <= radius
//
// The radius begins as the learning rate. It is quartered, and the step tried again,
// where the value falls by less than a tenth of what the model promises, and is
// quartered behind a step that falls by less than a quarter; it is doubled behind one
// of full length that falls by more than three quarters. Values are exact and gradients
// are taken to be: with noise on them the radius shrinks until steps are lost. Fixed, it stays the learning
// rate, and every step is taken: with sqrt(eps/rho), for a Hessian of Lipschitz constant
// rho, that too reaches gradients of size eps in O(eps^(-3/2)) steps, at points of
// curvature above -sqrt(rho eps).
//
// The model is minimised in a Krylov space, of at most Krylov vectors (Gould, Lucidi,
// Roma, Toint 1999, SIAM J. Optim. 9, p. 504), as by [CubicNewton]. Each value that is
// tried counts as a gradient. It is computed on the host in float64.
type TrustRegion struct {
	Krylov int  `json:"krylov" range:"[1,1000]"`
	Fixed  bool `json:"fixed"`
}

func (TrustRegion) Name() string { return "trust-region" }

func (r TrustRegion) Room(s problem.Spec) (int64, error) {
	room, err := roomOfKrylov(r.Name(), s, r.Krylov)
	return room + 2*int64(s.DType.Bytes(s.Dim)), err
}

type trustRegion struct {
	TrustRegion
	*krylov
	lr     float64
	radius *state // 0 before the first step
	trial  problem.Vector
	tried  *problem.Evaluator
	to     []float64
}

func (r TrustRegion) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	k, err := newKrylov(r.Name(), p, x, r.Krylov)
	if err != nil {
		return nil, err
	}
	s := &trustRegion{TrustRegion: r, krylov: k, lr: lr, to: make([]float64, x.Len())}
	if r.Fixed {
		return s, nil
	}
	if s.radius, err = k.state(1); err != nil {
		return started(s, err)
	}
	if s.trial, err = p.Vector(); err != nil {
		return started(s, err)
	}
	g, err := p.Vector()
	if err != nil {
		return started(s, err)
	}
	if err = p.Start(s.trial); err != nil { // sets what is around it
		return started(s, err)
	}
	if s.tried, err = p.Exact(s.trial, g); err == nil {
		k.closers = append(k.closers, s.tried.Close)
	}
	return started(s, err)
}

func (s *trustRegion) Step(st kernels.Step) error {
	if ok, err := s.begin(); !ok {
		return err
	}
	radius := s.lr * st.LRScale
	if !s.Fixed && s.radius.v[0] > 0 {
		radius = s.radius.v[0]
	}
	if radius == 0 {
		return nil // a schedule has come to its end
	}
	within := func(float64) float64 { return radius }
	model, ok, err := s.solve(st, s.Krylov, within, func(length float64) float64 { return length / radius })
	if err != nil {
		return err
	}
	if !ok {
		return s.diverge()
	}
	if s.Fixed {
		axpy(1, s.combine(model.y), s.x)
		return s.end()
	}
	value, err := s.Value()
	if errors.Is(err, problem.ErrNotFinite) {
		return s.diverge()
	}
	if err != nil {
		return err
	}
	for range attempts {
		copy(s.to, s.x)
		axpy(1, s.combine(model.y), s.to)
		share, err := s.try(st, value, model.decrease)
		if err != nil {
			return err
		}
		switch full := model.length > 0.99*radius; {
		case share > 0.75 && full:
			radius *= 2
		case share < 0.25:
			radius = min(radius, model.length) / 4
		}
		s.radius.v[0] = radius
		if share >= 0.1 {
			copy(s.x, s.to)
			break
		}
		if model, err = s.minimise(within); err != nil {
			return err
		}
	}
	return s.end()
}

// attempts is how often a step is shortened, by four each time, before the gradient is
// asked for again: noise may have turned it.
const attempts = 5

// try returns the share of a promised decrease that the value at s.to, below another,
// keeps. Where both are lost in the rounding of values it is 1 (Conn, Gould, Toint 2000,
// section 17.4.2); where there is no value it is -Inf.
func (s *trustRegion) try(st kernels.Step, value, promised float64) (float64, error) {
	if err := s.put(s.trial, s.to); err != nil {
		return 0, err
	}
	s.cost.GradEvals += s.tried.Samples()
	s.cost.Bytes += s.tried.Bytes()
	if err := s.tried.Step(st); err != nil {
		return 0, err
	}
	v, err := s.tried.Value()
	if errors.Is(err, problem.ErrNotFinite) {
		return math.Inf(-1), nil
	}
	if err != nil {
		return 0, err
	}
	lost := 10 * roundoff(s.point) * (math.Abs(value) + math.Abs(s.problem.Minimum))
	return (value - v + lost) / (promised + lost), nil
}

// roundoff is the unit roundoff of the type of a vector.
func roundoff(v backend.Buffer) float64 {
	if v.DType() == kernels.F64 {
		return 0x1p-53
	}
	return 0x1p-24
}

var _ = define("Newton's method within a ball that grows and shrinks; lr is its first radius", "Conn, Gould, Toint 2000", 1,
	TrustRegion{Krylov: 100}, TrustRegion{Krylov: 5}, TrustRegion{Krylov: 5, Fixed: true})
