package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
)

// A groupRow is what a row says of the runs of a task.
type groupRow struct {
	*measure.Group
	sweep *measure.Sweep // over learning rates, with more than one of them; nil where there is none
}

var groupFields = []field[groupRow]{
	{Column: Column{Name: "objective", Left: true}, value: func(g *groupRow) string { return g.Task.Objective }},
	{Column: Column{Name: "dim"}, value: func(g *groupRow) string { return axis.FormatInt(int64(g.Task.Dim)) }, usual: anything},
	{Column: Column{Name: "noise", Left: true}, value: func(g *groupRow) string { return cmp.Or(g.Task.Noise, "none") }, usual: anything},
	{Column: Column{Name: "batch"}, value: func(g *groupRow) string { return strconv.Itoa(g.Task.Batch) }, usual: "0"},
	{Column: Column{Name: "optimizer", Left: true}, value: func(g *groupRow) string { return measure.Name(g.Task) }},
	{Column: Column{Name: "lr"}, value: func(g *groupRow) string { return axis.FormatFloat(g.Task.LR, 3) }},
	{Column: Column{Name: "dtype", Left: true}, value: func(g *groupRow) string { return g.Task.DType }, usual: anything},
	{Column: Column{Name: "backend", Left: true}, value: func(g *groupRow) string { return g.Task.Backend }, usual: anything},
	{Column: Column{Name: "threads"}, value: func(g *groupRow) string { return strconv.Itoa(g.Task.Threads) }, usual: anything},
	{Column: Column{Name: "target"}, value: func(g *groupRow) string { return axis.FormatFloat(g.Target, 3) }, usual: anything},
	{Column: Column{Name: "budget"}, value: budget, usual: anything},
	{Column: Column{Name: "reached"}, value: reached},
	{Column: Column{Name: "steps"}, value: cost(measure.Steps)},
	{Column: Column{Name: "evals"}, value: cost(measure.GradEvals)},
	{Column: Column{Name: "ERT"}, value: func(g *groupRow) string { return number(g.ERT(measure.GradEvals)) }},
	{Column: Column{Name: "ERT 95%"}, value: ertInterval, usual: noInterval},
	{Column: Column{Name: "seconds"}, value: median(measure.Seconds)},
	{Column: Column{Name: "bytes"}, value: median(measure.Bytes)},
	{Column: Column{Name: "final"}, value: func(g *groupRow) string { return number(g.Final(0.5)) }},
	{Column: Column{Name: "diverged"}, value: func(g *groupRow) string { return strconv.Itoa(g.Diverged()) }, usual: "0"},
	{Column: Column{Name: "lr decades"}, value: decades},
}

// Quantiles that stand beside a median.
const low, high = 0.1, 0.9

// noInterval stands where there are too few runs for one, or none that succeeded.
const noInterval = "none"

// budget is in steps, or in seconds.
func budget(g *groupRow) string {
	if g.Budget == 0 {
		return axis.FormatFloat(g.Limit, 3) + " s"
	}
	return axis.FormatInt(int64(g.Budget))
}

func reached(g *groupRow) string {
	k, n := g.Reached(), len(g.Runs)
	lo, hi := measure.Wilson(k, n)
	return fmt.Sprintf("%d/%d [%.0f–%.0f%%]", k, n, 100*lo, 100*hi)
}

func cost(c measure.Cost) func(*groupRow) string {
	return func(g *groupRow) string {
		lo, hi := g.Quantile(c, low), g.Quantile(c, high)
		if lo == hi {
			return bounded(lo)
		}
		return fmt.Sprintf("%s [%s–%s]", bounded(g.Quantile(c, 0.5)), bounded(lo), bounded(hi))
	}
}

func median(c measure.Cost) func(*groupRow) string {
	return func(g *groupRow) string { return bounded(g.Quantile(c, 0.5)) }
}

func bounded(q measure.Quantile) string {
	if q.Censored && !math.IsInf(q.Value, 1) {
		return ">" + number(q.Value)
	}
	return number(q.Value)
}

// number shows three digits, and infinity by its sign.
func number(x float64) string {
	if math.IsInf(x, 1) {
		return "∞"
	}
	return axis.FormatFloat(x, 3)
}

func ertInterval(g *groupRow) string {
	lo, hi := g.ERTInterval(measure.GradEvals)
	if math.IsNaN(lo) || math.IsInf(lo, 1) {
		return noInterval
	}
	return fmt.Sprintf("%s–%s", number(lo), number(hi))
}

func decades(g *groupRow) string {
	if g.sweep == nil || math.IsInf(g.ERT(measure.GradEvals), 1) {
		return ""
	}
	d, open := g.sweep.Decades(measure.GradEvals)
	if open {
		return fmt.Sprintf("≥%.1f", d)
	}
	return fmt.Sprintf("%.1f", d)
}

// groupKeys order rows within an objective.
var groupKeys = map[string]func(a, b *measure.Group) int{
	"ERT":       measure.Better,
	"optimizer": func(a, b *measure.Group) int { return cmp.Compare(measure.Name(a.Task), measure.Name(b.Task)) },
	"lr":        func(a, b *measure.Group) int { return cmp.Compare(a.Task.LR, b.Task.LR) },
	"seconds":   byMedian(measure.Seconds),
	"bytes":     byMedian(measure.Bytes),
	"final":     func(a, b *measure.Group) int { return cmp.Compare(a.Final(0.5), b.Final(0.5)) },
}

