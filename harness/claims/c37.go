package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C37",
	Statement: "SGD needs no perturbation if its noise is dispersive: it leaves a saddle if the noise has a part along the way out",
	Source:    "slide: SGD without perturbation; Fang, Lin, Zhang 2019, arXiv:1902.00247",
	Theory:    "ln R/ln(1+lr*gamma); R=∞: never",
	Limits:    "one saddle in 10 dimensions; the rate eps^-3.5 is not measured",
	Quantities: []Quantity{
		{"steps per ln R", Near{1 / math.Log(1.01), 5}},
		{"control: share of runs that leave without noise", Below{0}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		ratios := pick(t, "R", []float64{1e2, 1e4, 1e6}, []float64{1e2, 1e4, 1e6, 1e8})
		steps, err := anisotropic(t, kernels.SGD{}, ratios, pick(t, "runs", 20, 100))
		if err != nil {
			return nil, err
		}
		still, err := leave(t, setup{update: kernels.SGD{}, lr: 0.05, dim: 10, start: beside(0, 0)}, 0.2, 1, 10_000)
		left := 1.0
		if math.IsInf(still, 1) {
			left = 0
		}
		return []Estimate{perLog(t, ratios, steps), exactly(left)}, err
	},
})
