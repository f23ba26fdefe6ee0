package claims

var _ = define(Claim{
	ID:        "C06",
	Statement: "descent sums its gradients, and momentum sums them with the weights (1-beta^(t+1-i))/(beta-1)",
	Source:    "slide: momentum, unrolled",
	Theory:    "as printed; with momentum, 1-beta",
	Limits:    "algebra, on one trajectory; see E2",
	Quantities: []Quantity{
		{"displacement over the formula, beta 0", Near{1, 1e-12}},
		{"displacement over the formula, beta 0.9", Misprint{Printed: -1, Corrected: 1, Within: 1e-12}},
		{"displacement over the formula, beta 0.99", Misprint{Printed: -1, Corrected: 1, Within: 1e-12}},
	},
	Measure: func(t *Trial) (out []Estimate, err error) {
		for _, beta := range pick(t, "beta", []float64{0, 0.9, 0.99}, []float64{0, 0.9, 0.99}) {
			e, err := unrolled(t, beta)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	},
})
