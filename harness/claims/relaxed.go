package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// relaxed is the function of theorems 3 and 4: L0 = L1 = 1, a slope of M at the first
// point, and a flat coordinate that goes down by 1 at a slope of 2 eps.
func relaxed(m, eps float64) kernels.CoshFlat {
	return kernels.CoshFlat{L0: 1, L1: 1, Slope: m, Eps: eps, Gap: 1}
}

// clipped is descent as theorem 3 sets it for L0 = L1 = 1.
func clipped(t *Trial, m, eps float64) (float64, error) {
	return stationary(t, kernels.ClippedGD{MaxNorm: 1}, 0.1, m, eps, 2_000_000)
}

// stationary is how many steps an update takes on that function until the gradient is at
// most eps; +Inf where it does not get there.
func stationary(t *Trial, u kernels.Update, lr, m, eps float64, most int) (steps float64, err error) {
	s := setup{objective: relaxed(m, eps), dim: 2, update: u, lr: lr}
	err = t.walk(s, func(w *walk) (err error) {
		steps, err = w.until(most, func() (bool, error) {
			if _, err := w.gradient(); err != nil {
				return false, err
			}
			if math.Abs(w.x[0]) > 2*math.Asinh(m) { // it oscillates outwards
				w.t = most
				return false, nil
			}
			return norm(w.g) <= eps, nil
		})
		return err
	})
	return steps, err
}

// fixed is the fewest steps that gradient descent takes with any of some fixed steps,
// below the longest that is stable.
func fixed(t *Trial, m, eps float64) (float64, error) {
	best := math.Inf(1)
	longest := 2 * math.Asinh(m) / m
	for _, share := range []float64{0.99, 0.84, 0.5} {
		lr := share * longest
		n, err := stationary(t, kernels.SGD{}, lr, m, eps, int(4/(4*eps*eps*lr)))
		if err != nil {
			return 0, err
		}
		best = min(best, n)
	}
	return best, nil
}

// side runs f for every value side by side.
func side[V any](t *Trial, values []V, f func(V) (float64, error)) ([]float64, error) {
	out := make([]float64, len(values))
	err := t.Each(len(values), func(i int) (err error) {
		out[i], err = f(values[i])
		return err
	})
	return out, err
}

// inverses returns 1/x.
func inverses(x []float64) (out []float64) {
	for _, v := range x {
		out = append(out, 1/v)
	}
	return out
}

// last returns the last value.
func last[V any](x []V) V { return x[len(x)-1] }
