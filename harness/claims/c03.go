package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// firstStep is how far an update moves a coordinate at distance far of the minimum of
// [quadratic], whose gradient that is.
func firstStep(t *Trial, u kernels.Update, lr, far float64) (moved float64, err error) {
	s := setup{objective: kernels.Poly{Power: 2}, dim: 1, update: u, lr: lr, start: func(int) float64 { return far }}
	err = t.walk(s, func(w *walk) error {
		if err := w.step(); err != nil {
			return err
		}
		err := w.read()
		moved = far - w.x[0]
		return err
	})
	return moved, err
}

var _ = define(Claim{
	ID:        "C03",
	Statement: "clipped and normalized descent are the same up to a constant",
	Source:    "slide: clipping and normalization; Zhang, He, Sra, Jadbabaie 2020, arXiv:1905.11881",
	Theory:    "the ratio of steps is from 1 to 2",
	Limits:    "single steps, with the parameters that correspond; gradients from 1e-12 to 1e12",
	Quantities: []Quantity{
		{"largest ratio", Bound{2}},
		{"1 over the smallest ratio", Bound{1 + 1e-9}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		const lr, limit = 0.5, 1.0
		least, most := math.Inf(1), 0.0
		for k := -24; k <= pick(t, "largest gradient, half decades", 24, 24); k++ {
			g := math.Pow(10, float64(k)/2)
			a, err := firstStep(t, kernels.ClippedGD{MaxNorm: limit}, lr, g)
			if err != nil {
				return nil, err
			}
			b, err := firstStep(t, kernels.NormalizedGD{Eps: limit}, lr*limit, g)
			if err != nil {
				return nil, err
			}
			if a > 1e-3*g { // else rounding of the point is what is left of the step
				least, most = min(least, a/b), max(most, a/b)
			}
		}
		return []Estimate{exactly(most), exactly(1 / least)}, nil
	},
})
