package measure

import (
	"cmp"
	"math"
	"slices"

	"github.com/optbench/optbench/harness/record"
)

// A Sweep is what an optimizer did with several learning rates.
type Sweep struct {
	Goal          // whose learning rate is 0
	Rates []Group // by rising learning rate
}

// Sweep returns the goal of the sweep that a goal belongs to.
func (g Goal) Sweep() Goal {
	g.Task.LR = 0
	return g
}

// Sweeps returns a sweep for each optimizer on each problem, in the order of their
// first records. Where the learning rate was tuned a sweep has the runs of that
// alone, for they have the same seeds at every rate; else it has all.
func Sweeps(runs []record.Convergence) []Sweep {
	tuned := map[Goal]bool{}
	for i := range runs {
		if runs[i].Tuning {
			tuned[GoalOf(&runs[i]).Sweep()] = true
		}
	}
	index := map[Goal]int{}
	var out []Sweep
	for _, g := range group(runs, func(r *record.Convergence) bool { return r.Tuning == tuned[GoalOf(r).Sweep()] }) {
		goal := g.Sweep()
		at, ok := index[goal]
		if !ok {
			at = len(out)
			index[goal] = at
			out = append(out, Sweep{Goal: goal})
		}
		out[at].Rates = append(out[at].Rates, g)
	}
	for _, s := range out {
		slices.SortFunc(s.Rates, func(a, b Group) int { return cmp.Compare(a.Task.LR, b.Task.LR) })
	}
	return out
}

// robust is how much more than the best a learning rate may cost and still count.
const robust = 2

// Decades returns how many decades of the learning rate have an expected running
// time within twice the best, and whether the outermost rate at either end is among
// them, so that the range may be wider than was tried. Between two rates the
// logarithm of the time is taken to be linear in that of the rate; where one of them
// never reached the target, nothing between them counts.
func (s *Sweep) Decades(c Cost) (decades float64, open bool) {
	var rates, times []float64 // as logarithms
	for i := range s.Rates {
		if lr := s.Rates[i].Task.LR; lr > 0 {
			rates, times = append(rates, math.Log10(lr)), append(times, math.Log10(s.Rates[i].ERT(c)))
		}
	}
	if len(rates) == 0 {
		return 0, false
	}
	best := slices.Min(times)
	if math.IsInf(best, 0) { // none reached the target, or one without a step
		return 0, false
	}
	limit := best + math.Log10(robust)
	for i := 1; i < len(rates); i++ {
		lo, hi := min(times[i-1], times[i]), max(times[i-1], times[i])
		switch {
		case hi <= limit:
			decades += rates[i] - rates[i-1]
		case lo <= limit && !math.IsInf(hi, 1):
			decades += (rates[i] - rates[i-1]) * (limit - lo) / (hi - lo)
		}
	}
	return decades, times[0] <= limit || times[len(times)-1] <= limit
}
