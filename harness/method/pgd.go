package method

import "github.com/optbench/optbench/harness/problem"

// PGD is perturbed gradient descent, with noise in every step:
//
//	p -= lr * (g + xi)
//
// The noise is uniform in the ball of that radius (Ge, Huang, Jin, Yuan 2015,
// arXiv:1503.02101; Du et al. 2017, arXiv:1705.10412), or N(0, radius^2/d), with which
// the time to leave a saddle grows with the logarithm of the dimension alone (Jin,
// Netrapalli, Ge, Kakade, Jordan 2019, arXiv:1902.04811, for a rate of order 1/L and a
// radius of the order of the gradients that are to be reached).
type PGD struct {
	Radius float64 `json:"radius" range:"[0,inf)"`
	Law    string  `json:"law" range:"ball|gaussian"`
}

func (PGD) Name() string                       { return "pgd" }
func (PGD) Room(s problem.Spec) (int64, error) { return room(s, 1) }

func (m PGD) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g := d.vector()
	return d.ready(&stepping{d, d.gradient(x, g), d.plan(d.perturbing(g, m.Law, m.Radius), d.descent(x, g))})
}

var _ = define("gradient descent with noise in every step", "Du et al. 2017; Jin et al. 2019, arXiv:1902.04811", 1e-2,
	PGD{Radius: 1e-2, Law: "ball"}, PGD{Radius: 0.1, Law: "gaussian"})
