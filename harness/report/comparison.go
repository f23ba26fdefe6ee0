package report

import (
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

	"github.com/optbench/optbench/harness/compare"
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
			if len(c.B) > 0 {
				m := sample.Series{Seconds: c.B}.Summary()
				t.add(c.Case, m.Median, [2]float64{m.Lo, m.Hi}, c.Verdict+" "+change(c.Ratio)+" against "+run.Comparison.A.Spec)
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

// Label names a case by its update and by what else tells it from the others.
func Label(c record.Case, cases []record.Comparison) string {
	words := []string{c.Update}
	for _, f := range fields {
		if f.axis == nil || f.Name == "update" {
			continue
		}
		v := f.axis(c)
		differs := slices.ContainsFunc(cases, func(o record.Comparison) bool { return f.axis(o.Case) != v })
		// The state of the cache follows from the size, unless it differs for one.
		if f.Name == "cache" {
			differs = slices.ContainsFunc(cases, func(o record.Comparison) bool { return o.Case.Cache != c.Cache && o.Case.N == c.N })
		}
		if f.Name == "n" || differs || f.usual != "" && f.usual != anything && v != f.usual {
			words = append(words, f.Name+"="+v)
		}
	}
	return strings.Join(words, " ")
}

func (s suite) label(c record.Comparison) string { return Label(c.Case, s.cases) }

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

// perParam shows the median time of launches per parameter.
func perParam(c record.Comparison, seconds []float64) string {
	if len(seconds) == 0 {
		return ""
	}
	return digits(1e9 * sample.Series{Seconds: seconds}.Summary().Median / float64(c.Case.N))
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
		if c.Ratio == 0 {
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
		if c.Verdict == string(compare.Inconclusive) && c.MDE > 0 {
			more := fmt.Sprintf("about %d more pairs", c.MorePairs)
			if c.Design == record.Unpaired {
				more = fmt.Sprintf("about %d more launches a side", c.MorePairs)
			} else if c.MoreSeconds > 0 {
				more += ", " + duration(c.MoreSeconds) + ","
			}
			out = append(out, fmt.Sprintf("%s: a change of %s would have been seen; %s would tell", s.label(c), percent(c.MDE), more))
		}
		for _, n := range c.Notes {
			out = append(out, s.label(c)+": "+n)
		}
	}
	if s.run.Comparison.SameKernels {
		out = append(out, "the kernels of both sides are the same code: what differs is what calls them")
	}
	if d := s.drift(); math.Abs(d-1) > s.run.Comparison.Margin {
		out = append(out, fmt.Sprintf("the limit that was measured beside moved by %s from the first half of the pairs to the second: the machine drifts; a coin for the order of each pair keeps that out of the verdicts", change(d)))
	}
	if !slices.ContainsFunc(s.cases, func(c record.Comparison) bool { return c.Noise > 0 }) {
		out = append(out, "the noise of this machine is not known; optbench selftest measures it")
	}
	return out
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
	known := slices.ContainsFunc(s.cases, func(c record.Comparison) bool { return c.Noise > 0 })
	columns := []Column{
		{"case", len("case") + 2, true}, {"b ns/param", 12, false}, {"change", 9, false}, {"95% interval", 20, true}, {"p", 8, false},
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
		cells := []string{s.label(c), perParam(c, c.B), change(c.Ratio), span(c), probability(c), strconv.Itoa(c.Pairs), noise(c), c.Verdict}
		if !known {
			cells = slices.Delete(cells, 6, 7)
		}
		if err := t.Row(cells...); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	fmt.Fprintf(s.w, "\n %s\n", Wrap(s.headline(), " "))
	for _, n := range s.notes() {
		fmt.Fprintf(s.w, " %s\n", Wrap(n, "   "))
	}
	return nil
}

func noise(c record.Comparison) string {
	if c.Noise == 0 {
		return ""
	}
	return "±" + percent(c.Noise)
}

// replicates is what a comparison has several of.
func (s suite) replicates() string {
	if s.unpaired() {
		return "launches"
	}
	return "pairs"
}

// rows writes a table in Markdown.
func (s suite) rows(cases []record.Comparison) error {
	var columns []Column
	for i, name := range []string{"case", "a ns/param", "b ns/param", "change", "95% interval", "p", s.replicates(), "would see", "noise", "verdict"} {
		columns = append(columns, Column{Name: name, Left: i == 0 || i == 4 || i == 9})
	}
	t, err := NewTable(s.w, true, columns...)
	if err != nil {
		return err
	}
	for _, c := range cases {
		verdict := c.Verdict
		if c.Verdict == string(compare.Slower) {
			verdict = "**" + verdict + "**"
		}
		if err := t.Row(s.label(c), perParam(c, c.A), perParam(c, c.B), change(c.Ratio), span(c), probability(c), strconv.Itoa(c.Pairs),
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
	if err := s.rows(s.cases); err != nil {
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
		if err := s.rows(attention); err != nil {
			return err
		}
		fmt.Fprintln(s.w)
	}
	fmt.Fprintf(s.w, "<details><summary>All %d cases</summary>\n\n", len(s.cases))
	if err := s.rows(s.cases); err != nil {
		return err
	}
	for _, n := range s.notes() {
		fmt.Fprintf(s.w, "\n%s\n", plain(n))
	}
	fmt.Fprintf(s.w, "\n%s\n\n</details>\n", plain(s.sides()))
	return nil
}

var comparisonHeader = []string{
	"update", "n", "tensors", "model", "dtype", "clip", "backend", "threads", "cache", "design", "verdict", "ratio", "ci95_lo", "ci95_hi",
	"p", "p_holm", "pairs", "mde", "more_pairs", "noise", "kernel_a", "kernel_b",
}

func (s suite) csv() error {
	out := csvWriter{csv.NewWriter(s.w)}
	if err := out.line(comparisonHeader); err != nil {
		return err
	}
	float := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	for _, c := range s.cases {
		k := c.Case
		if err := out.line([]string{
			k.Update, strconv.Itoa(k.N), strconv.Itoa(k.Tensors), k.Model, k.DType, float(k.Clip), k.Backend, strconv.Itoa(k.Threads), k.Cache,
			c.Design, c.Verdict, float(c.Ratio), float(c.CI95[0]), float(c.CI95[1]), float(c.P), float(c.PHolm), strconv.Itoa(c.Pairs),
			float(c.MDE), strconv.Itoa(c.MorePairs), float(c.Noise), c.KernelA, c.KernelB,
		}); err != nil {
			return err
		}
	}
	return nil
}

// benchfmt writes the launches of both sides, told apart by the key side.
func (s suite) benchfmt() error {
	out := benchfmt.NewWriter(s.w)
	for i, side := range []string{"a", "b"} {
		config := append(configOf(s.run), benchfmt.Config{Key: "side", Value: []byte(side), File: true})
		for _, c := range s.cases {
			for _, x := range [][]float64{c.A, c.B}[i] {
				result := &benchfmt.Result{Config: config, Name: benchfmt.Name(benchName(c.Case)), Iters: 1, Values: []benchfmt.Value{{Value: x, Unit: "sec/op"}}}
				if err := out.Write(result); err != nil {
					return fmt.Errorf("benchfmt: %w", err)
				}
			}
		}
	}
	return nil
}
