package pairs

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
)

// ErrApart is the error of records that have nothing in common.
var ErrApart = errors.New("not comparable: the files have no case in common")

// nothing is the error of cases of which none can be compared: it says why the first
// cannot, or all where it is for the same reason.
func nothing(cases []record.Comparison) error {
	why := cases[0].Notes[0]
	which := "all alike"
	if slices.ContainsFunc(cases, func(c record.Comparison) bool { return c.Notes[0] != why }) {
		which = cases[0].Case.Update
		if t := cases[0].Task; t != nil {
			which = t.Objective + " with " + measure.Name(*t)
		}
	}
	return fmt.Errorf("%w; %s: %s", ErrApart, which, why)
}

// fewest launches of a side, or seeds, have an interval.
const fewest = 6

// A Recording is records of one side.
type Recording struct {
	*record.File
	Name string
}

// Recorded compares the records of a and b: launches of the same case, and runs of the
// same task from the same seeds. All of them are one suite. Across devices the steps of
// a task are the same whatever they ran on.
func Recorded(a, b Recording, alpha, margin float64, acrossDevices bool) ([]record.Comparison, error) {
	out := slices.Concat(launches(a, b), tasks(a, b, acrossDevices))
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
			c.Verdict = string(compare.NotComparable)
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
		return nil, nothing(out)
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
		if len(c.MissedA)+len(c.MissedB) > 0 && r.Verdict == compare.Equivalent && !equivalent(plan, data[k].Pairs, c) {
			c.Verdict = string(compare.Inconclusive)
			c.Notes = append(c.Notes, "the runs that missed the target may differ by more than the margin")
		}
	}
	return out, nil
}

// equivalent reports whether the pairs of a case lie within the margin wherever those
// do of which a run missed its target, for what they count at is nearer than they are.
func equivalent(plan compare.Plan, pairs []float64, c *record.Comparison) bool {
	const far = 1e3
	for _, side := range []float64{-far, far} {
		d := slices.Clone(pairs)
		for _, k := range slices.Concat(c.MissedA, c.MissedB) {
			d[k] = side
		}
		if plan.Judge([]compare.Data{{Pairs: d}}, nil)[0].Verdict != compare.Equivalent {
			return false
		}
	}
	return true
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
	for i := 0; i < len(out); i++ {
		c := &out[i]
		switch {
		case len(c.B) == 0:
			var others []record.Comparison // that a lacks
			for _, o := range out {
				if len(o.A) == 0 {
					others = append(others, o)
				}
			}
			note, near := lacks(harness.Settings(c.Case), a.Name, others, func(o record.Comparison) []string { return harness.Settings(o.Case) }, b.Name)
			c.Notes = append(c.Notes, note)
			if near >= 0 { // its row speaks for both
				out = slices.DeleteFunc(out, func(o record.Comparison) bool { return o.Case == others[near].Case })
			}
		case len(c.A) > 0 && c.KernelA != c.KernelB:
			c.Notes = append(c.Notes, fmt.Sprintf("the sides ran different kernels, %s and %s", c.KernelA, c.KernelB))
		}
	}
	for i := range out {
		if c := &out[i]; len(c.A) == 0 {
			c.Notes = append(c.Notes, a.Name+" lacks the case")
		}
	}
	return out
}

// lacks says why a case of one file has none like it among the others, which are of
// another: what the one that is nearest has instead, and its place; -1 where there is
// none of the same update, or objective and optimizer.
func lacks[T any](settings []string, file string, others []T, of func(T) []string, other string) (note string, near int) {
	near = -1
	var only, instead []string
	for i, o := range others {
		theirs := of(o)
		x, y := without(settings, theirs), without(theirs, settings)
		if kin(theirs) == kin(settings) && (near < 0 || len(y) < len(instead)) {
			near, only, instead = i, x, y
		}
	}
	if near < 0 {
		return other + " lacks the case", near
	}
	return fmt.Sprintf("%s has %s, %s %s", file, strings.Join(only, " "), other, strings.Join(instead, " ")), near
}

// without returns the settings that are not among others.
func without(settings, others []string) []string {
	return slices.DeleteFunc(slices.Clone(settings), func(s string) bool { return slices.Contains(others, s) })
}

