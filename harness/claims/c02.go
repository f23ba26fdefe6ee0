package claims

import "math"

var _ = define(Claim{
	ID:        "C02",
	Statement: "descent with a fixed step needs at least L1*M*(D-5eps/8)/(8eps^2(log M+1)) steps to a gradient of eps",
	Source:    "slide: theorem 4; Zhang, He, Sra, Jadbabaie 2020, arXiv:1905.11881",
	Theory:    "steps*(log M+1) as M^1",
	Limits:    "the worst function of the class for this theorem, one eps; the step is the best of three below the longest stable one",
	Quantities: []Quantity{
		{"exponent of steps*(log M+1) in M", Near{1, 0.05}},
		{"largest share of the steps that the bound is", Bound{1}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		eps := pick(t, "eps", 0.03, 0.01)
		steep := pick(t, "M", []float64{30, 100, 300, 1000, 3000}, []float64{30, 100, 300, 1000, 3000, 10_000})
		steps, err := side(t, steep, func(m float64) (float64, error) { return fixed(t, m, eps) })
		if err != nil {
			return nil, err
		}
		most := 0.0
		var scaled []float64
		for i, m := range steep {
			most = max(most, m*(1-5*eps/8)/(8*eps*eps*(math.Log(m)+1))/steps[i])
			scaled = append(scaled, steps[i]*(math.Log(m)+1))
		}
		return []Estimate{exponent(steep, scaled), exactly(most)}, nil
	},
})
