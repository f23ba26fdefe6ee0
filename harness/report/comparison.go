package report

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/sample"
)

// ComparisonFormats lists the formats of comparisons, the one for people first.
// What services track is the times of side b.
var ComparisonFormats = []string{"table", "md", "github", "csv", "json", "benchfmt", "github-action-benchmark", "bencher"}

// ShowComparison writes the cases that a run compared.
func ShowComparison(w io.Writer, run *record.Run, cases []record.Comparison, format string) error {
	s := suite{w: w, run: run, cases: cases}
	switch format {
	case "table":
		return s.terminal()
	case "md":
		return s.markdown()
	case "github":
		return s.github()
	case "csv":
		return s.csv()
	case "json":
		out := jsonLines{json.NewEncoder(w)}
		if err := out.Run(run); err != nil {
			return err
		}
		for i := range cases {
			if err := out.line(&cases[i]); err != nil {
				return err
			}
		}
		return nil
	case "benchfmt":
		return s.benchfmt()
	case "github-action-benchmark", "bencher":
		t := tracked{w: w, format: format}
		for _, c := range cases {
			if len(c.B) == 0 || len(c.MissedB) > 0 {
				continue
			}
			m := sample.Series{Seconds: c.B}.Summary()
			extra := strings.TrimSpace(c.Verdict+" "+change(c.Ratio)) + " against " + run.Comparison.A.Spec
			if c.Task != nil {
				t.steps(goalName(goalOf(c)), m, extra)
			} else {
				t.time(c.Case, m, extra)
			}
		}
		return t.Close()
	}
	return fmt.Errorf("unknown format %q, want one of %s", format, strings.Join(ComparisonFormats, ", "))
}

// A suite is the cases of a comparison.
type suite struct {
	w     io.Writer
	run   *record.Run
	cases []record.Comparison
}

// kinds returns the cases of times and those of steps, which are shown apart, in this
// order; those that there are.
func (s suite) kinds() []suite {
	var out []suite
	for _, steps := range []bool{false, true} {
		cases := slices.DeleteFunc(slices.Clone(s.cases), func(c record.Comparison) bool { return (c.Task != nil) != steps })
		if len(cases) > 0 {
			out = append(out, suite{s.w, s.run, cases})
		}
	}
	return out
}

// unit is what the values of the cases are, which are of one kind.
func (s suite) unit() string {
	if s.cases[0].Task != nil {
		return "steps"
	}
	return "ns/param"
}

// usual values of axes are not worth a word where no case differs from them.
var usual = map[string]string{"tensors": "1", "dtype": "f32", "clip": "0"}

// goalOf is the goal of a comparison of steps.
func goalOf(c record.Comparison) measure.Goal {
	return measure.Goal{Task: *c.Task, Target: c.Target, Budget: c.Budget, Limit: c.Limit}
}

// goalAxes are what may tell goals apart beside objective and optimizer.
var goalAxes = []struct {
	name  string
	value func(measure.Goal) string
}{
	{"dim", func(g measure.Goal) string { return axis.FormatInt(int64(g.Task.Dim)) }},
	{"noise", func(g measure.Goal) string { return cmp.Or(g.Task.Noise, "none") }},
	{"batch", func(g measure.Goal) string { return strconv.Itoa(g.Task.Batch) }},
	{"lr", func(g measure.Goal) string { return axis.FormatFloat(g.Task.LR, 3) }},
	{"dtype", func(g measure.Goal) string { return g.Task.DType }},
	{"backend", func(g measure.Goal) string { return g.Task.Backend }},
	{"threads", func(g measure.Goal) string { return strconv.Itoa(g.Task.Threads) }},
	{"target", func(g measure.Goal) string { return float(g.Target) }},
	{"budget", budgetOf},
}

