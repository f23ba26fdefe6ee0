package claims

import "fmt"

var tails = []float64{1.3, 1.5, 1.8}

var _ = define(Claim{
	ID:         "C18",
	Statement:  "under noise of tail index alpha, f-f* of clipped SGD on strongly convex functions falls as k^(-(alpha-1)/alpha)",
	Source:     "slide: rates under heavy tails; Zhang et al. 2020, arXiv:1912.03194",
	Theory:     "twice as fast: -2(alpha-1)/alpha",
	Limits:     "one quadratic in one dimension; the steps prescribed by the theorem set the slope; see E1",
	Quantities: convexTails(),
	Measure: func(t *Trial) ([]Estimate, error) {
		at := powers(7, pick(t, "log2 of steps", 13, 15))
		runs := pick(t, "runs", 500, 2000)
		out := make([]Estimate, len(tails))
		err := t.Each(len(tails), func(i int) error {
			d, err := strongly(t, runs, at, skewed(tails[i]), tails[i], i)
			if err == nil {
				out[i] = decay(at, squares(d), t.Seed(i))
			}
			return err
		})
		return out, err
	},
})

func convexTails() (out []Quantity) {
	for _, a := range tails {
		printed := -(a - 1) / a
		out = append(out, Quantity{fmt.Sprintf("exponent of f-f*, alpha %v", a), Misprint{printed, 2 * printed, 0.05}})
	}
	return out
}
