package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// unrolled follows heavy-ball momentum on a quadratic and returns how far it moved, over
// the displacement -lr*sum((1-beta^(n+1-i))/(1-beta)*g_i) of its unrolled form.
func unrolled(t *Trial, beta float64) (Estimate, error) {
	const lr, steps = 0.1, 20
	var ratio float64
	s := setup{
		objective: kernels.Diagonal{Spectrum: "log", Condition: 10, Power: 1}, dim: 1,
		update: kernels.Momentum{LR: 1, Beta: beta}, lr: lr, start: func(int) float64 { return 11 },
	}
	err := t.walk(s, func(w *walk) error {
		var sum float64
		for i := range steps {
			if _, err := w.gradient(); err != nil {
				return err
			}
			sum += (1 - math.Pow(beta, steps-float64(i))) / (1 - beta) * w.g[0]
			if err := w.step(); err != nil {
				return err
			}
		}
		if err := w.read(); err != nil {
			return err
		}
		ratio = (w.x[0] - 11) / (-lr * sum)
		return nil
	})
	return exactly(ratio), err
}

var _ = define(Claim{
	ID:        "E2",
	Statement: "unrolled, momentum is -lr*sum((1-beta^(t+1-i))/(beta-1)*g_i)",
	Source:    "slide: momentum, unrolled",
	Theory:    "1-beta: the printed sign is wrong",
	Limits:    "algebra: one trajectory is as good as any",
	Quantities: []Quantity{
		{"displacement over that of the corrected form", Misprint{Printed: -1, Corrected: 1, Within: 1e-12}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		e, err := unrolled(t, pick(t, "beta", 0.9, 0.9))
		return []Estimate{e}, err
	},
})
