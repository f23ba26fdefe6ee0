package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// quadratic is (p-1)^2/2 in every coordinate. In one dimension clipping by the norm and
// by coordinates are the same, so that each coordinate is a run of its own.
var quadratic = kernels.Diagonal{Spectrum: "log", Condition: 1, Power: 1}

// powers returns 2^from to 2^to.
func powers(from, to int) (out []float64) {
	for k := from; k <= to; k++ {
		out = append(out, math.Ldexp(1, k))
	}
	return out
}

// strongly follows clipped SGD on quadratic, with rate 4/(k+1) and threshold
// 2k^(1/alpha), under noise, and returns for every run |p-1| after each number of
// steps.
func strongly(t *Trial, runs int, at []float64, noise kernels.Noise, alpha float64, seed int) ([][]float64, error) {
	curves := make([][]float64, runs)
	s := setup{
		objective: quadratic, dim: runs, noise: noise, seed: t.Seed(seed),
		update: kernels.CClip{LR: 1, Alpha: alpha}, lr: 4, threshold: 2,
		rate:  func(k int) float64 { return 1 / float64(k+1) },
		start: func(int) float64 { return 0 },
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
				curves[i] = append(curves[i], math.Abs(x-1))
			}
		}
		return nil
	})
	return curves, err
}

// squares returns (p-1)^2/2 of distances.
func squares(curves [][]float64) [][]float64 {
	out := make([][]float64, len(curves))
	for r := range curves {
		for _, d := range curves[r] {
			out[r] = append(out[r], float64(0.5*d)*d)
		}
	}
	return out
}

// skewed is the heaviest noise with a moment of any order below alpha, on one side.
func skewed(alpha float64) kernels.Noise {
	return kernels.Stable{Scale: 1, Alpha: alpha, Beta: 1, Batch: 1}
}
