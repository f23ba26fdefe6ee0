package method

import (
	"math"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// PerturbedMomentum is Polyak's heavy ball with noise in every step,
//
//	m  = beta*m + g + xi    xi of N(0, radius^2/d), beta = 1 - sqrt(lr*Gamma)
//	p -= lr * m
//
// which leaves a saddle of curvature -Gamma in a time of order 1/sqrt(lr*Gamma), where
// gradient descent takes 1/(lr*Gamma). Beta is 0 where that would be below. It is of no
// single paper; for the noise see [PGD], for the analysis O'Neill, Wright 2019,
// arXiv:1706.07993.
type PerturbedMomentum struct {
	Radius float64 `json:"radius" range:"[0,inf)"`
	Gamma  float64 `json:"gamma" range:"(0,inf)"`
}

func (PerturbedMomentum) Name() string                       { return "perturbed-momentum" }
func (PerturbedMomentum) Room(s problem.Spec) (int64, error) { return room(s, 2) }

func (m PerturbedMomentum) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g, v := d.vector(), d.kept()
	u := kernels.Momentum{LR: lr, Beta: max(0, 1-math.Sqrt(lr*m.Gamma))}
	return d.ready(&stepping{d, d.gradient(x, g), d.plan(d.perturbing(g, "gaussian", m.Radius), update(u, x, g, v))})
}

var _ = define("heavy-ball momentum with noise in every step", "O'Neill, Wright 2019, arXiv:1706.07993", 1e-2,
	PerturbedMomentum{Radius: 1e-2, Gamma: 1}, PerturbedMomentum{Radius: 0.1, Gamma: 0.1})
