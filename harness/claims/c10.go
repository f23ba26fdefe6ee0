package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// path returns the points of an update along a quadratic of 16 curvatures, step by step.
func path(t *Trial, u kernels.Update, lr float64, steps int) (out []float64, err error) {
	s := setup{objective: kernels.Diagonal{Spectrum: "log", Condition: 100, Power: 1}, dim: 16, update: u, lr: lr, seed: t.Seed(0)}
	err = t.walk(s, func(w *walk) error {
		for range steps {
			if err := w.step(); err != nil {
				return err
			}
			if err := w.read(); err != nil {
				return err
			}
			out = append(out, w.x...)
		}
		return nil
	})
	return out, err
}

// apart is the largest difference of two paths.
func apart(a, b []float64) (most float64) {
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// literalAdam is algorithm 1 as it is printed, on the gradients of the same quadratic.
func literalAdam(t *Trial, beta1, beta2, eps, lr float64, steps int) (out []float64, err error) {
	s := setup{objective: kernels.Diagonal{Spectrum: "log", Condition: 100, Power: 1}, dim: 16, update: kernels.SGD{}, lr: 1, seed: t.Seed(0)}
	m, v := make([]float64, s.dim), make([]float64, s.dim)
	err = t.walk(s, func(w *walk) error {
		if err := w.read(); err != nil {
			return err
		}
		x := append([]float64(nil), w.x...)
		for k := 1; k <= steps; k++ {
			if err := w.put(x); err != nil {
				return err
			}
			if _, err := w.gradient(); err != nil {
				return err
			}
			for i, g := range w.g {
				m[i] = beta1*m[i] + (1-beta1)*g
				v[i] = beta2*v[i] + (1-beta2)*g*g
				mHat := m[i] / (1 - math.Pow(beta1, float64(k)))
				vHat := v[i] / (1 - math.Pow(beta2, float64(k)))
				x[i] -= lr * mHat / (math.Sqrt(vHat) + eps)
			}
			out = append(out, x...)
		}
		return nil
	})
	return out, err
}

var _ = define(Claim{
	ID:        "C10",
	Statement: "Adam divides an average of gradients by the root of an average of their squares, both corrected for their start",
	Source:    "slide: Adam; Kingma, Ba 2015, arXiv:1412.6980, algorithm 1",
	Theory:    "one trajectory, but for rounding",
	Limits:    "algebra: that the definition which folds the corrections into two constants is algorithm 1",
	Quantities: []Quantity{
		{"largest distance from algorithm 1 as printed", Below{1e-12}},
		{"the same without bias correction", Above{1e-3}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		steps := pick(t, "steps", 500, 2000)
		const lr = 0.01
		want, err := literalAdam(t, 0.9, 0.999, 1e-8, lr, steps)
		if err != nil {
			return nil, err
		}
		got, err := path(t, kernels.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, lr, steps)
		if err != nil {
			return nil, err
		}
		bare, err := path(t, kernels.Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction: kernels.Uncorrected}, lr, steps)
		return []Estimate{exactly(apart(got, want)), exactly(apart(bare, want))}, err
	},
})
