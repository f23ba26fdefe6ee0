package claims

import (
	"fmt"
	"math"

	"github.com/optbench/optbench/kernels"
)

// curvatures returns f' and f” at n points from lo to hi of an objective whose terms are
// all the same; f” by differences of the gradient.
func curvatures(t *Trial, o kernels.Objective, lo, hi float64, n int) (slope, bend []float64, err error) {
	const h = 1e-5
	at := func(by float64) ([]float64, error) {
		var g []float64
		s := setup{objective: o, dim: n, start: func(i int) float64 { return lo + (hi-lo)*float64(i)/float64(n-1) + by }}
		err := t.walk(s, func(w *walk) error {
			_, err := w.gradient()
			g = w.g
			return err
		})
		return g, err
	}
	ahead, err := at(h)
	if err != nil {
		return nil, nil, err
	}
	behind, err := at(-h)
	if err != nil {
		return nil, nil, err
	}
	if slope, err = at(0); err != nil {
		return nil, nil, err
	}
	for i := range slope {
		bend = append(bend, (ahead[i]-behind[i])/(2*h))
	}
	return slope, bend, nil
}

// The least L0 for L1 = 1 of |x|^p/p is the largest (p-1)x^(p-2) - x^(p-1), which is
// (p-2)^(p-2), at x = p-2.
var _ = define(Claim{
	ID:         "C04",
	Statement:  "polynomials of degree 3 or more are (L0,L1)-smooth, and not L-smooth",
	Source:     "slide: relaxed smoothness; Zhang, He, Sra, Jadbabaie 2020, arXiv:1905.11881",
	Theory:     "L0 = (p-2)^(p-2) for L1 = 1",
	Limits:     "the powers 3, 4 and 6 on [0.01, 20]; beyond, the slope outgrows the curvature",
	Quantities: powersOf(3, 4, 6),
	Measure: func(t *Trial) (out []Estimate, err error) {
		n := pick(t, "points", 2000, 20_000)
		for _, p := range []int{3, 4, 6} {
			slope, bend, err := curvatures(t, kernels.Poly{Power: p}, 0.01, 20, n)
			if err != nil {
				return nil, err
			}
			l0 := math.Inf(-1)
			for i := range slope {
				l0 = max(l0, bend[i]-slope[i])
			}
			out = append(out, exactly(l0/math.Pow(float64(p-2), float64(p-2))), exactly(last(bend)/bend[n/2]/math.Pow(2, float64(p-2))))
		}
		return out, nil
	},
})

func powersOf(powers ...int) (out []Quantity) {
	for _, p := range powers {
		out = append(out,
			Quantity{fmt.Sprintf("L0 over (p-2)^(p-2), p = %d", p), Near{1, 0.01}},
			Quantity{fmt.Sprintf("growth of f'' from 10 to 20 over 2^(p-2), p = %d", p), Near{1, 0.01}})
	}
	return out
}
