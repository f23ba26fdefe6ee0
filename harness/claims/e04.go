package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// inPlace is an average whose bias correction is written over it at every step, as
// v_t = (beta*v_{t-1} + (1-beta)*x)/(1-beta^t): the loop of momentum, with other
// constants.
type inPlace struct{ kernels.Momentum }

func (u inPlace) Coef(s kernels.Step) kernels.Coef {
	rest := 1 - math.Pow(u.Beta, float64(s.T))
	m := kernels.Momentum{Beta: u.Beta / rest} // of no bound here: no hyperparameter
	return m.Coef(kernels.Step{T: s.T, LRScale: 1, GradScale: (1 - u.Beta) / rest})
}

// overflow returns the step at which such an average of ones is infinite.
func overflow(single bool) Estimate {
	u := inPlace{kernels.Momentum{Beta: 0.999}}
	if single {
		return exactly(overflowIn[float32](u))
	}
	return exactly(overflowIn[float64](u))
}

func overflowIn[T kernels.Real](u kernels.Update) float64 {
	slots := [][]T{{0}, {1}, {0}}
	for step := 1; step <= 1000; step++ {
		kernels.Reference(u, kernels.At(step), 1, [][][]T{slots})
		if math.IsInf(float64(slots[2][0]), 1) {
			return float64(step)
		}
	}
	return math.Inf(1)
}

// pace is how far Adam goes in so many steps along a slope, over lr times the steps.
func pace(t *Trial, steps int, u kernels.Adam) (Estimate, error) {
	const lr, far = 1e-6, 1000
	var ratio float64
	s := setup{objective: quadratic, dim: 1, update: u, lr: lr, start: func(int) float64 { return far }}
	err := t.walk(s, func(w *walk) error {
		if err := w.steps(steps); err != nil {
			return err
		}
		err := w.read()
		ratio = (far - w.x[0]) / (lr * float64(steps))
		return err
	})
	return exactly(ratio), err
}

var _ = define(Claim{
	ID:        "E4",
	Statement: "Adam and LAMB correct their moments in place: v_t = v_t/(1-beta2^t)",
	Source:    "slides: Adam, LAMB",
	Theory:    "in place it compounds and overflows",
	Limits:    "a constant gradient; any other compounds by the same factors",
	Quantities: []Quantity{
		{"step at which v overflows float32", Refutes{Near{20, 0}}},
		{"step at which v overflows float64", Refutes{Near{329, 0}}},
		{"pace of Adam with temporaries, over lr", Near{1, 1e-4}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		p, err := pace(t, pick(t, "steps", 100, 1000), kernels.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8})
		return []Estimate{overflow(true), overflow(false), p}, err
	},
})
