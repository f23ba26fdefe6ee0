// Package measure says of optimizers what their single runs show: what it costs to
// reach a target, how often they reach it, how much the learning rate matters, and
// how they compare over many objectives.
//
// Everything is a function of records and depends neither on their order nor on
// chance: what is resampled is drawn from a fixed seed. A run that spent its budget
// before the target is censored, and counts as such: it is known to cost more than
// it spent, and no measure forgets it. A run that diverged never reaches its target.
package measure

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/optbench/optbench/harness/record"
)

// A Cost is what a run is charged for.
type Cost string

const (
	Steps     Cost = "steps"
	GradEvals Cost = "evals" // gradients of the whole objective, or of a batch
	Seconds   Cost = "seconds"
	Bytes     Cost = "bytes"
)

// Costs lists them all.
var Costs = []Cost{Steps, GradEvals, Seconds, Bytes}

// Of returns what a run cost: up to its target, or in all where it missed that.
func (c Cost) Of(r *record.Convergence) float64 {
	switch c {
	case GradEvals:
		return float64(r.GradEvals)
	case Seconds:
		return r.Seconds
	case Bytes:
		return float64(r.Bytes)
	}
	return float64(r.Steps)
}

// At returns what a run had cost at a point of its trajectory. Points have no count
// of bytes: those are taken to grow evenly with the steps.
func (c Cost) At(r *record.Convergence, p record.Point) float64 {
	switch {
	case c == Steps:
		return float64(p.Step)
	case c == Seconds:
		return p.Seconds
	case c == GradEvals:
		return float64(p.GradEvals)
	case p.Step == 0:
		return 0
	}
	return c.Of(r) * (float64(p.Step) / float64(r.Steps))
}

// A Goal is what a run was to do: to get from its first value to a share of it within
// so many steps.
type Goal struct {
	Task   record.Task
	Target float64 // as a share of the first value, which depends on the seed
	Budget int
	Limit  float64 // seconds, where Budget is 0
}

// Digits keeps nine digits of a target: its product with the first value was rounded.
func Digits(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 9, 64), 64)
	if err != nil {
		return x
	}
	return y
}

// GoalOf returns the goal of a run.
func GoalOf(r *record.Convergence) Goal {
	g := Goal{Task: r.Case, Budget: r.Budget, Limit: r.Limit}
	if r.Start > 0 && r.Target > 0 {
		g.Target = Digits(r.Target / r.Start)
	}
	return g
}

// A Group is the runs of one goal, which differ in their seeds alone.
type Group struct {
	Goal
	Runs    []*record.Convergence // by rising seed, each seed once
	Repeats int                   // records left out because their seed was there
}

// Groups returns the groups of the runs that were not made for tuning, in the order
// of their first records. Where a seed was run more than once, its first record
// counts: the same seed takes the same steps, and is no more evidence.
func Groups(runs []record.Convergence) []Group {
	return group(runs, func(r *record.Convergence) bool { return !r.Tuning })
}

func group(runs []record.Convergence, takes func(*record.Convergence) bool) []Group {
	type seeded struct {
		Goal
		seed uint64
	}
	index, seen := map[Goal]int{}, map[seeded]bool{}
	var out []Group
	for i := range runs {
		r := &runs[i]
		if !takes(r) {
			continue
		}
		goal := GoalOf(r)
		at, ok := index[goal]
		if !ok {
			at = len(out)
			index[goal] = at
			out = append(out, Group{Goal: goal})
		}
		if s := (seeded{goal, r.Seed}); seen[s] {
			out[at].Repeats++
		} else {
			seen[s] = true
			out[at].Runs = append(out[at].Runs, r)
		}
	}
	for _, g := range out {
		slices.SortFunc(g.Runs, func(a, b *record.Convergence) int { return cmp.Compare(a.Seed, b.Seed) })
	}
	return out
}

// Name returns the optimizer of a task and its schedule, if it has one: what is
// compared, whatever its learning rate.
func Name(t record.Task) string {
	if t.Schedule != "" {
		return t.Optimizer + " " + t.Schedule
	}
	return t.Optimizer
}

// Problem returns what optimizers can be compared on: the goal without the optimizer,
// its schedule and its learning rate.
func (g Goal) Problem() Goal {
	g.Task.Optimizer, g.Task.Schedule, g.Task.LR = "", "", 0
	return g
}

// Reached counts the runs that reached the target.
func (g *Group) Reached() int {
	return g.count(func(r *record.Convergence) bool { return r.Reached })
}

// Diverged counts the runs that diverged.
func (g *Group) Diverged() int {
	return g.count(func(r *record.Convergence) bool { return r.Diverged })
}

func (g *Group) count(is func(*record.Convergence) bool) int {
	n := 0
	for _, r := range g.Runs {
		if is(r) {
			n++
		}
	}
	return n
}

// Final returns a quantile over the runs of the value at which they ended; of one
// that diverged it is infinite.
func (g *Group) Final(q float64) float64 {
	return g.final(q, func(r *record.Convergence) float64 { return r.Final })
}

// FinalShare is Final of the values divided by those at which the runs began.
func (g *Group) FinalShare(q float64) float64 {
	return g.final(q, func(r *record.Convergence) float64 { return share(r, r.Final) })
}

func (g *Group) final(q float64, value func(*record.Convergence) float64) float64 {
	values := make([]float64, len(g.Runs))
	for i, r := range g.Runs {
		values[i] = value(r)
		if r.Diverged {
			values[i] = math.Inf(1)
		}
	}
	slices.Sort(values)
	return quantile(values, q)
}

// share returns a value of a run as a share of its first. One that began at the
// minimum has shares of 0, or infinite ones.
func share(r *record.Convergence, value float64) float64 {
	if value == 0 {
		return 0
	}
	return value / max(0, r.Start)
}

// A Quantile of costs. Where Censored, the runs do not tell it: it is more than
// Value, which is infinite where that many runs diverged.
type Quantile struct {
	Value    float64
	Censored bool
}

// Quantile returns a quantile over the runs of the cost to reach the target.
//
// Each run bounds its cost from below by what it spent, and from above by that or,
// where it missed the target, by nothing. Where the quantiles of both bounds agree,
// they are the quantile; else it is above the lower.
func (g *Group) Quantile(c Cost, q float64) Quantile {
	lower, upper := make([]float64, len(g.Runs)), make([]float64, len(g.Runs))
	for i, r := range g.Runs {
		lower[i], upper[i] = c.Of(r), c.Of(r)
		if !r.Reached {
			upper[i] = math.Inf(1)
		}
		if r.Diverged {
			lower[i] = math.Inf(1)
		}
	}
	slices.Sort(lower)
	slices.Sort(upper)
	lo, hi := quantile(lower, q), quantile(upper, q)
	return Quantile{Value: lo, Censored: lo != hi || math.IsInf(lo, 1)}
}

// quantile interpolates between order statistics (type 7 of Hyndman and Fan, the
// default of R and NumPy). Values are sorted and may be infinite.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	lo, hi := sorted[i], sorted[min(i+1, len(sorted)-1)]
	if share := at - float64(i); share > 0 && lo != hi {
		return lo + share*(hi-lo)
	}
	return lo
}
