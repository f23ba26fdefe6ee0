package claims

import "github.com/optbench/optbench/kernels"

var _ = define(Claim{
	ID:        "C14",
	Statement: "LAMB needs no bias correction: version 3 of the paper leaves it out",
	Source:    "You et al. 2020, arXiv:1904.00962v3; not on the slides",
	Theory:    "cancels where decay and eps are 0",
	Limits:    "100 steps of one quadratic: a first design took 500, where steps about the minimum had blown rounding up to 0.07; with decay the two differ, as the control shows",
	Quantities: []Quantity{
		{"largest distance, no decay, eps 0", Below{1e-10}},
		{"control: largest distance, decay 0.1", Above{1e-4}},
	},
	Measure: func(t *Trial) (out []Estimate, err error) {
		steps := pick(t, "steps", 100, 100)
		for _, u := range []kernels.LAMB{{Beta1: 0.9, Beta2: 0.999}, {Beta1: 0.9, Beta2: 0.999, WeightDecay: 0.1}} {
			a, err := path(t, u, 0.01, steps)
			if err != nil {
				return nil, err
			}
			u.NoDebias = true
			b, err := path(t, u, 0.01, steps)
			if err != nil {
				return nil, err
			}
			out = append(out, exactly(apart(a, b)))
		}
		return out, nil
	},
})
