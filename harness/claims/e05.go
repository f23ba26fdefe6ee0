package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// smallStep is how far LAMB moves a coordinate of gradient g in the first step, over how
// far it moves one of gradient 1 of the same tensor.
func smallStep(t *Trial, g, eps float64, inside bool) (float64, error) {
	var ratio float64
	u := kernels.LAMB{Beta1: 0.9, Beta2: 0.999, Eps: eps, EpsInside: inside}
	start := []float64{2, 1 + g}
	s := setup{objective: quadratic, dim: 2, update: u, lr: 1e-3, start: func(i int) float64 { return start[i] }}
	err := t.walk(s, func(w *walk) error {
		if err := w.step(); err != nil {
			return err
		}
		err := w.read()
		ratio = (start[1] - w.x[1]) / (start[0] - w.x[0])
		return err
	})
	return ratio, err
}

// epsRatio is the share of its step that a coordinate of gradient g keeps where eps moves
// from beside the root to under it.
func epsRatio(g, eps float64) float64 {
	return (g + eps) / math.Sqrt(g*g+eps) * math.Sqrt(1+eps) / (1 + eps)
}

var _ = define(Claim{
	ID:        "E5",
	Statement: "sqrt(v)+eps and sqrt(v+eps) are the same in LAMB: the slides print both",
	Source:    "slides: LAMB; You et al. 2020, arXiv:1904.00962, has the first",
	Theory:    "at |g|=1e-5, eps=1e-8: a tenth",
	Limits:    "the first step; later ones differ likewise wherever gradients are below sqrt(eps)",
	Quantities: []Quantity{
		{"step with eps under the root, over that beside it", Misprint{Printed: 1, Corrected: epsRatio(1e-5, 1e-8), Within: 1e-6}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		eps := pick(t, "eps", 1e-8, 1e-8)
		inside, err := smallStep(t, 1e-5, eps, true)
		if err != nil {
			return nil, err
		}
		beside, err := smallStep(t, 1e-5, eps, false)
		return []Estimate{exactly(inside / beside)}, err
	},
})
