package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"golang.org/x/perf/benchfmt"

	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/sample"
)

// tracked collects records for a service that tracks benchmarks, in its format:
// the array of github-action-benchmark's customSmallerIsBetter, or the Bencher
// Metric Format. Of runs of an optimizer it has the median of the steps to the target
// over all seeds, where all reached it: services know no censored values ([LeftOut]).
type tracked struct {
	w      io.Writer
	format string
	points []trackedPoint
	runs   []record.Convergence
}

// A trackedPoint is as github-action-benchmark reads it, with what Bencher wants.
type trackedPoint struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Range string  `json:"range"`
	Extra string  `json:"extra,omitempty"`

	measure string
	metric  trackedMetric
}

type trackedMetric struct {
	Value float64 `json:"value"`
	Lower float64 `json:"lower_value"`
	Upper float64 `json:"upper_value"`
}

func (t *tracked) Run(*record.Run) error { return nil }

func (t *tracked) Write(r *record.Throughput) error {
	t.time(r.Case, sample.Summary{Median: r.Median, Lo: r.CI95[0], Hi: r.CI95[1]}, fmt.Sprintf("%s, %s of the limit", r.Kernel, percent(r.LimitShare)))
	return nil
}

func (t *tracked) Convergence(r *record.Convergence) error {
	t.runs = append(t.runs, *r)
	return nil
}

// time adds the time of a step: per parameter, or for Bencher, whose latency is in
// ns, as it is.
func (t *tracked) time(c record.Case, s sample.Summary, extra string) {
	t.points = append(t.points, trackedPoint{
		Name: string(caseName(c)), Unit: "ns/param", Value: 1e9 * s.Median / float64(c.N), Range: half(s), Extra: extra,
		measure: "latency", metric: trackedMetric{1e9 * s.Median, 1e9 * s.Lo, 1e9 * s.Hi},
	})
}

func (t *tracked) steps(name benchfmt.Name, s sample.Summary, extra string) {
	t.points = append(t.points, trackedPoint{
		Name: string(name), Unit: "steps", Value: s.Median, Range: half(s), Extra: extra,
		measure: "steps", metric: trackedMetric{s.Median, s.Lo, s.Hi},
	})
}

// half shows half the width of an interval, as a share of the median.
func half(s sample.Summary) string {
	if s.Median == 0 {
		return "none"
	}
	return "± " + percent((s.Hi-s.Lo)/2/s.Median)
}

// LeftOut says which tasks a format for services lacks because a run missed its target,
// and counts for no number of steps; "" where there are none.
func LeftOut(runs []record.Convergence, cases []record.Comparison, format string) string {
	if format != "github-action-benchmark" && format != "bencher" {
		return ""
	}
	var names []string
	add := func(t record.Task, missed, of int) {
		if missed > 0 {
			names = append(names, fmt.Sprintf("%s with %s (%d of %d)", t.Objective, measure.Name(t), missed, of))
		}
	}
	for _, g := range measure.Groups(runs) {
		add(g.Task, len(g.Runs)-g.Reached(), len(g.Runs))
	}
	for _, c := range cases {
		if c.Task != nil {
			add(*c.Task, len(c.MissedB), len(c.B))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "left out, for runs missed the target: " + FirstOf(names)
}

func (t *tracked) Close() error {
	for _, g := range measure.Groups(t.runs) {
		if g.Reached() < len(g.Runs) {
			continue
		}
		var steps []float64
		for _, r := range g.Runs {
			steps = append(steps, float64(r.Steps))
		}
		t.steps(goalName(g.Goal), sample.Series{Seconds: steps}.Summary(), fmt.Sprintf("%d runs", len(g.Runs)))
	}
	var out any = slices.Concat([]trackedPoint{}, t.points) // none is an empty list
	if t.format == "bencher" {
		all := map[string]map[string]trackedMetric{}
		for _, p := range t.points {
			all[p.Name] = map[string]trackedMetric{p.measure: p.metric}
		}
		out = all
	}
	e := json.NewEncoder(t.w)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("%s: %w", t.format, err)
	}
	return nil
}