// Label names a case by its update, or its objective and optimizer, and by what else
// tells it from the others.
func Label(c record.Comparison, cases []record.Comparison) string {
	differs := func(unlike func(record.Comparison) bool) bool {
		return slices.ContainsFunc(cases, func(o record.Comparison) bool { return (o.Task != nil) == (c.Task != nil) && unlike(o) })
	}
	if c.Task != nil {
		words := []string{c.Task.Objective, measure.Name(*c.Task)}
		for _, a := range goalAxes {
			v := a.value(goalOf(c))
			if differs(func(o record.Comparison) bool {
				return o.Task.Objective == words[0] && measure.Name(*o.Task) == words[1] && a.value(goalOf(o)) != v
			}) {
				words = append(words, a.name+"="+v)
			}
		}
		return strings.Join(words, " ")
	}
	words := []string{c.Case.Update}
	for _, a := range Pivots() {
		v := pivots[a](c.Case)
		unlike := func(o record.Comparison) bool { return pivots[a](o.Case) != v }
		if a == "cache" { // it follows from the size, unless it differs for one
			unlike = func(o record.Comparison) bool { return o.Case.Cache != v && o.Case.N == c.Case.N }
		}
		if a != "update" && (a == "n" || differs(unlike) || usual[a] != "" && usual[a] != v) {
			words = append(words, a+"="+v)
		}
	}
	return strings.Join(words, " ")
}

func (s suite) label(c record.Comparison) string { return Label(c, s.cases) }

// change shows a ratio as a change in percent.
func change(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f%%", 100*(ratio-1))
}

func changes(ci [2]float64) string {
	if ci == [2]float64{} {
		return "none"
	}
	return "[" + change(ci[0]) + ", " + change(ci[1]) + "]"
}

// span shows the interval of the change of a case.
func span(c record.Comparison) string {
	if c.Ratio == 0 {
		return ""
	}
	return changes(c.CI95)
}

// value shows the median of launches, per parameter, or of runs: more than that, where
// it is of some that missed their target.
func value(c record.Comparison, values []float64, missed []int) string {
	if len(values) == 0 {
		return ""
	}
	m := middle(values)
	if c.Task != nil {
		text := strconv.FormatFloat(m, 'f', -1, 64)
		if 2*len(missed) >= len(values) { // they took most
			text = ">" + text
		}
		return text
	}
	return digits(1e9 * m / float64(c.Case.N))
}

func share(x float64) string {
	if x == 0 {
		return ""
	}
	return percent(x)
}

func probability(c record.Comparison) string {
	switch {
	case c.Ratio == 0:
		return ""
	case c.PHolm < 0.0001:
		return "<.0001"
	}
	return strconv.FormatFloat(c.PHolm, 'f', 4, 64)
}

// counts returns how many cases have each verdict.
func (s suite) counts() map[string]int {
	counts := map[string]int{}
	for _, c := range s.cases {
		counts[c.Verdict]++
	}
	return counts
}

