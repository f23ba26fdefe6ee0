package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// anisotropic is how many steps an update takes, from a saddle, under noise that is
// smaller by a ratio along the way out; one number per run and ratio.
func anisotropic(t *Trial, u kernels.Update, ratios []float64, runs int) ([][]float64, error) {
	out := make([][]float64, runs)
	err := t.Each(runs, func(i int) error {
		for _, r := range ratios {
			s := setup{update: u, lr: 0.05, dim: 10, noise: kernels.Gaussian{Scale: 1, Batch: 1}, seed: t.Seed(i), start: beside(0, 0)}
			n, err := leave(t, s, 0.2, r, 100_000)
			if err != nil {
				return err
			}
			out[i] = append(out[i], n)
		}
		return nil
	})
	return out, err
}

// perLog is the slope of the steps in the logarithm of the ratio.
func perLog(t *Trial, ratios []float64, steps [][]float64) Estimate {
	slopes := make([]float64, len(steps))
	for i := range steps {
		slopes[i] = slope(logs(ratios), steps[i])
	}
	return meanOf(slopes, t.Seed(0))
}

var _ = define(Claim{
	ID:        "C36",
	Statement: "adaptive methods leave saddles faster than SGD, for they make the noise the same in all directions",
	Source:    "slide: adaptive methods and saddles; Staib et al. 2019, arXiv:1901.09149",
	Theory:    "SGD: ln R/ln(1+lr*gamma) more",
	Limits:    "one saddle in 10 dimensions with noise R times smaller along the way out, one rate for both; the bound d^4 eps^-5 is not measured",
	Quantities: []Quantity{
		{"steps of SGD per ln R", Near{1 / math.Log(1.01), 5}},
		{"steps of SGD over RMSProp at the largest R", Above{2}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		ratios := pick(t, "R", []float64{30, 300, 3000}, []float64{30, 300, 3000, 30_000})
		runs := pick(t, "runs", 20, 100)
		slow, err := anisotropic(t, kernels.SGD{}, ratios, runs)
		if err != nil {
			return nil, err
		}
		quick, err := anisotropic(t, kernels.RMSProp{Beta: 0.99, Eps: 1e-8}, ratios, runs)
		if err != nil {
			return nil, err
		}
		gains := make([]float64, runs)
		for i := range gains {
			gains[i] = last(slow[i]) / last(quick[i])
		}
		return []Estimate{perLog(t, ratios, slow), meanOf(gains, t.Seed(1))}, nil
	},
})
