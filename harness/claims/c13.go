package claims

var _ = define(Claim{
	ID:        "C13",
	Statement: "moments corrected in place, as printed, are a pitfall that shows only after some steps",
	Source:    "slides: Adam, LAMB; see E4",
	Theory:    "prod 1/(1-beta2^t): soon infinite",
	Limits:    "gradients of 1",
	Quantities: []Quantity{
		{"step at which v overflows float32", Near{20, 0}},
		{"step at which v overflows float64", Near{329, 0}},
	},
	Measure: func(t *Trial) ([]Estimate, error) { return []Estimate{overflow(true), overflow(false)}, nil },
})
