package claims

import (
	"math/rand/v2"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "E3",
	Statement: "a stationary point whose Hessian is negative definite is a local minimum",
	Source:    "slide: kinds of stationary points",
	Theory:    "a local maximum: f falls all round",
	Limits:    "one point of one function, the middle of a double well, in random directions",
	Quantities: []Quantity{
		{"share of directions in which f falls", Misprint{Printed: 0, Corrected: 1, Within: 0.05}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		n := pick(t, "directions", 200, 1000)
		falls := 0
		s := setup{objective: kernels.DoubleWell{}, dim: 16, start: func(int) float64 { return 0 }}
		err := t.walk(s, func(w *walk) error {
			top, err := w.gradient()
			if err != nil {
				return err
			}
			rng := rand.New(rand.NewPCG(t.Seed(0), 0))
			for range n {
				for i := range w.x {
					w.x[i] = 0.01 * rng.NormFloat64()
				}
				if err := w.put(w.x); err != nil {
					return err
				}
				v, err := w.gradient()
				if err != nil {
					return err
				}
				if v < top {
					falls++
				}
			}
			return nil
		})
		return []Estimate{share(falls, n)}, err
	},
})
