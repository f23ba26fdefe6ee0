package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// conditioned is how many steps an update takes on a quadratic of 64 curvatures from
// 1/kappa to 1 until the distance to the minimum is a millionth of the first.
func conditioned(t *Trial, kappa float64, u kernels.Update, lr float64) (steps float64, err error) {
	s := setup{
		objective: kernels.Diagonal{Spectrum: "log", Condition: kappa, Power: 1}, dim: 64,
		update: u, lr: lr, start: func(int) float64 { return 0 },
	}
	err = t.walk(s, func(w *walk) (err error) {
		steps, err = w.until(int(100*kappa), func() (bool, error) {
			err := w.read()
			for i := range w.x {
				w.x[i]--
			}
			return norm(w.x) <= 1e-6*8, err // 8 is the first
		})
		return err
	})
	return steps, err
}

var _ = define(Claim{
	ID:        "C07",
	Statement: "momentum handles ill-conditioning: steps go as the root of the condition number",
	Source:    "slide: momentum; Polyak 1964, Nesterov 1983",
	Theory:    "exponents 1, 1/2 and 1/2 in kappa",
	Limits:    "quadratics, with the parameters that know both extreme curvatures",
	Quantities: []Quantity{
		{"exponent in kappa, gradient descent", Near{1, 0.05}},
		{"exponent in kappa, heavy ball", Near{0.5, 0.05}},
		{"exponent in kappa, Nesterov", Near{0.5, 0.05}},
	},
	Measure: func(t *Trial) (out []Estimate, err error) {
		kappas := pick(t, "kappa", []float64{100, 300, 1000, 3000, 10_000}, []float64{100, 300, 1000, 3000, 10_000, 30_000, 100_000})
		for _, method := range []func(float64) (float64, error){
			func(kappa float64) (float64, error) {
				return conditioned(t, kappa, kernels.SGD{}, 2/(1+1/kappa))
			},
			func(kappa float64) (float64, error) {
				root := math.Sqrt(kappa)
				beta := (root - 1) / (root + 1)
				lr := 2 / (1 + 1/root)
				return conditioned(t, kappa, kernels.Momentum{Beta: beta * beta}, lr*lr)
			},
			func(kappa float64) (float64, error) {
				root := math.Sqrt(kappa)
				return conditioned(t, kappa, kernels.Nesterov{Beta: (root - 1) / (root + 1)}, 1)
			},
		} {
			steps, err := side(t, kappas, method)
			if err != nil {
				return nil, err
			}
			out = append(out, exponent(kappas, steps))
		}
		return out, nil
	},
})
