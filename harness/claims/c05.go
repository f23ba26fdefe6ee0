package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C05",
	Statement: "(L0,L1)-smoothness can be said of limsup |f'(x+h)-f'(x)|/|h|, without second derivatives",
	Source:    "slide: relaxed smoothness, remark; Zhang et al. 2020, arXiv:1905.11881",
	Theory:    "the same constants, L0 + L1|f'|",
	Limits:    "a function that is twice differentiable, where both forms must agree; differences over 1e-5",
	Quantities: []Quantity{
		{"largest secant over L0 + L1|f'|", Bound{1 + 1e-6}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		n := pick(t, "points", 2000, 20_000)
		slope, bend, err := curvatures(t, kernels.Cosh{L0: 1, L1: 1, Slope: 1}, -8, 8, n)
		most := 0.0
		for i := range slope {
			most = max(most, math.Abs(bend[i])/(1+math.Abs(slope[i])))
		}
		return []Estimate{exactly(most)}, err
	},
})
