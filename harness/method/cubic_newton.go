package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// CubicNewton takes the step that minimises a model of third order (Nesterov, Polyak
// 2006, Math. Program. 108, p. 177):
//
//	p += argmin_s g's + s'Hs/2 + M/6 |s|^3    M = 1/lr
//
// It reaches gradients of size eps in O(eps^(-3/2)) steps, at points without curvature
// below -sqrt(M eps), if M is at least the Lipschitz constant of the Hessian. The model
// is minimised in a Krylov space of as many vectors as it takes, or at most Krylov: with
// as many as there are dimensions to all digits, the hard case included (Cartis, Gould,
// Toint 2011; Carmon, Duchi 2018, arXiv:1806.09222). It is computed on the host in
// float64.
type CubicNewton struct {
	Krylov int `json:"krylov" range:"[1,1000]"`
}

func (CubicNewton) Name() string { return "cubic-newton" }

func (c CubicNewton) Room(s problem.Spec) (int64, error) { return roomOfKrylov(c.Name(), s, c.Krylov) }

type cubicNewton struct {
	CubicNewton
	*krylov
	lr float64
}

func (c CubicNewton) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	k, err := newKrylov(c.Name(), p, x, c.Krylov)
	if err != nil {
		return nil, err
	}
	return &cubicNewton{c, k, lr}, nil
}

func (s *cubicNewton) Step(st kernels.Step) error {
	if ok, err := s.begin(); !ok {
		return err
	}
	lr := s.lr * st.LRScale
	if lr == 0 {
		return nil // a schedule has come to its end
	}
	size := norm(s.g)
	model, ok, err := s.solve(st, s.Krylov,
		func(mu float64) float64 { return 2 * mu * lr },
		func(length float64) float64 { return length * length / (2 * lr * size) }) // of the cubic term's slope
	if err != nil {
		return err
	}
	if !ok {
		return s.diverge()
	}
	axpy(1, s.combine(model.y), s.x)
	return s.end()
}

var _ = define("cubic-regularised Newton, with 1/lr for the constant of the Hessian", "Nesterov, Polyak 2006", 1,
	CubicNewton{Krylov: 100}, CubicNewton{Krylov: 5})
