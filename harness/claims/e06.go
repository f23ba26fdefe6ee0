package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "E6",
	Statement: "Adagrad is x -= G^(-1/2) g, without a learning rate",
	Source:    "slides: scaled gradients, Adam in matrix form",
	Theory:    "first step of length 1, any scale",
	Limits:    "the first step from 0.001 beside the minimum, in one dimension, where both forms of Adagrad are one",
	Quantities: []Quantity{
		{"distance after over before, as printed", Refutes{Near{999, 1e-3}}},
		{"distance after over before, lr 0.001", Near{0, 1e-3}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		var out []Estimate
		for _, lr := range []float64{1, 1e-3} {
			s := setup{objective: quadratic, dim: 1, update: kernels.Adagrad{Eps: 1e-10}, lr: lr, start: func(int) float64 { return 1.001 }}
			err := t.walk(s, func(w *walk) error {
				if err := w.step(); err != nil {
					return err
				}
				err := w.read()
				out = append(out, exactly(math.Abs(w.x[0]-1)/1e-3))
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	},
})
