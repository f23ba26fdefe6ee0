package claims

import (
	"fmt"
	"math"

	"github.com/optbench/optbench/kernels"
)

// stability is the longest step that heavy ball takes on a quadratic of curvature 1
// without running away, by bisection.
func stability(t *Trial, beta float64, steps int) (Estimate, error) {
	lo, hi := 0.0, 8.0
	for hi-lo > 1e-3 {
		lr := (lo + hi) / 2
		s := setup{objective: kernels.Poly{Power: 2}, dim: 1, update: kernels.Momentum{Beta: beta}, lr: lr, start: func(int) float64 { return 1 }}
		err := t.walk(s, func(w *walk) error {
			if err := w.steps(steps); err != nil {
				return err
			}
			err := w.read()
			if math.Abs(w.x[0]) < 100 { // transients may exceed 1
				lo = lr
			} else {
				hi = lr // also where it is not a number
			}
			return err
		})
		if err != nil {
			return Estimate{}, err
		}
	}
	return Estimate{(lo + hi) / 2, lo, hi}, nil
}

var betas = []float64{0, 0.5, 0.9, 0.99}

var _ = define(Claim{
	ID:         "C07b",
	Statement:  "heavy ball is stable for 0 < lr*L < 2(1+beta)",
	Source:     "slide: momentum; distill.pub, Why momentum really works",
	Theory:     "2(1+beta)",
	Limits:     "one curvature of a quadratic; the interval is that of the bisection",
	Quantities: stable(),
	Measure: func(t *Trial) (out []Estimate, err error) {
		steps := pick(t, "steps", 10_000, 30_000)
		out = make([]Estimate, len(betas))
		err = t.Each(len(betas), func(i int) (err error) {
			out[i], err = stability(t, betas[i], steps)
			return err
		})
		return out, err
	},
})

func stable() (out []Quantity) {
	for _, beta := range betas {
		out = append(out, Quantity{fmt.Sprintf("longest stable step, beta %v", beta), Near{2 * (1 + beta), 0.01}})
	}
	return out
}
