package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// leave is how many steps it takes from beside a saddle until the coordinate of the way
// out is above 1 (its minima are at -2 and 2); +Inf after too many.
func leave(t *Trial, s setup, gamma, anisotropy float64, most int) (steps float64, err error) {
	s.objective = kernels.CubicSaddle{Gamma: gamma, Rho: gamma, Stiffness: 1, Anisotropy: anisotropy}
	err = t.walk(s, func(w *walk) (err error) {
		steps, err = w.until(most, func() (bool, error) {
			err := w.read()
			return math.Abs(w.x[0]) > 1, err
		})
		return err
	})
	return steps, err
}

// beside is a first point at a distance of the saddle along the way out, and at another
// along every other coordinate.
func beside(out, rest float64) func(int) float64 {
	return func(i int) float64 {
		if i == 0 {
			return out
		}
		return rest
	}
}
