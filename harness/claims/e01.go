package claims

var _ = define(Claim{
	ID:        "E1",
	Statement: "under noise of tail index alpha, f-f* of clipped SGD on strongly convex functions falls as k^(-(alpha-1)/alpha)",
	Source:    "slide: rates under heavy tails, strongly convex column; Zhang et al. 2020, arXiv:1912.03194",
	Theory:    "f-f*: -2(α-1)/α; |x-x*|: -(α-1)/α",
	Limits:    "one quadratic in one dimension and one law of noise; the steps prescribed by the theorem set the slope",
	Quantities: []Quantity{
		{"exponent of f-f*, alpha 1.5", Misprint{Printed: -1. / 3, Corrected: -2. / 3, Within: 0.05}},
		{"exponent of |x-x*|, alpha 1.5", Near{-1. / 3, 0.05}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		at := powers(7, pick(t, "log2 of steps", 13, 15))
		d, err := strongly(t, pick(t, "runs", 500, 2000), at, skewed(1.5), 1.5, 0)
		if err != nil {
			return nil, err
		}
		return []Estimate{decay(at, squares(d), t.Seed(0)), decay(at, d, t.Seed(0))}, nil
	},
})
