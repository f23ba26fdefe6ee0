package claims

var _ = define(Claim{
	ID:        "C11",
	Statement: "where eps stands matters: beside the root or under it",
	Source:    "slides: Adam and LAMB differ from one another",
	Theory:    "g/(g+eps) or g/sqrt(g^2+eps)",
	Limits:    "first steps of LAMB with eps of 1e-8, relative to a coordinate of gradient 1",
	Quantities: []Quantity{
		{"step under over beside, |g| = 1e-4", Near{epsRatio(1e-4, 1e-8), 1e-6}},
		{"step under over beside, |g| = 1e-5", Near{epsRatio(1e-5, 1e-8), 1e-6}},
		{"step under over beside, |g| = 1e-6", Near{epsRatio(1e-6, 1e-8), 1e-6}},
	},
	Measure: func(t *Trial) (out []Estimate, err error) {
		for _, g := range pick(t, "gradients", []float64{1e-4, 1e-5, 1e-6}, []float64{1e-4, 1e-5, 1e-6}) {
			under, err := smallStep(t, g, 1e-8, true)
			if err != nil {
				return nil, err
			}
			beside, err := smallStep(t, g, 1e-8, false)
			if err != nil {
				return nil, err
			}
			out = append(out, exactly(under/beside))
		}
		return out, nil
	},
})
