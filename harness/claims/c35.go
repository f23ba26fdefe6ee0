package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C35",
	Statement: "normalized descent leaves a ball round a saddle on a path of at most 5*sqrt(kappa) radii, wherever it starts but on the saddle",
	Source:    "slide: saddle-NGD; Levy 2016; Murray, Swenson, Kar 2017, arXiv:1711.05224",
	Theory:    "path at most 5 sqrt(kappa) r",
	Limits:    "one saddle with kappa 10 in 10 dimensions, a radius of 1, a step of 0.001; the constant is the theorem's for small steps",
	Quantities: []Quantity{
		{"longest path over the bound", Bound{1}},
		{"steps of gradient descent per ln(1/x0)", Near{1 / math.Log(1.001), 20}},
		{"control: share of starts on the saddle that leave", Below{0}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		const gamma, step = 0.1, 1e-3
		starts := pick(t, "x0", []float64{1e-1, 1e-2, 1e-4, 1e-6, 1e-8}, []float64{1e-1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12})
		paths, err := side(t, starts, func(x0 float64) (float64, error) {
			n, err := leave(t, setup{update: kernels.NormalizedGD{}, lr: step, dim: 10, start: beside(x0, 0.1)}, gamma, 1, 1_000_000)
			return n * step / (5 * math.Sqrt(10)), err
		})
		if err != nil {
			return nil, err
		}
		most := 0.0
		for _, p := range paths {
			most = max(most, p)
		}
		// The first start is past the part that is linear.
		steps, err := side(t, starts[1:], func(x0 float64) (float64, error) {
			return leave(t, setup{update: kernels.SGD{}, lr: 0.01, dim: 10, start: beside(x0, 0.1)}, gamma, 1, 1_000_000)
		})
		if err != nil {
			return nil, err
		}
		on, err := leave(t, setup{update: kernels.NormalizedGD{}, lr: step, dim: 10, start: beside(0, 0)}, gamma, 1, 20_000)
		left := 1.0
		if math.IsInf(on, 1) {
			left = 0
		}
		return []Estimate{exactly(most), line(logs(inverses(starts[1:])), steps), exactly(left)}, err
	},
})
