package claims

import (
	"fmt"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// horizons follows clipped SGD on a function with many local minima, for each of some
// horizons K with the rate and the threshold that the theorem prescribes for it, and
// returns the exponent in K of the mean of |f'| over the second half.
func horizons(t *Trial, noise kernels.Noise, alpha float64, seed int) (Estimate, error) {
	runs := pick(t, "runs", 64, 256)
	ks := powers(9, pick(t, "log2 of the horizon", 14, 16))
	curves := make([][]float64, runs)
	for _, k := range ks {
		s := setup{
			objective: kernels.Sine{Amplitude: 3}, dim: runs, noise: noise, seed: t.Seed(seed),
			update: kernels.CClip{}, lr: 0.2 * math.Pow(k, -alpha/(3*alpha-2)), threshold: 2 * math.Pow(k, 1/(3*alpha-2)),
			start: func(i int) float64 { return 4 * (2*float64(i)/float64(runs) - 1) },
		}
		sums := make([]float64, runs)
		err := t.walk(s, func(w *walk) error {
			for w.t < int(k) {
				if w.t >= int(k)/2 {
					if err := w.look.Step(kernels.At(w.t + 1)); err != nil {
						return err
					}
					if err := backend.Get(w.slope.Buffer, w.g); err != nil {
						return err
					}
					for i, g := range w.g {
						sums[i] += math.Abs(g)
					}
				}
				if err := w.step(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return Estimate{}, err
		}
		for i, sum := range sums {
			curves[i] = append(curves[i], 2*sum/k)
		}
	}
	return decay(ks, curves, t.Seed(seed)), nil
}

var _ = define(Claim{
	ID:         "C20",
	Statement:  "under noise of tail index alpha, |grad f| of clipped SGD falls as k^(-(alpha-1)/(3alpha-2))",
	Source:     "slide: rates under heavy tails, nonconvex column; Zhang et al. 2020, arXiv:1912.03194",
	Theory:     "exponent -(alpha-1)/(3alpha-2)",
	Limits:     "one function in one dimension; rate and threshold prescribed for each horizon set the slope",
	Quantities: nonconvexTails(),
	Measure: func(t *Trial) ([]Estimate, error) {
		out := make([]Estimate, len(tails))
		err := t.Each(len(tails), func(i int) (err error) {
			out[i], err = horizons(t, skewed(tails[i]), tails[i], i)
			return err
		})
		return out, err
	},
})

func nonconvexTails() (out []Quantity) {
	for _, a := range tails {
		out = append(out, Quantity{fmt.Sprintf("exponent of mean |f'|, alpha %v", a), Near{-(a - 1) / (3*a - 2), 0.02}})
	}
	return out
}
