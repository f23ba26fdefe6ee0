package claims

import "github.com/optbench/optbench/kernels"

// flatSteps is how many steps an update takes until the gradient of a flat coordinate
// beside a stiff one is at most eps.
func flatSteps(t *Trial, u kernels.Update, lr, eps float64, most int) (float64, error) {
	var steps float64
	s := setup{objective: kernels.StiffFlat{Eps: eps, Gap: 1, Stiffness: 1}, dim: 2, update: u, lr: lr}
	err := t.walk(s, func(w *walk) (err error) {
		steps, err = w.until(most, func() (bool, error) {
			_, err := w.gradient()
			return norm(w.g) <= eps, err
		})
		return err
	})
	return steps, err
}

var _ = define(Claim{
	ID:        "E9",
	Statement: "rates are O(e^(-2)), O(e^(-1.5)) ..., numbers that depend on nothing",
	Source:    "slides: rates of escaping saddles",
	Theory:    "steps of GD as epsilon^-2",
	Limits:    "a misprint, shown for gradient descent on one function on which it is as slow as its bound",
	Quantities: []Quantity{
		{"exponent of the steps of GD in 1/eps", Misprint{Printed: 0, Corrected: 2, Within: 0.1}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		var inverse, steps []float64
		for _, eps := range pick(t, "eps", []float64{0.04, 0.02, 0.01, 0.005}, []float64{0.02, 0.01, 0.005, 0.0025, 0.001}) {
			n, err := flatSteps(t, kernels.SGD{}, 0.5, eps, 10_000_000)
			if err != nil {
				return nil, err
			}
			inverse, steps = append(inverse, 1/eps), append(steps, n)
		}
		return []Estimate{exponent(inverse, steps)}, nil
	},
})
