package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C34b",
	Statement: "momentum leaves saddles faster: in 1/sqrt(lr*gamma) steps, where descent takes 1/(lr*gamma)",
	Source:    "slide: momentum and saddles; Jin, Netrapalli, Jordan 2017, arXiv:1711.10456; O'Neill, Wright 2017",
	Theory:    "exponents 1 and 1/2 in 1/gamma",
	Limits:    "one saddle in 10 dimensions, a start 1e-6 beside it in place of noise; beta = 1-sqrt(lr*gamma) knows gamma",
	Quantities: []Quantity{
		{"exponent in 1/gamma, gradient descent", Near{1, 0.03}},
		{"exponent in 1/gamma, heavy ball", Near{0.5, 0.03}},
	},
	Measure: func(t *Trial) (out []Estimate, err error) {
		const lr = 0.5
		gammas := pick(t, "gamma", []float64{0.1, 0.03, 0.01, 0.003, 0.001}, []float64{0.1, 0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4})
		for _, u := range []func(gamma float64) kernels.Update{
			func(float64) kernels.Update { return kernels.SGD{} },
			func(gamma float64) kernels.Update { return kernels.Momentum{Beta: 1 - math.Sqrt(lr*gamma)} },
		} {
			steps, err := side(t, gammas, func(gamma float64) (float64, error) {
				return leave(t, setup{update: u(gamma), lr: lr, dim: 10, start: beside(1e-6, 0.1)}, gamma, 1, 10_000_000)
			})
			if err != nil {
				return nil, err
			}
			out = append(out, exponent(inverses(gammas), steps))
		}
		return out, nil
	},
})
