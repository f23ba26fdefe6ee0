package claims

import (
	"math"

	"github.com/optbench/optbench/harness/method"
)

var _ = define(Claim{
	ID:        "C30",
	Statement: "the steps in which perturbed descent leaves a saddle grow with the logarithm of the dimension",
	Source:    "slide: theorem 13; Jin et al. 2019, arXiv:1902.04811",
	Theory:    "ln d/(2 ln(1+lr*gamma)) steps",
	Limits:    "one way out, all coordinates simulated; noise N(0, r^2/d I) at every step, from the saddle itself",
	Quantities: []Quantity{
		{"steps per ln d", Near{1 / (2 * math.Log(1.05)), 1.5}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		dims := pick(t, "d", []float64{10, 100, 1000, 10_000}, []float64{10, 100, 1000, 10_000, 100_000})
		runs := pick(t, "runs", 40, 100)
		steps := make([][]float64, len(dims))
		for k, d := range dims {
			steps[k] = make([]float64, runs)
			err := t.Each(runs, func(i int) (err error) {
				s := setup{method: method.PGD{Radius: 0.01, Law: "gaussian"}, lr: 0.25, dim: int(d), seed: t.Seed(k*runs + i), start: beside(0, 0)}
				steps[k][i], err = leave(t, s, 0.2, 1, 10_000)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		at := logs(dims)
		mean := make([]float64, len(dims))
		return []Estimate{bootstrap(runs, t.Seed(0), func(runs []int) float64 {
			for k := range dims {
				mean[k] = 0
				for _, r := range runs {
					mean[k] += steps[k][r] / float64(len(runs))
				}
			}
			return slope(at, mean)
		})}, nil
	},
})
