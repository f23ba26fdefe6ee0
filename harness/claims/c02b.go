package claims

var _ = define(Claim{
	ID:        "C02b",
	Statement: "descent with a fixed step is arbitrarily slower than clipped descent",
	Source:    "slide: theorems 3 and 4; Zhang, He, Sra, Jadbabaie 2020, arXiv:1905.11881",
	Theory:    "steps of GD over clipped: unbounded",
	Limits:    "the worst function of the class; below a slope of about 100 the fixed step wins",
	Quantities: []Quantity{
		{"exponent in M of the ratio of steps", Above{0.5}},
		{"ratio of steps at the largest M", Above{1}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		eps := pick(t, "eps", 0.03, 0.01)
		steep := pick(t, "M", []float64{30, 100, 300, 1000, 3000}, []float64{30, 100, 300, 1000, 3000, 10_000})
		ratios, err := side(t, steep, func(m float64) (float64, error) {
			slow, err := fixed(t, m, eps)
			if err != nil {
				return 0, err
			}
			fast, err := clipped(t, m, eps)
			return slow / fast, err
		})
		if err != nil {
			return nil, err
		}
		return []Estimate{exponent(steep, ratios), exactly(last(ratios))}, nil
	},
})