// headline says in one line how the comparison ended.
func (s suite) headline() string {
	counts := s.counts()
	if n := counts[string(compare.Slower)]; n > 0 {
		worst := s.cases[0]
		for _, c := range s.cases {
			if c.Verdict == string(compare.Slower) && (worst.Verdict != c.Verdict || c.Ratio > worst.Ratio) {
				worst = c
			}
		}
		text := fmt.Sprintf("%d of %d cases SLOWER: %s %s %s", n, len(s.cases), s.label(worst), change(worst.Ratio), changes(worst.CI95))
		if n > 1 {
			text += fmt.Sprintf(" and %d more", n-1)
		}
		return text
	}
	var parts []string
	for _, v := range compare.Verdicts {
		if n := counts[string(v)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return fmt.Sprintf("no case of %d is slower: %s", len(s.cases), strings.Join(parts, ", "))
}

// sides says what was compared, and how.
func (s suite) sides() string {
	p := s.run.Comparison
	name := func(side record.Side) string {
		if side.Commit == "" || strings.HasPrefix(side.Commit, side.Spec) {
			return side.Spec
		}
		return side.Spec + " (" + side.Commit[:min(12, len(side.Commit))] + ")"
	}
	text := fmt.Sprintf("a: %s; b: %s; %s; margin %s, alpha %.3g", name(p.A), name(p.B), s.run.Environment.CPU, percent(p.Margin), p.Alpha)
	if s.unpaired() {
		text += "; launches recorded apart: unpaired, drift between the recordings is not controlled"
	}
	return text
}

func (s suite) unpaired() bool {
	return slices.ContainsFunc(s.cases, func(c record.Comparison) bool { return c.Design == record.Unpaired })
}

// mean says how all cases together changed.
func (s suite) mean() string {
	var a, b [][]float64
	for _, c := range s.cases {
		if c.Ratio == 0 || c.Task != nil {
			continue
		}
		var x, y []float64
		for _, v := range c.A {
			x = append(x, math.Log(v))
		}
		for _, v := range c.B {
			y = append(y, math.Log(v))
		}
		a, b = append(a, x), append(b, y)
	}
	if len(a) < 2 {
		return ""
	}
	mean, lo, hi := compare.GeometricMean(a, b, !s.unpaired())
	if lo == 0 {
		return fmt.Sprintf("geometric mean of %d cases: %s", len(a), change(mean))
	}
	return fmt.Sprintf("geometric mean of %d cases: %s %s", len(a), change(mean), changes([2]float64{lo, hi}))
}

// notes are what is to know besides the rows.
func (s suite) notes() []string {
	var out []string
	if m := s.mean(); m != "" {
		out = append(out, m)
	}
	for _, c := range s.cases {
		if c.Verdict == string(compare.Inconclusive) && c.MorePairs > 0 {
			more := fmt.Sprintf("about %d more pairs", c.MorePairs)
			if c.Design == record.Unpaired {
				more = fmt.Sprintf("about %d more launches a side", c.MorePairs)
			} else if c.Design == record.Seeded {
				more = fmt.Sprintf("about %d more seeds", c.MorePairs)
			} else if c.MoreSeconds > 0 {
				more += ", " + duration(c.MoreSeconds) + ","
			}
			out = append(out, fmt.Sprintf("%s: a change of %s would have been seen; %s would tell", s.label(c), percent(c.MDE), more))
		}
	}
	out = append(out, s.remarks()...)
	if s.run.Comparison.SameKernels {
		out = append(out, "all packages of kernels/ are the same compiled code on both sides: what differs lies outside them")
	}
	if d := s.drift(); math.Abs(d-1) > s.run.Comparison.Margin {
		out = append(out, fmt.Sprintf("the limit that was measured beside moved by %s from the first half of the pairs to the second: the machine drifts; a coin for the order of each pair keeps that out of the verdicts", change(d)))
	}
	timed := slices.ContainsFunc(s.cases, func(c record.Comparison) bool { return c.Task == nil })
	tested := slices.ContainsFunc(s.cases, func(c record.Comparison) bool { return c.Task == nil && c.Verdict != string(compare.Identical) })
	if tested && !slices.ContainsFunc(s.cases, func(c record.Comparison) bool { return c.Noise > 0 }) {
		out = append(out, "the noise of this machine is not known; optbench selftest measures it")
	}
	for _, w := range machine.Warnings(s.run.Environment) {
		if timed && (w.Code == "load" || w.Code == "steal" || w.Code == "quota") { // what may be gone another time
			out = append(out, w.Text)
		}
	}
	return out
}

// remarks are the notes of cases, each once with the cases that have it.
func (s suite) remarks() []string {
	of := map[string][]string{}
	var order []string
	for _, c := range s.cases {
		for _, n := range c.Notes {
			if of[n] == nil {
				order = append(order, n)
			}
			of[n] = append(of[n], s.label(c))
		}
	}
	for i, n := range order {
		order[i] = FirstOf(of[n]) + ": " + n
	}
	return order
}

// FirstOf lists a few names, and how many more there are.
func FirstOf(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// drift is the ratio of the limit in the second half of all pairs to the first, the
// geometric mean over cases; 1 where it was not measured.
func (s suite) drift() float64 {
	var sum float64
	cases := 0
	for _, c := range s.cases {
		half := len(c.LimitA) / 2
		if c.Design != record.Paired || half < 2 || len(c.LimitB) != len(c.LimitA) {
			continue
		}
		before := slices.Concat(c.LimitA[:half], c.LimitB[:half])
		after := slices.Concat(c.LimitA[half:], c.LimitB[half:])
		sum += math.Log(middle(after) / middle(before))
		cases++
	}
	return math.Exp(sum / float64(max(1, cases)))
}

func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d >= 2*time.Hour {
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	if d >= 2*time.Minute {
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

func (s suite) terminal() error {
	fmt.Fprintf(s.w, " %s\n\n", Wrap(s.sides(), " ")) // the program remembers what could not be printed
	for _, k := range s.kinds() {
		if err := k.table(); err != nil {
			return err
		}
		fmt.Fprintln(s.w)
	}
	fmt.Fprintf(s.w, " %s\n", Wrap(s.headline(), " "))
	for _, n := range s.notes() {
		fmt.Fprintf(s.w, " %s\n", Wrap(n, "   "))
	}
	return nil
}

// table writes a table of cases of one kind.
func (s suite) table() error {
	known := slices.ContainsFunc(s.cases, func(c record.Comparison) bool { return c.Noise > 0 })
	columns := []Column{
		{"case", len("case") + 2, true}, {"b " + s.unit(), 12, false}, {"change", 9, false}, {"95% interval", 20, true}, {"p", 8, false},
		{s.replicates(), len(s.replicates()) + 2, false}, {"noise", 8, false}, {"verdict", 16, true},
	}
	if !known {
		columns = slices.Delete(columns, 6, 7)
	}
	room := MaxWidth
	for _, c := range columns[1:] {
		room -= c.Width
	}
	for _, c := range s.cases {
		columns[0].Width = min(room, max(columns[0].Width, len(s.label(c))+2))
	}
	t, err := NewTable(s.w, false, columns...)
	if err != nil {
		return err
	}
	for _, c := range s.cases {
		cells := []string{s.label(c), value(c, c.B, c.MissedB), change(c.Ratio), span(c), probability(c), strconv.Itoa(c.Pairs), noise(c), c.Verdict}
		if !known {
			cells = slices.Delete(cells, 6, 7)
		}
		if err := t.Row(cells...); err != nil {
			return err
		}
	}
	return t.Close()
}

func noise(c record.Comparison) string {
	if c.Noise == 0 {
		return ""
	}
	if c.Noise >= 1 {
		return fmt.Sprintf("±%.0f%%", 100*c.Noise)
	}
	return "±" + percent(c.Noise)
}

// replicates is what the cases, of one kind, have several of.
func (s suite) replicates() string { return s.cases[0].Design }

// rows writes a table in Markdown for each kind of cases.
func (s suite) rows() error {
	for i, k := range s.kinds() {
		if i > 0 {
			fmt.Fprintln(s.w)
		}
		if err := k.markdownTable(); err != nil {
			return err
		}
	}
	return nil
}

func (s suite) markdownTable() error {
	var columns []Column
	for i, name := range []string{"case", "a " + s.unit(), "b " + s.unit(), "change", "95% interval", "p", s.replicates(), "would see", "noise", "verdict"} {
		columns = append(columns, Column{Name: name, Left: i == 0 || i == 4 || i == 9})
	}
	t, err := NewTable(s.w, true, columns...)
	if err != nil {
		return err
	}
	for _, c := range s.cases {
		verdict := c.Verdict
		if c.Verdict == string(compare.Slower) {
			verdict = "**" + verdict + "**"
		}
		if err := t.Row(s.label(c), value(c, c.A, c.MissedA), value(c, c.B, c.MissedB), change(c.Ratio), span(c), probability(c), strconv.Itoa(c.Pairs),
			share(c.MDE), noise(c), verdict); err != nil {
			return err
		}
	}
	return t.Close()
}

// plain keeps a text from being read as Markdown.
func plain(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", "[", `\[`).Replace(text)
}

func (s suite) markdown() error {
	fmt.Fprintf(s.w, "%s\n\n", plain(s.headline()))
	if err := s.rows(); err != nil {
		return err
	}
	fmt.Fprintf(s.w, "\n%s\n", plain(s.sides()))
	for _, n := range s.notes() {
		fmt.Fprintf(s.w, "\n%s\n", plain(n))
	}
	return nil
}

// github writes a summary for a pull request: the verdict, the cases that call for
// attention, and all cases folded away.
func (s suite) github() error {
	counts := s.counts()
	mark := "✅"
	switch {
	case counts[string(compare.Slower)] > 0:
		mark = "❌"
	case counts[string(compare.NotComparable)] > 0:
		mark = "⚠️"
	case counts[string(compare.Inconclusive)] == len(s.cases):
		mark = "❔"
	}
	calm := []string{string(compare.Equivalent), string(compare.Identical), string(compare.Inconclusive)}
	attention := slices.DeleteFunc(slices.Clone(s.cases), func(c record.Comparison) bool { return slices.Contains(calm, c.Verdict) })
	fmt.Fprintf(s.w, "%s **optbench**: %s\n\n", mark, plain(s.headline()))
	if len(attention) > 0 {
		if err := (suite{s.w, s.run, attention}).rows(); err != nil {
			return err
		}
		fmt.Fprintln(s.w)
	}
	fmt.Fprintf(s.w, "<details><summary>All %d cases</summary>\n\n", len(s.cases))
	if err := s.rows(); err != nil {
		return err
	}
	for _, n := range s.notes() {
		fmt.Fprintf(s.w, "\n%s\n", plain(n))
	}
	fmt.Fprintf(s.w, "\n%s\n\n</details>\n", plain(s.sides()))
	return nil
}

var comparisonHeader = []string{
	"update", "n", "tensors", "model", "dtype", "clip", "backend", "threads", "cache",
	"objective", "optimizer", "dim", "noise", "batch", "lr", "target", "budget", "limit_s", "missed_a", "missed_b",
	"design", "verdict", "ratio", "ci95_lo", "ci95_hi", "p", "p_holm", "pairs", "mde", "more_pairs", "noise_floor", "kernel_a", "kernel_b",
}

// csv leaves a field empty that says nothing of its case.
func (s suite) csv() error {
	out := csvWriter{Writer: csv.NewWriter(s.w)}
	known := func(x float64) string {
		if x == 0 {
			return ""
		}
		return float(x)
	}
	for _, c := range s.cases {
		k := c.Case
		cells := []string{
			k.Update, strconv.Itoa(k.N), strconv.Itoa(k.Tensors), k.Model, k.DType, float(k.Clip), k.Backend, strconv.Itoa(k.Threads), k.Cache,
			"", "", "", "", "", "", "", "", "", "", "",
		}
		if t := c.Task; t != nil {
			cells = []string{
				"", "", "", "", t.DType, "", t.Backend, strconv.Itoa(t.Threads), "",
				t.Objective, measure.Name(*t), strconv.Itoa(t.Dim), t.Noise, strconv.Itoa(t.Batch), float(t.LR),
				known(c.Target), known(float64(c.Budget)), known(c.Limit), strconv.Itoa(len(c.MissedA)), strconv.Itoa(len(c.MissedB)),
			}
		}
		tested := []string{"", "", "", "", "", strconv.Itoa(c.Pairs), "", ""}
		if c.Ratio != 0 {
			tested = []string{
				float(c.Ratio), known(c.CI95[0]), known(c.CI95[1]), float(c.P), float(c.PHolm), strconv.Itoa(c.Pairs), float(c.MDE), strconv.Itoa(c.MorePairs),
			}
		}
		if err := out.line(comparisonHeader, slices.Concat(cells, []string{c.Design, c.Verdict}, tested, []string{known(c.Noise), c.KernelA, c.KernelB})); err != nil {
			return err
		}
	}
	return nil
}

// benchfmt writes the launches or runs of both sides, told apart by the key side. Steps
// stand there only where a run reached the target; share-reached tells how many did.
func (s suite) benchfmt() error {
	out := benchfmt.NewWriter(s.w)
	for i, side := range []string{"a", "b"} {
		config := append(configOf(s.run), benchfmt.Config{Key: "side", Value: []byte(side), File: true})
		for _, c := range s.cases {
			missed := [][]int{c.MissedA, c.MissedB}[i]
			for k, x := range [][]float64{c.A, c.B}[i] {
				result := &benchfmt.Result{Config: config, Iters: 1}
				switch {
				case c.Task == nil:
					result.Name, result.Values = caseName(c.Case), []benchfmt.Value{{Value: x, Unit: "sec/op"}}
				case slices.Contains(missed, k):
					result.Name, result.Values = goalName(goalOf(c)), []benchfmt.Value{{Value: 0, Unit: "share-reached"}}
				default:
					result.Name, result.Values = goalName(goalOf(c)), []benchfmt.Value{{Value: x, Unit: "steps"}, {Value: 1, Unit: "share-reached"}}
				}
				if err := out.Write(result); err != nil {
					return fmt.Errorf("benchfmt: %w", err)
				}
			}
		}
	}
	return nil
}
