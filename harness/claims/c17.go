package claims

import "github.com/optbench/optbench/kernels"

var _ = define(Claim{
	ID:        "C17",
	Statement: "under noise of finite variance f-f* of clipped SGD falls as 1/k, and |grad f| as k^(-1/4)",
	Source:    "slide: rates under heavy tails, alpha = 2; Zhang et al. 2020, arXiv:1912.03194",
	Theory:    "exponents -1 and -1/4",
	Limits:    "one function in one dimension each; the steps prescribed by the theorems set the slopes",
	Quantities: []Quantity{
		{"exponent of f-f*, strongly convex", Near{-1, 0.05}},
		{"exponent of mean |f'|, nonconvex", Near{-0.25, 0.02}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		at := powers(7, pick(t, "log2 of steps, strongly convex", 13, 15))
		d, err := strongly(t, pick(t, "runs, strongly convex", 500, 2000), at, kernels.Gaussian{Scale: 1, Batch: 1}, 2, 0)
		if err != nil {
			return nil, err
		}
		e, err := horizons(t, kernels.Gaussian{Scale: 1, Batch: 1}, 2, 1)
		return []Estimate{decay(at, squares(d), t.Seed(0)), e}, err
	},
})