func byMedian(c measure.Cost) func(a, b *measure.Group) int {
	return func(a, b *measure.Group) int {
		x, y := a.Quantile(c, 0.5), b.Quantile(c, 0.5)
		if x.Censored != y.Censored {
			if x.Censored {
				return 1
			}
			return -1
		}
		return cmp.Compare(x.Value, y.Value)
	}
}

// GroupSortKeys lists the columns that rows of convergence can be ordered by within
// an objective, the default first.
func GroupSortKeys() []string {
	return []string{"ERT", "optimizer", "lr", "seconds", "bytes", "final"}
}

// convergence writes the table of runs of optimizers: a row per task, the objectives
// in the order of their first records and, within each, the rows by a key.
func convergence(w io.Writer, markdown bool, runs []record.Convergence, sort string) error {
	groups := measure.Groups(runs)
	if len(groups) == 0 {
		return fmt.Errorf("the runs served for tuning alone, want some that were made with what it chose")
	}
	problem := map[measure.Goal]int{}
	for _, g := range groups {
		if _, ok := problem[g.Problem()]; !ok {
			problem[g.Problem()] = len(problem)
		}
	}
	less := groupKeys[cmp.Or(sort, "ERT")]
	slices.SortStableFunc(groups, func(a, b measure.Group) int {
		return cmp.Or(cmp.Compare(problem[a.Problem()], problem[b.Problem()]), less(&a, &b), measure.Better(&a, &b))
	})
	rows, repeats := rowsOf(groups, runs)
	table := groupFieldsOf(rows, markdown)
	t, err := newTable(w, markdown, table)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := addRow(t, table, &rows[i]); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprint(w, "\n", shared(rows), legend(table, rows, repeats), trials(runs))
	return err
}

// trials says what the choice of learning rates has cost.
func trials(runs []record.Convergence) string {
	count, evals := 0, int64(0)
	for i := range runs {
		if runs[i].Tuning {
			count++
			evals += runs[i].GradEvals
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("learning rates were chosen by %d trials, which took %s gradients\n", count, axis.FormatFloat(float64(evals), 3))
}

// rowsOf adds to groups their sweeps, and counts the records that repeat a seed.
func rowsOf(groups []measure.Group, runs []record.Convergence) (rows []groupRow, repeats int) {
	sweeps := map[measure.Goal]*measure.Sweep{}
	for _, s := range measure.Sweeps(runs) {
		if len(s.Rates) > 1 {
			sweeps[s.Goal] = &s
		}
	}
	for i := range groups {
		rows = append(rows, groupRow{&groups[i], sweeps[groups[i].Sweep()]})
		repeats += groups[i].Repeats
	}
	return rows, repeats
}

// groupFieldsOf returns the fields that a table of groups needs. Where they are too
// wide for a terminal, first goes what is least of use or follows from the rest; then
// names are cut.
func groupFieldsOf(rows []groupRow, markdown bool) []field[groupRow] {
	steps, evals := cost(measure.Steps), cost(measure.GradEvals)
	same := !slices.ContainsFunc(rows, func(g groupRow) bool { return steps(&g) != evals(&g) })
	var wanted []field[groupRow]
	for _, f := range groupFields {
		f.axis = true
		if f.Name == "evals" && same || f.Name == "threads" && threadsFollow(rows) {
			continue
		}
		wanted = append(wanted, f)
	}
	if markdown {
		return fit(wanted, rows, math.MaxInt, nil)
	}
	return fit(wanted, rows, MaxWidth, []string{"lr decades", "bytes", "ERT 95%", "evals", "final", "diverged", cut, "seconds"}, "noise", "objective", "optimizer")
}

// threadsFollow reports whether an objective has one number of threads on all rows: then
// it tells no two of them apart.
func threadsFollow(rows []groupRow) bool {
	of := map[string]int{}
	for _, g := range rows {
		if n, ok := of[g.Task.Objective]; ok && n != g.Task.Threads {
			return false
		}
		of[g.Task.Objective] = g.Task.Threads
	}
	return true
}

// shared says what all rows have in common and no column shows.
func shared(rows []groupRow) string {
	text, width := "all rows:", 0
	width = len(text)
	for _, f := range groupFields {
		v := f.value(&rows[0])
		if f.usual != anything || slices.ContainsFunc(rows, func(g groupRow) bool { return f.value(&g) != v }) {
			continue
		}
		word := " " + f.Name + " " + v + ","
		if width += len(word); width > MaxWidth {
			text, width = text+"\n ", 1+len(word)
		}
		text += word
	}
	if !strings.HasSuffix(text, ",") {
		return ""
	}
	return strings.TrimSuffix(text, ",") + "\n"
}

// legend says what columns mean.
func legend(fields []field[groupRow], rows []groupRow, repeats int) string {
	var b strings.Builder
	b.WriteString("reached: runs that met the target, and the 95 % interval of their share\n" +
		"steps, evals: median [10 %–90 %] of runs; >: more than that, for runs ended before the target\n" +
		"ERT: gradients of all runs for each that met the target, the expected cost with restarts\n")
	if slices.ContainsFunc(fields, func(f field[groupRow]) bool { return f.Name == "lr decades" }) {
		b.WriteString("lr decades: learning rates with an ERT within twice the best; ≥: up to the edge of those tried\n")
	}
	if slices.ContainsFunc(rows, func(g groupRow) bool { return len(g.Runs) == 1 }) {
		b.WriteString("rows of one run: one seed was asked for, or every seed gives the same run\n")
	}
	if repeats > 0 {
		fmt.Fprintf(&b, "records that repeat a seed and do not count: %d\n", repeats)
	}
	return b.String()
}
