package pairs

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
)

// ErrApart is the error of records that have nothing in common.
var ErrApart = errors.New("not comparable: the files have no case in common")

// fewest launches of a side, or seeds, have an interval.
const fewest = 6

// A Recording is records of one side.
type Recording struct {
	*record.File
	Name string
}

// Recorded compares the records of a and b: launches of the same case, and runs of the
// same task from the same seeds. All of them are one suite.
func Recorded(a, b Recording, alpha, margin float64) ([]record.Comparison, error) {
	launched := launches(a, b)
	out := slices.Concat(launched, tasks(a, b))
	var data []compare.Data
	var tested []int
	for i := range out {
		c := &out[i]
		c.Schema, c.Kind = record.Schema, record.KindComparison
		if c.Verdict != "" {
			continue // there is nothing to test
		}
		c.Pairs = min(len(c.A), len(c.B))
		if c.Pairs == 0 {
			c.Verdict, c.P, c.PHolm = string(compare.NotComparable), 1, 1
			continue
		}
		tested = append(tested, i)
		d := compare.Data{A: logs(c.A), B: logs(c.B)}
		if c.Design == record.Seeded {
			for k := range d.A {
				d.Pairs = append(d.Pairs, d.B[k]-d.A[k])
			}
			d.A, d.B = nil, nil
		}
		data = append(data, d)
	}
	if !slices.ContainsFunc(out, func(c record.Comparison) bool { return c.Verdict != string(compare.NotComparable) }) {
		return nil, ErrApart
	}
	for _, i := range tested {
		if err := enough(&out[i], a.Name, b.Name, len(tested), alpha); err != nil {
			return nil, err
		}
	}
	plan := compare.Plan{Looks: []int{1}, Alpha: alpha, Margin: margin}
	for k, r := range plan.Judge(data, nil) {
		c := &out[tested[k]]
		c.Verdict, c.Ratio, c.CI95, c.P, c.PHolm = string(r.Verdict), r.Ratio, r.CI95, r.P, r.PHolm
		c.MDE, c.MorePairs = r.MDE, r.MoreN
	}
	return out, nil
}

// enough refuses a case that could not be significant, whatever it shows.
func enough(c *record.Comparison, a, b string, cases int, alpha float64) error {
	if c.Design == record.Seeded {
		if want := max(fewest, compare.Reachable(cases, alpha)); c.Pairs < want {
			return fmt.Errorf("%s with %s has %d seeds in both files, want %d or more for a suite of %d: optbench converge --seeds %d", c.Task.Objective, measure.Name(*c.Task), c.Pairs, want, cases, max(20, want))
		}
		return nil
	}
	name, n := a, len(c.A)
	if len(c.B) < n {
		name, n = b, len(c.B)
	}
	if want := max(fewest, compare.ReachableLaunches(cases, alpha)); n < want {
		return fmt.Errorf("%s: %s at n=%d has %d launches, want %d or more on either side for a suite of %d: optbench run --launches %d -o %s; the samples of one launch are no replicates",
			name, c.Case.Update, c.Case.N, n, want, cases, max(12, want), name)
	}
	return nil
}

func logs(xs []float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = math.Log(x)
	}
	return out
}

// launches returns the cases of both sides with the times of their launches.
func launches(a, b Recording) []record.Comparison {
	var out []record.Comparison
	at := map[harness.Case]int{}
	collect := func(f *record.File, put func(*record.Comparison, *record.Throughput)) {
		for i := range f.Throughput {
			t := &f.Throughput[i]
			if _, ok := at[t.Case]; !ok {
				at[t.Case] = len(out)
				out = append(out, record.Comparison{Case: t.Case, Design: record.Unpaired})
			}
			put(&out[at[t.Case]], t)
		}
	}
	collect(a.File, func(c *record.Comparison, t *record.Throughput) { c.A, c.KernelA = append(c.A, t.Median), t.Kernel })
	collect(b.File, func(c *record.Comparison, t *record.Throughput) { c.B, c.KernelB = append(c.B, t.Median), t.Kernel })
	for i := range out {
		switch c := &out[i]; {
		case len(c.A) == 0:
			c.Notes = append(c.Notes, a.Name+" lacks the case")
		case len(c.B) == 0:
			c.Notes = append(c.Notes, b.Name+" lacks the case")
		case c.KernelA != c.KernelB:
			c.Notes = append(c.Notes, fmt.Sprintf("the sides ran different kernels, %s and %s", c.KernelA, c.KernelB))
		}
	}
	return out
}

// tasks returns the tasks of both sides with the steps to the target, of the seeds that
// both have.
func tasks(a, b Recording) []record.Comparison {
	var out []record.Comparison
	others := measure.Groups(b.Convergence)
	for _, g := range measure.Groups(a.Convergence) {
		at := slices.IndexFunc(others, func(o measure.Group) bool { return o.Goal == g.Goal })
		if at < 0 {
			out = append(out, lone(g, b.Name+" lacks the task, or has another target or budget"))
			continue
		}
		out = append(out, seeded(g, others[at]))
		others = slices.Delete(others, at, at+1)
	}
	for _, g := range others {
		out = append(out, lone(g, a.Name+" lacks the task, or has another target or budget"))
	}
	return out
}

func lone(g measure.Group, note string) record.Comparison {
	return record.Comparison{Task: &g.Task, Design: record.Seeded, Notes: []string{note}}
}

// seeded pairs the runs from the same seeds. A run that missed its target is known to
// take more steps than its budget, and counts as if it had taken them all: swapping
// the sides then swaps the sign of a pair, as the test wants, and the ratio is nearer
// to 1 than the true one.
func seeded(a, b measure.Group) record.Comparison {
	c := record.Comparison{Task: &a.Task, Design: record.Seeded}
	cost := func(r *record.Convergence) float64 {
		if !r.Reached {
			return float64(max(1, r.Budget))
		}
		return float64(max(1, r.Steps))
	}
	var missed [2]int
	same, alone := true, 0
	for _, x := range a.Runs {
		k := slices.IndexFunc(b.Runs, func(y *record.Convergence) bool { return y.Seed == x.Seed })
		if k < 0 {
			alone++
			continue
		}
		y := b.Runs[k]
		c.A, c.B, c.KernelA, c.KernelB = append(c.A, cost(x)), append(c.B, cost(y)), x.Kernel, y.Kernel
		same = same && x.StateHash == y.StateHash && x.StateHash != ""
		for i, r := range []*record.Convergence{x, y} {
			if !r.Reached {
				missed[i]++
			}
		}
	}
	n := len(c.A)
	switch {
	case n == 0:
		c.Notes = append(c.Notes, "the files have no seed in common")
		return c
	case same:
		c.Notes = append(c.Notes, "every run ends with the same bits")
	}
	if alone += len(b.Runs) - n; alone > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("runs with seeds that the other side lacks, which do not count: %d", alone))
	}
	switch {
	case missed == [2]int{n, n}:
		c.Verdict, c.P, c.PHolm = string(compare.Inconclusive), 1, 1
		c.Notes = append(c.Notes, fmt.Sprintf("no run of either side reached the target in its budget of %d steps", a.Budget))
	case missed != [2]int{}:
		c.Notes = append(c.Notes, fmt.Sprintf("%d of %d runs of a and %d of b missed the target, and count at their budget of %d steps: the true ratio is no nearer to 1", missed[0], n, missed[1], a.Budget))
	}
	return c
}
