package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "E7",
	Statement: "M is the second constant of (L,M)-smoothness, and M of theorem 4 is the same",
	Source:    "slides: relaxed smoothness; Zhang et al. 2020, arXiv:1905.11881",
	Theory:    "M is sup|f'| of the level set",
	Limits:    "a clash of names, shown on one function with L0=L1=1 and a first slope of 100",
	Quantities: []Quantity{
		{"largest |f'| where f is at most f(x0)", Misprint{Printed: 1, Corrected: 100, Within: 1e-6}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		most := 0.0
		n := pick(t, "points", 1001, 100_001)
		end := math.Asinh(100)
		s := setup{
			objective: kernels.Cosh{L0: 1, L1: 1, Slope: 100}, dim: n,
			start: func(i int) float64 { return end * (2*float64(i)/float64(n-1) - 1) },
		}
		err := t.walk(s, func(w *walk) error {
			_, err := w.gradient()
			for _, g := range w.g {
				most = max(most, math.Abs(g))
			}
			return err
		})
		return []Estimate{exactly(most)}, err
	},
})
