package measure

import (
	"math"
	"slices"

	"github.com/optbench/optbench/harness/record"
)

// A Curve is how the values of a group fell, as shares of the first: at each cost the
// quantiles over runs.
type Curve struct {
	Cost   []float64
	Values [][]float64 // by quantile, as asked for
}

// fineness is the ratio between neighbouring costs of a curve, or more.
const fineness = 1.03

// Curve returns quantiles over the runs of the value at a cost, a share of the first, from the first to the
// last that any run had. Between two points of its trajectory a value is taken to
// change by equal factors; a run that ended keeps its last value, but for one that
// diverged: its value is infinite from there on.
func (g *Group) Curve(c Cost, quantiles ...float64) Curve {
	var costs []float64
	for _, r := range g.Runs {
		for _, p := range r.Trajectory {
			costs = append(costs, c.At(r, p))
		}
	}
	slices.Sort(costs)
	out := Curve{Values: make([][]float64, len(quantiles))}
	for i, x := range costs {
		if n := len(out.Cost); n == 0 || x > out.Cost[n-1]*fineness || i == len(costs)-1 && x > out.Cost[n-1] {
			out.Cost = append(out.Cost, x)
		}
	}
	values := make([]float64, len(g.Runs))
	for _, x := range out.Cost {
		for i, r := range g.Runs {
			values[i] = share(r, valueAt(r, c, x))
		}
		slices.Sort(values)
		for i, q := range quantiles {
			out.Values[i] = append(out.Values[i], quantile(values, q))
		}
	}
	return out
}

// valueAt returns the value of a run when it had cost x.
func valueAt(r *record.Convergence, c Cost, x float64) float64 {
	points := r.Trajectory
	if len(points) == 0 {
		return r.Final
	}
	// The first point that cost more.
	i, _ := slices.BinarySearchFunc(points, x, func(p record.Point, x float64) int {
		if c.At(r, p) <= x {
			return -1
		}
		return 1
	})
	switch {
	case i == 0:
		return points[0].Value
	case i == len(points) && r.Diverged && x > c.At(r, points[i-1]):
		return math.Inf(1)
	case i == len(points):
		return points[i-1].Value
	}
	a, b := points[i-1], points[i]
	from, to := c.At(r, a), c.At(r, b)
	part := (x - from) / (to - from)
	if a.Value > 0 && b.Value > 0 {
		return a.Value * math.Pow(b.Value/a.Value, part)
	}
	return a.Value + part*(b.Value-a.Value)
}
