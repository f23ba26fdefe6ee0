package claims

import "github.com/optbench/optbench/kernels"

// layered is how many steps an update takes on layers whose scales differ by a ratio
// until the value is a hundredth of the first.
func layered(t *Trial, u kernels.Update, lr, ratio float64, most int) (steps float64, err error) {
	s := setup{objective: kernels.Layered{Layers: 8, Ratio: ratio}, dim: 512, update: u, lr: lr, seed: t.Seed(0)}
	err = t.walk(s, func(w *walk) (err error) {
		first, err := w.gradient()
		if err != nil {
			return err
		}
		steps, err = w.until(most, func() (bool, error) {
			v, err := w.gradient()
			return v <= 0.01*first, err
		})
		return err
	})
	return steps, err
}

var _ = define(Claim{
	ID:        "C15",
	Statement: "LAMB adapts to the scale of each layer: one learning rate serves all",
	Source:    "slide: LAMB; You et al. 2020, arXiv:1904.00962",
	Theory:    "R^0, of Adam R^1, at one rate",
	Limits:    "the transfer of one rate between scales R of layers; Adam with a rate tuned for each R comes close; no large batches",
	Quantities: []Quantity{
		{"exponent in R, LAMB", Near{0, 0.05}},
		{"exponent in R, Adam", Near{1, 0.15}},
	},
	Measure: func(t *Trial) (out []Estimate, err error) {
		ratios := pick(t, "R", []float64{10, 100, 1000}, []float64{10, 100, 1000, 10_000})
		for _, u := range []struct {
			kernels.Update
			lr float64
		}{
			{kernels.LAMB{Beta1: 0.9, Beta2: 0.999, Eps: 1e-12}, 0.02},
			{kernels.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-12}, 0.1},
		} {
			steps, err := side(t, ratios, func(r float64) (float64, error) { return layered(t, u.Update, u.lr, r, 1_000_000) })
			if err != nil {
				return nil, err
			}
			out = append(out, exponent(ratios, steps))
		}
		return out, nil
	},
})
