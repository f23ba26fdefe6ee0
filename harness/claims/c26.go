package claims

import (
	"math"

	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/kernels"
)

// through is how many steps a method takes on the octopus until it is beside the
// minimum, as medians over runs.
func through(t *Trial, s setup, dim, runs, most int) (float64, error) {
	all := make([]float64, runs)
	s.text, s.dim, s.lr = dense.Format(octopus), dim, 1/(4*math.E)
	err := t.Each(runs, func(i int) error {
		s := s
		s.seed = t.Seed(i)
		return t.walk(s, func(w *walk) (err error) {
			all[i], err = w.until(most, func() (bool, error) {
				if w.t%16 != 0 {
					return false, nil
				}
				v, err := w.gradient()
				return v < 1, err
			})
			return err
		})
	})
	return median(all), err
}

var _ = define(Claim{
	ID:        "C26",
	Statement: "perturbed gradient descent goes through a chain of d saddles in poly(d) steps",
	Source:    "slide: Du et al. 2017, arXiv:1705.10412, theorem 4.1",
	Theory:    "poly(d), of no degree that is given",
	Limits:    "noise at every step, radius e/100 as in the paper's experiments; an exponent over a range is no proof of a polynomial, and the theorem bounds the steps only: 2 is what we ask for",
	Quantities: []Quantity{
		{"exponent in d of the steps", Bound{2}},
		{"control: steps without noise over those with it, d = 8", Above{10}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		runs := pick(t, "runs", 10, 40)
		perturbed := setup{method: method.PGD{Radius: math.E / 100, Law: "ball"}}
		var dims, steps []float64
		for _, d := range pick(t, "d", []int{4, 8, 16, 32}, []int{4, 8, 16, 32, 64, 128}) {
			n, err := through(t, perturbed, d, runs, 200_000)
			if err != nil {
				return nil, err
			}
			dims, steps = append(dims, float64(d)), append(steps, n)
		}
		bare, err := through(t, setup{update: kernels.SGD{}}, 8, runs, 20_000)
		return []Estimate{exponent(dims, steps), exactly(min(bare, 20_000) / steps[1])}, err
	},
})
