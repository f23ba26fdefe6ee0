package measure

import (
	"cmp"
	"math"
	"slices"

	"github.com/optbench/optbench/harness/record"
)

// A Comparison is what several optimizers did on the same problems.
type Comparison struct {
	Optimizers []string // as [Name] has them
	Problems   []Goal
	// LeftOut lists the problems on which some of the optimizers were not run.
	LeftOut []Goal

	groups [][]Group // by problem and optimizer
}

// Compare compares the optimizers of groups on the problems that all of them were
// run on, each with the learning rate of [Best].
func Compare(groups []Group) Comparison {
	var c Comparison
	var problems []Goal
	rows := map[Goal][]Group{}
	for _, g := range Best(groups) {
		p, name := g.Problem(), Name(g.Task)
		if rows[p] == nil {
			problems = append(problems, p)
		}
		rows[p] = append(rows[p], g)
		if !slices.Contains(c.Optimizers, name) {
			c.Optimizers = append(c.Optimizers, name)
		}
	}
	for _, p := range problems {
		if len(rows[p]) < len(c.Optimizers) {
			c.LeftOut = append(c.LeftOut, p)
			continue
		}
		slices.SortFunc(rows[p], func(a, b Group) int {
			return slices.Index(c.Optimizers, Name(a.Task)) - slices.Index(c.Optimizers, Name(b.Task))
		})
		c.Problems, c.groups = append(c.Problems, p), append(c.groups, rows[p])
	}
	return c
}

// Best returns for each optimizer on each problem the group that is the first by
// [Better], which chooses its learning rate, in the order of their first groups.
func Best(groups []Group) []Group {
	type cell struct {
		problem   Goal
		optimizer string
	}
	index := map[cell]int{}
	var out []Group
	for _, g := range groups {
		c := cell{g.Problem(), Name(g.Task)}
		at, ok := index[c]
		switch {
		case !ok:
			index[c] = len(out)
			out = append(out, g)
		case Better(&g, &out[at]) < 0:
			out[at] = g
		}
	}
	return out
}

// Better orders groups on one problem, the best first: by expected running time in
// gradients; where that is the same, as it is where none reached the target, by the
// median of the final value.
func Better(a, b *Group) int {
	return cmp.Or(cmp.Compare(a.ERT(GradEvals), b.ERT(GradEvals)), cmp.Compare(a.Final(0.5), b.Final(0.5)), cmp.Compare(a.Task.LR, b.Task.LR))
}

// A Distribution of costs or of ratios: the shares of N cases that stayed at or
// below a bound. Cases that never ended are missing from At.
type Distribution struct {
	At []float64 // sorted
	N  int
}

// Share returns the share of cases at or below x.
func (d Distribution) Share(x float64) float64 {
	below, _ := slices.BinarySearchFunc(d.At, x, func(a, x float64) int {
		if a <= x {
			return -1
		}
		return 1
	})
	return float64(below) / float64(d.N)
}

func distribution(values []float64) Distribution {
	d := Distribution{N: len(values)}
	for _, v := range values {
		if !math.IsInf(v, 1) {
			d.At = append(d.At, v)
		}
	}
	slices.Sort(d.At)
	return d
}

// MaxRatio is the ratio to the best up to which a performance profile is scored, that
// of AlgoPerf.
const MaxRatio = 4

// Profile returns the performance profile of each optimizer: over problems, the
// distribution of its expected running time divided by that of the best optimizer
// there (E. D. Dolan and J. J. Moré, Benchmarking optimization software with
// performance profiles, 2002). A problem that nobody solved counts for nobody.
func (c *Comparison) Profile(cost Cost) []Distribution {
	ratios := make([][]float64, len(c.Optimizers))
	for _, row := range c.groups {
		times := make([]float64, len(row))
		for i := range row {
			times[i] = row[i].ERT(cost)
		}
		best := slices.Min(times)
		for i, t := range times {
			ratio := t / best
			if t == best && !math.IsInf(t, 1) {
				ratio = 1 // 0/0 too: no step was needed
			} else if math.IsInf(t, 1) {
				ratio = math.Inf(1)
			}
			ratios[i] = append(ratios[i], ratio)
		}
	}
	out := make([]Distribution, len(ratios))
	for i, r := range ratios {
		out[i] = distribution(r)
	}
	return out
}

// Score is the area below a performance profile from 1 to MaxRatio, as a share of
// the most that it can be (G. E. Dahl et al., Benchmarking neural network training
// algorithms, 2023): 1 for an optimizer that is the best on every problem.
func (d Distribution) Score() float64 {
	area := 0.0
	for _, ratio := range d.At {
		area += max(0, MaxRatio-ratio)
	}
	return area / (MaxRatio - 1) / float64(d.N)
}

// Targets is how many targets of each problem an ECDF counts.
const Targets = 50

// ECDF returns for each optimizer the distribution, over the runs of all problems
// and Targets values of each, of what it cost to get to that value or below (N.
// Hansen et al., COCO: performance assessment, 2016). The values lie evenly on a
// logarithmic scale between the first, which is not among them, and the target,
// which is. What was reached between two points of a trajectory counts at the second.
func (c *Comparison) ECDF(cost Cost) []Distribution {
	out := make([]Distribution, len(c.Optimizers))
	for i := range out {
		var costs []float64
		for p, row := range c.groups {
			for _, r := range row[i].Runs {
				for k := 1; k <= Targets; k++ {
					// A target of 0 has no logarithm: it stands for them all.
					target := r.Start * math.Pow(c.Problems[p].Target, float64(k)/Targets)
					costs = append(costs, hit(r, max(target, r.Target), cost))
				}
			}
		}
		out[i] = distribution(costs)
	}
	return out
}

// hit returns what a run had cost at its first point at or below a value.
func hit(r *record.Convergence, value float64, c Cost) float64 {
	for _, p := range r.Trajectory {
		if p.Value <= value {
			return c.At(r, p)
		}
	}
	if r.Reached && value >= r.Target {
		return c.Of(r)
	}
	return math.Inf(1)
}
