package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C12",
	Statement: "without bias correction Adam's first steps are too long",
	Source:    "slide: Adam, bias correction; Kingma, Ba 2015, arXiv:1412.6980",
	Theory:    "(1-beta1)/sqrt(1-beta2) at first",
	Limits:    "a constant gradient, the usual betas; how much that hurts depends on the objective",
	Quantities: []Quantity{
		{"first step over lr, uncorrected", Near{math.Sqrt(10), 1e-3}},
		{"first step over lr, corrected", Near{1, 1e-3}},
		{"longest step over lr, uncorrected", Near{longest(0.9, 0.999), 1e-3}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		u := kernels.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-12}
		corrected, err := pace(t, 1, u)
		if err != nil {
			return nil, err
		}
		u.Correction = kernels.Uncorrected
		steps := pick(t, "steps", 100, 100)
		total := make([]float64, steps+1)
		most := 0.0
		for k := 1; k <= steps; k++ {
			e, err := pace(t, k, u)
			if err != nil {
				return nil, err
			}
			total[k] = e.Value * float64(k)
			most = max(most, total[k]-total[k-1])
		}
		return []Estimate{exactly(total[1]), corrected, exactly(most)}, nil
	},
})

// longest is the largest (1-beta1^t)/sqrt(1-beta2^t).
func longest(beta1, beta2 float64) (most float64) {
	for k := 1.0; k <= 1000; k++ {
		most = max(most, (1-math.Pow(beta1, k))/math.Sqrt(1-math.Pow(beta2, k)))
	}
	return most
}
