package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
)

// benchFormat writes the Go benchmark format: a line per sample, so that
// benchstat sees how they spread; where a case was measured in several launches a
// line per launch, for the samples of one launch are no replicates. Names are
// key=value, for its filters.
type benchFormat struct {
	w    *benchfmt.Writer
	runs map[string]*record.Run
}

func (b benchFormat) Run(r *record.Run) error {
	b.runs[r.ID] = r
	return nil
}

func (b benchFormat) Write(t *record.Throughput) error {
	name := caseName(t.Case)
	steps, limits := t.Samples, t.LimitSamples
	var config []benchfmt.Config
	if r := b.runs[t.Run]; r != nil {
		if r.Launches > 1 {
			steps, limits = []float64{t.Median}, []float64{float64(t.Bytes) / t.LimitBytesPerSecond}
		}
		config = configOf(r)
	}
	for i, s := range steps {
		result := &benchfmt.Result{
			Config: config,
			Name:   name,
			Iters:  1,
			Values: []benchfmt.Value{{Value: s, Unit: "sec/op"}, {Value: float64(t.Bytes) / s, Unit: "B/s"}},
		}
		if i < len(limits) {
			result.Values = append(result.Values, benchfmt.Value{Value: float64(t.Bytes) / limits[i], Unit: "limit-B/s"})
		}
		if err := b.w.Write(result); err != nil {
			return fmt.Errorf("benchfmt: %w", err)
		}
	}
	return nil
}

// caseName is the name of a case as a Go benchmark.
func caseName(c record.Case) benchfmt.Name {
	keys := [][2]string{
		{"update", c.Update}, {"n", strconv.Itoa(c.N)}, {"tensors", tensors(c)}, {"dtype", c.DType}, {"backend", c.Backend}, {"threads", threads(c)},
	}
	if c.Clip > 0 {
		keys = append(keys, [2]string{"clip", clip(c)})
	}
	// The cache, a word, comes last: digits behind a minus at the end of a name, as
	// of a clip of 1e-05, are read as GOMAXPROCS.
	return benchName("Step", append(keys, [2]string{"cache", c.Cache}))
}

// benchName makes a name of keys and values.
func benchName(name string, keys [][2]string) benchfmt.Name {
	for _, k := range keys {
		// A slash would start another key, a space end the name.
		name += "/" + k[0] + "=" + strings.NewReplacer("/", "_", " ", "_").Replace(k[1])
	}
	return benchfmt.Name(name)
}

// goalName is the name of a task, with its target and its budget, as a Go benchmark.
func goalName(g measure.Goal) benchfmt.Name {
	t := g.Task
	keys := [][2]string{{"objective", t.Objective}, {"dim", strconv.Itoa(t.Dim)}, {"noise", cmp.Or(t.Noise, "none")}}
	if t.Batch > 0 {
		keys = append(keys, [2]string{"batch", strconv.Itoa(t.Batch)})
	}
	return benchName("Converge", append(keys, [][2]string{
		{"optimizer", measure.Name(t)}, {"lr", float(t.LR)}, {"target", float(g.Target)}, {"budget", budgetOf(g)},
		{"threads", strconv.Itoa(t.Threads)}, {"backend", t.Backend}, {"dtype", t.DType},
	}...))
}

// budgetOf shows a budget, of steps or of time.
func budgetOf(g measure.Goal) string {
	if g.Budget == 0 {
		return float(g.Limit) + "s"
	}
	return float(float64(g.Budget))
}

// Convergence writes a line per run. What a run cost stands there only where it
// reached the target, for benchmarks know no censored samples; share-reached tells how
// many did.
func (b benchFormat) Convergence(r *record.Convergence) error {
	result := &benchfmt.Result{
		Name:   goalName(measure.GoalOf(r)),
		Iters:  1,
		Values: []benchfmt.Value{{Value: r.Final, Unit: "final-value"}, {Value: 0, Unit: "share-reached"}},
	}
	if r.Reached {
		result.Values[1].Value = 1
		result.Values = append(result.Values,
			benchfmt.Value{Value: float64(r.Steps), Unit: "steps"}, benchfmt.Value{Value: float64(r.GradEvals), Unit: "grad-evals"},
			benchfmt.Value{Value: r.Seconds, Unit: "sec"}, benchfmt.Value{Value: float64(r.Bytes), Unit: "B"})
	}
	if run := b.runs[r.Run]; run != nil {
		result.Config = configOf(run)
	}
	if r.Tuning {
		return nil // not what is compared
	}
	if err := b.w.Write(result); err != nil {
		return fmt.Errorf("benchfmt: %w", err)
	}
	return nil
}

// configOf says on what machine a run was, so that benchstat keeps machines apart;
// and no more, for it would not compare runs that differ in anything said here.
func configOf(r *record.Run) []benchfmt.Config {
	e := r.Environment
	var out []benchfmt.Config
	for _, kv := range [][2]string{
		{"goos", e.OS}, {"goarch", e.Arch}, {"cpu", e.CPU},
	} {
		if kv[1] != "" {
			out = append(out, benchfmt.Config{Key: kv[0], Value: []byte(kv[1]), File: true})
		}
	}
	return out
}

func (b benchFormat) Close() error { return nil }
