package claims

var _ = define(Claim{
	ID:        "C01",
	Statement: "clipped descent finds a gradient of eps in O(L0*(f(x0)-f*)/eps^2) steps, however steep the function is",
	Source:    "slide: theorem 3; Zhang, He, Sra, Jadbabaie 2020, arXiv:1905.11881",
	Theory:    "steps as eps^-2, and as M^0",
	Limits:    "one function, made to be as slow as the bound; the bound is taken with f(x0)-f* of the function itself",
	Quantities: []Quantity{
		{"exponent of the steps in M", Near{0, 0.05}},
		{"exponent of the steps in 1/eps", Near{2, 0.1}},
		{"largest share of the bound", Bound{1}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		const eps, m = 0.01, 1000
		steep := pick(t, "M", []float64{10, 100, 1000, 10_000}, []float64{10, 100, 1000, 10_000, 100_000})
		fine := pick(t, "eps", []float64{0.02, 0.014, 0.01, 0.007}, []float64{0.02, 0.014, 0.01, 0.007, 0.005, 0.0035})
		byM, err := side(t, steep, func(m float64) (float64, error) { return clipped(t, m, eps) })
		if err != nil {
			return nil, err
		}
		byEps, err := side(t, fine, func(eps float64) (float64, error) { return clipped(t, m, eps) })
		if err != nil {
			return nil, err
		}
		most := 0.0
		for i, m := range steep {
			most = max(most, byM[i]/theorem3(m, eps))
		}
		for i, eps := range fine {
			most = max(most, byEps[i]/theorem3(m, eps))
		}
		return []Estimate{exponent(steep, byM), exponent(inverses(fine), byEps), exactly(most)}, nil
	},
})

// theorem3 bounds the steps of clipped descent for L0 = L1 = 1: 20 L0 D/eps^2 +
// 20 max(1, L1^2) D/L0 with D = f(x0)-f*, of which cosh has about M and the flat part 1.
func theorem3(m, eps float64) float64 { return 20 * (1 + m) * (1/(eps*eps) + 1) }
