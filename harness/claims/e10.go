package claims

import (
	"math"
	"slices"

	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/kernels"
)

// octopus is the chain of saddles of Du et al. with the constants of their experiments.
var octopus = dense.Octopus{L: math.E, Gamma: 1, Tau: math.E}

var _ = define(Claim{
	ID:        "E10",
	Statement: "gradient descent needs exponentially many steps to leave the chain of saddles, and then has left it",
	Source:    "slide: Du et al. 2017, arXiv:1705.10412, theorem 4.1",
	Theory:    "in float64 never: a fixed point",
	Limits:    "float64 with gradual underflow, six dimensions; the theorem is of exact arithmetic and stands there",
	Quantities: []Quantity{
		{"share of runs whose bits no longer change", Refutes{Above{0.5}}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		runs, steps := pick(t, "runs", 40, 200), pick(t, "steps", 30_000, 60_000)
		stuck := make([]bool, runs)
		err := t.Each(runs, func(i int) error {
			s := setup{text: dense.Format(octopus), dim: 6, update: kernels.SGD{}, lr: 1 / (4 * math.E), seed: t.Seed(i)}
			return t.walk(s, func(w *walk) error {
				if err := w.steps(steps); err != nil {
					return err
				}
				value, err := w.gradient()
				if err != nil {
					return err
				}
				before := slices.Clone(w.x)
				if err := w.steps(steps + 1000); err != nil {
					return err
				}
				if err := w.read(); err != nil {
					return err
				}
				stuck[i] = value > 1 && slices.Equal(before, w.x)
				return nil
			})
		})
		return []Estimate{share(count(stuck), runs)}, err
	},
})

func count(of []bool) (n int) {
	for _, x := range of {
		if x {
			n++
		}
	}
	return n
}
