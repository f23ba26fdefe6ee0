package compare

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Change is where a series went over to another level.
type Change struct {
	At    int     // index of the first value at the new level
	Ratio float64 // of the new level to the one before
	P     float64 // adjusted for all places where it might have been
}

// settle is how many values a level has at least: one far off is an outlier.
const settle = 3

// Changes returns the changes of level in a series of logarithms, in order: the
// place where a t test finds most is one, if its p is at most alpha and the levels
// differ by the margin, a share, or more; then likewise on either side of it.
func Changes(xs []float64, alpha, margin float64) []Change {
	cuts := split(xs, 0, alpha, margin)
	var out []Change
	for i, c := range cuts {
		from, to := 0, len(xs)
		if i > 0 {
			from = cuts[i-1].At
		}
		if i+1 < len(cuts) {
			to = cuts[i+1].At
		}
		c.Ratio = math.Exp(stat.Mean(xs[c.At:to], nil) - stat.Mean(xs[from:c.At], nil))
		out = append(out, c)
	}
	return out
}

func split(xs []float64, at int, alpha, margin float64) []Change {
	best := Change{P: 2}
	var step float64
	for k := settle; k <= len(xs)-settle; k++ {
		if p := tTest(xs[:k], xs[k:]); p < best.P {
			best = Change{At: k, P: p}
			step = stat.Mean(xs[k:], nil) - stat.Mean(xs[:k], nil)
		}
	}
	best.P *= float64(len(xs) - 2*settle + 1)
	if best.P > alpha || math.Abs(step) < math.Log1p(margin) {
		return nil
	}
	k := best.At
	best.At += at
	return append(append(split(xs[:k], at, alpha, margin), best), split(xs[k:], at+k, alpha, margin)...)
}

// tTest returns the two-sided p of Student's test of equal means, with the spread
// that the samples have in common.
func tTest(a, b []float64) float64 {
	m, n := float64(len(a)), float64(len(b))
	meanA, varA := stat.MeanVariance(a, nil)
	meanB, varB := stat.MeanVariance(b, nil)
	nu := m + n - 2
	pooled := math.Sqrt(((m-1)*varA + (n-1)*varB) / nu * (1/m + 1/n))
	if meanA == meanB {
		return 1
	}
	t := math.Abs(meanA-meanB) / pooled // infinite where nothing varies
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: nu}.Survival(t)
}
