package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// lag follows an update after a minimum that moves, under noise, and returns for every
// run how far it lags behind at each of some steps.
func lag(t *Trial, u kernels.Update, lr float64, runs int, at []float64, seed int) ([][]float64, error) {
	const speed = 0.002
	curves := make([][]float64, runs)
	s := setup{
		objective: kernels.Drift{Speed: speed, Condition: 1}, dim: runs, noise: kernels.Gaussian{Scale: 1, Batch: 1},
		update: u, lr: lr, seed: t.Seed(seed), start: func(int) float64 { return 0 },
	}
	err := t.walk(s, func(w *walk) error {
		for _, k := range at {
			if err := w.steps(int(k)); err != nil {
				return err
			}
			if err := w.read(); err != nil {
				return err
			}
			for i, x := range w.x {
				curves[i] = append(curves[i], speed*k-x)
			}
		}
		return nil
	})
	return curves, err
}

// recovery is how many steps an update takes after a burst of gradients a thousand times
// as large until the distance to the minimum is a tenth of the first, or most.
func recovery(t *Trial, u kernels.Update, lr float64, most int) (steps float64, err error) {
	s := setup{
		objective: kernels.Burst{Factor: 1000, From: 1, Steps: 10, Condition: 1}, dim: 1,
		update: u, lr: lr, start: func(int) float64 { return 2 },
	}
	err = t.walk(s, func(w *walk) (err error) {
		if err := w.steps(10); err != nil {
			return err
		}
		steps, err = w.until(most, func() (bool, error) {
			err := w.read()
			return math.Abs(w.x[0]-1) <= 0.1, err
		})
		return err
	})
	return min(steps, float64(most)), err
}

var _ = define(Claim{
	ID:        "C09",
	Statement: "Adagrad shrinks its rate too fast; an average of squares in its place does not",
	Source:    "slide: from Adagrad to RMSProp",
	Theory:    "lag as t^(1/2), of RMSProp as t^0",
	Limits:    "a drifting quadratic, one rate each; on a minimum that stays Adagrad's rate is what theory asks for",
	Quantities: []Quantity{
		{"exponent of Adagrad's lag in t", Near{0.5, 0.06}},
		{"exponent of RMSProp's lag in t", Near{0, 0.05}},
		{"recovery after a burst, Adagrad over RMSProp", Above{5}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		runs := pick(t, "runs", 400, 1000)
		at := powers(pick(t, "log2 of the first step", 10, 11), pick(t, "log2 of the last", 14, 16))
		slow, err := lag(t, kernels.Adagrad{Eps: 1e-10}, 0.5, runs, at, 0)
		if err != nil {
			return nil, err
		}
		quick, err := lag(t, kernels.RMSProp{Beta: 0.99, Eps: 1e-8}, 0.01, runs, at, 1)
		if err != nil {
			return nil, err
		}
		const most = 100_000
		a, err := recovery(t, kernels.Adagrad{Eps: 1e-10}, 0.1, most)
		if err != nil {
			return nil, err
		}
		b, err := recovery(t, kernels.RMSProp{Beta: 0.99, Eps: 1e-8}, 0.1, most)
		return []Estimate{decay(at, slow, t.Seed(0)), decay(at, quick, t.Seed(1)), exactly(a / b)}, err
	},
})