// kin names what is measured, without its parameters: the update, or the objective and
// the optimizer.
func kin(settings []string) string {
	var names []string
	for _, s := range settings {
		if axis, value, _ := strings.Cut(s, "="); axis == "update" || axis == "objective" || axis == "optimizer" {
			name, _, _ := strings.Cut(value, ":")
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// tasks returns the tasks of both sides with the steps to the target, of the seeds that
// both have. A learning rate that tuning chose is an outcome, and keeps no tasks apart;
// nor does the device, where steps across devices are asked for.
func tasks(a, b Recording, acrossDevices bool) []record.Comparison {
	tunedA, tunedB := trials(a.File), trials(b.File)
	same := func(x, y measure.Goal) bool {
		if tunedA[x] && tunedB[y] {
			y.Task.LR = x.Task.LR
		}
		if acrossDevices && x.Budget > 0 {
			y.Task.Backend, y.Task.Threads = x.Task.Backend, x.Task.Threads
		}
		return x == y
	}
	var out []record.Comparison
	groups, others := measure.Groups(a.Convergence), measure.Groups(b.Convergence)
	for _, alike := range []func(x, y measure.Goal) bool{func(x, y measure.Goal) bool { return x == y }, same} {
		groups = slices.DeleteFunc(groups, func(g measure.Group) bool {
			at := slices.IndexFunc(others, func(o measure.Group) bool { return alike(g.Goal, o.Goal) })
			if at < 0 {
				return false
			}
			c := seeded(g, others[at])
			if x, y := g.Settings(), others[at].Settings(); !slices.Equal(x, y) {
				c.Notes = append(c.Notes, fmt.Sprintf("%s has %s, %s %s", a.Name, strings.Join(without(x, y), " "), b.Name, strings.Join(without(y, x), " ")))
			}
			out = append(out, c)
			others = slices.Delete(others, at, at+1)
			return true
		})
	}
	lone := func(g measure.Group, note string) {
		c := comparisonOf(g.Goal)
		c.Notes = []string{note}
		out = append(out, c)
	}
	for _, g := range groups {
		note, near := lacks(asked(g.Goal, tunedA), a.Name, others, func(o measure.Group) []string { return asked(o.Goal, tunedB) }, b.Name)
		lone(g, note)
		if near >= 0 { // its row speaks for both
			others = slices.Delete(others, near, near+1)
		}
	}
	for _, g := range others {
		lone(g, a.Name+" lacks the case")
	}
	return out
}

// trials are the goals of the trials of learning rates: a rate of another run that is
// among them was chosen by tuning.
func trials(f *record.File) map[measure.Goal]bool {
	out := map[measure.Goal]bool{}
	for i := range f.Convergence {
		if r := &f.Convergence[i]; r.Tuning {
			out[measure.GoalOf(r)] = true
		}
	}
	return out
}

// asked returns the settings of a goal as they were asked for: a rate that was tuned is
// auto.
func asked(g measure.Goal, tuned map[measure.Goal]bool) []string {
	s := g.Settings()
	if tuned[g] {
		s[slices.IndexFunc(s, func(s string) bool { return strings.HasPrefix(s, "lr=") })] = "lr=auto"
	}
	return s
}

func comparisonOf(g measure.Goal) record.Comparison {
	return record.Comparison{Task: &g.Task, Target: g.Target, Budget: g.Budget, Limit: g.Limit, Design: record.Seeded}
}

// seeded pairs the runs from the same seeds. A run that missed its target is known to
// take more steps than its budget, and counts as if it had taken them all: swapping
// the sides then swaps the sign of a pair, as the test wants, and the ratio is nearer
// to 1 than the true one. Where time was limited, and not steps, it is known to take
// more than it did, and counts as even with the other where that is not more.
func seeded(a, b measure.Group) record.Comparison {
	c := comparisonOf(a.Goal)
	most := a.Budget
	if most == 0 {
		for _, r := range slices.Concat(a.Runs, b.Runs) {
			most = max(most, r.Steps)
		}
	}
	cost := func(r, other *record.Convergence) float64 {
		switch {
		case r.Reached:
			return float64(max(1, r.Steps))
		case a.Budget > 0 || r.Diverged: // what diverged will never reach it
			return float64(max(1, most))
		}
		return float64(max(1, r.Steps, other.Steps))
	}
	same, alone := true, 0
	for _, x := range a.Runs {
		k := slices.IndexFunc(b.Runs, func(y *record.Convergence) bool { return y.Seed == x.Seed })
		if k < 0 {
			alone++
			continue
		}
		y := b.Runs[k]
		if !x.Reached {
			c.MissedA = append(c.MissedA, len(c.A))
		}
		if !y.Reached {
			c.MissedB = append(c.MissedB, len(c.B))
		}
		c.A, c.B, c.KernelA, c.KernelB = append(c.A, cost(x, y)), append(c.B, cost(y, x)), x.Kernel, y.Kernel
		same = same && x.StateHash == y.StateHash && x.StateHash != ""
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
	budget, count := fmt.Sprintf("%d steps", a.Budget), "at that"
	if a.Budget == 0 {
		budget, count = fmt.Sprintf("%v s", a.Limit), "at the steps they took, or as even with the other side"
	}
	switch x, y := len(c.MissedA), len(c.MissedB); {
	case x == n && y == n:
		c.Verdict = string(compare.Inconclusive)
		c.Notes = append(c.Notes, fmt.Sprintf("no run of either side reached the target in its budget of %s", budget))
	case x+y > 0:
		c.Notes = append(c.Notes, fmt.Sprintf("%d of %d runs of a and %d of b missed the target in their budget of %s, and count %s: the true ratio is no nearer to 1", x, n, y, budget, count))
	}
	return c
}
