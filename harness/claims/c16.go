package claims

import (
	"math"
	"slices"

	"github.com/optbench/optbench/kernels"
)

// hill estimates the tail index of positive values by the largest hundredth of them.
func hill(values []float64) Estimate {
	slices.Sort(values)
	k := len(values) / 100
	floor := values[len(values)-k-1]
	sum := 0.0
	for _, v := range values[len(values)-k:] {
		sum += math.Log(v / floor)
	}
	index := float64(k) / sum
	half := 1.96 * index / math.Sqrt(float64(k))
	return Estimate{index, index - half, index + half}
}

var _ = define(Claim{
	ID:        "C16",
	Statement: "SGD does not converge in mean square under noise of infinite variance",
	Source:    "slide: rates under heavy tails, SGD row; Zhang et al. 2020, arXiv:1912.03194",
	Theory:    "tail index alpha/2, below 1",
	Limits:    "one quadratic; the median of SGD's runs does converge, as fast as with clipping",
	Quantities: []Quantity{
		{"tail index of f-f*, alpha 1.3, SGD", Below{1}},
		{"tail index of f-f*, alpha 1.5, SGD", Near{0.75, 0.1}},
		{"tail index of f-f*, alpha 1.5, clipped", Above{1}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		runs, steps := pick(t, "runs", 50_000, 400_000), pick(t, "steps", 64, 128)
		final := func(alpha float64, u kernels.Update, seed int) (Estimate, error) {
			var f []float64
			s := setup{
				objective: quadratic, dim: runs, noise: skewed(alpha), seed: t.Seed(seed), update: u, lr: 1, threshold: 2,
				rate: func(k int) float64 { return 1 / float64(k+1) },
			}
			err := t.walk(s, func(w *walk) error {
				if err := w.steps(steps); err != nil {
					return err
				}
				err := w.read()
				for _, x := range w.x {
					f = append(f, (x-1)*(x-1)/2)
				}
				return err
			})
			return hill(f), err
		}
		out := make([]Estimate, 3)
		alphas := []float64{1.3, 1.5, 1.5}
		updates := []kernels.Update{kernels.SGD{}, kernels.SGD{}, kernels.CClip{Alpha: 1.5}}
		err := t.Each(3, func(i int) (err error) {
			out[i], err = final(alphas[i], updates[i], i)
			return err
		})
		return out, err
	},
})
