package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

// compareOptions are the flags of optbench compare.
type compareOptions struct {
	judgement
	by            string
	acrossDevices bool
}

func newCompare() *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare OLD NEW | compare AB | compare FILE... --by AXIS",
		Short: "Compare recorded runs, or show a recorded comparison",
		Long: `Compare recorded runs launch by launch: each case needs six launches a side or
more, as optbench run --launches 12 -o FILE records them. The launches were not
side by side, so what drifted between the recordings counts as a difference; where
both builds are at hand, optbench ab controls for it.

Of one file that optbench ab wrote, show the comparison again, in any format and
with the exit code of its verdicts.

With --by, put the values of an axis side by side, for instance devices: a column
each, the ratio to the first column, and the geometric mean of all rows with an
interval from resampling launches.`,
		Example: `  optbench compare old.jsonl new.jsonl --margin 3%
  optbench compare ab.jsonl --format github >> "$GITHUB_STEP_SUMMARY"
  optbench compare results/*/quick.jsonl --by device`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 && o.by == "" {
				return fmt.Errorf("compare: got %d files, want OLD NEW, one file of optbench ab, or any number with --by", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.by, "by", "", "one column per value of an `axis`: "+strings.Join(report.Columns(), " "))
	f.BoolVar(&o.acrossDevices, "across-devices", false, "compare runs of different devices")
	complete(cmd, "by", report.Columns()...)
	return cmd
}

func (o *compareOptions) run(cmd *cobra.Command, args []string) error {
	if err := named(cmd, "noise"); err != nil {
		return err
	}
	alpha, margin, err := o.check()
	if err != nil {
		return err
	}
	files := make([]*record.File, len(args))
	for i, name := range args {
		if files[i], err = readNoted(cmd, name); err != nil {
			return err
		}
	}
	switch {
	case o.by != "":
		return report.Columned(cmd.OutOrStdout(), files, o.by, o.format)
	case len(files) == 1:
		return o.again(cmd, files[0], args[0])
	}
	for i, f := range files {
		if len(f.Throughput) == 0 {
			return fmt.Errorf("%s: no measurements, want a file that optbench run --launches 12 -o wrote", args[i])
		}
	}
	env, err := o.device(files, args)
	if err != nil {
		return err
	}
	floor, err := readNoise(o.noise, env)
	if err != nil {
		return err
	}
	start := newComparisonRun(quote([]string{"optbench", "compare", args[0], args[1]}), env, "", 0)
	if len(files[1].Runs) > 0 {
		start.Profile = files[1].Runs[0].Profile
	}
	cases, err := unpaired(files[0], files[1], args, alpha, margin)
	if err != nil {
		return err
	}
	for i := range cases {
		cases[i].Run, cases[i].Noise = start.ID, floor.of(cases[i].Case)
	}
	start.Comparison = &record.Plan{A: record.Side{Spec: args[0]}, B: record.Side{Spec: args[1]}, Alpha: alpha, Margin: margin}
	if err := report.ShowComparison(cmd.OutOrStdout(), start, cases, o.format); err != nil {
		return coded{exitFailed, err}
	}
	return o.end(cases)
}

// readNoted reads records, and tells what was passed over.
func readNoted(cmd *cobra.Command, name string) (*record.File, error) {
	f, err := record.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for _, n := range f.Notices {
		fmt.Fprintln(cmd.ErrOrStderr(), report.Wrap("note: "+n, "      "))
	}
	return f, nil
}

// again shows the last comparison of a file.
func (o *compareOptions) again(cmd *cobra.Command, f *record.File, name string) error {
	if len(f.Comparison) == 0 {
		return fmt.Errorf("%s: no comparison; want a file that optbench ab -o wrote, or two that optbench run wrote", name)
	}
	last := f.Comparison[len(f.Comparison)-1].Run
	at := slices.IndexFunc(f.Runs, func(r record.Run) bool { return r.ID == last && r.Comparison != nil })
	if at < 0 {
		return fmt.Errorf("%s: the comparison lacks the record of its run", name)
	}
	cases := slices.DeleteFunc(slices.Clone(f.Comparison), func(c record.Comparison) bool { return c.Run != last })
	if err := report.ShowComparison(cmd.OutOrStdout(), &f.Runs[at], cases, o.format); err != nil {
		return coded{exitFailed, err}
	}
	return o.end(cases)
}

// device returns the environment of the newer file, and refuses to compare
// devices, for a difference would be theirs.
func (o *compareOptions) device(files []*record.File, names []string) (machine.Environment, error) {
	var all []machine.Environment
	for _, f := range files {
		for _, r := range f.Runs {
			all = append(all, r.Environment)
		}
	}
	for _, e := range all {
		if !sameMachine(e, all[0]) && !o.acrossDevices {
			return e, coded{exitIncomplete, fmt.Errorf("not comparable: %s and %s were recorded on different devices, %q with %d CPUs and %q with %d; want --across-devices, or --by device",
				names[0], names[1], all[0].CPU, all[0].CoresLogical, e.CPU, e.CoresLogical)}
		}
	}
	if len(all) == 0 {
		return machine.Environment{}, nil
	}
	return all[len(all)-1], nil
}

// fewestLaunches of a side have an interval.
const fewestLaunches = 6

// unpaired compares the launches of two files.
func unpaired(old, new *record.File, names []string, alpha, margin float64) ([]record.Comparison, error) {
	out := []record.Comparison{}
	at := map[harness.Case]int{}
	collect := func(f *record.File, put func(*record.Comparison, *record.Throughput)) {
		for i := range f.Throughput {
			t := &f.Throughput[i]
			if _, ok := at[t.Case]; !ok {
				at[t.Case] = len(out)
				out = append(out, record.Comparison{Schema: record.Schema, Kind: record.KindComparison, Case: t.Case, Design: record.Unpaired})
			}
			put(&out[at[t.Case]], t)
		}
	}
	collect(old, func(c *record.Comparison, t *record.Throughput) { c.A, c.KernelA = append(c.A, t.Median), t.Kernel })
	collect(new, func(c *record.Comparison, t *record.Throughput) { c.B, c.KernelB = append(c.B, t.Median), t.Kernel })
	logs := func(xs []float64) []float64 {
		l := make([]float64, len(xs))
		for i, x := range xs {
			l[i] = math.Log(x)
		}
		return l
	}
	var a, b [][]float64
	var tested []int
	for i := range out {
		c := &out[i]
		c.Pairs = min(len(c.A), len(c.B))
		if c.Pairs == 0 {
			c.Verdict, c.P, c.PHolm = string(compare.NotComparable), 1, 1
			c.Notes = []string{names[0] + " lacks the case"}
			if len(c.B) == 0 {
				c.Notes = []string{names[1] + " lacks the case"}
			}
			continue
		}
		for k, side := range [][]float64{c.A, c.B} {
			if len(side) < fewestLaunches {
				return nil, fmt.Errorf("%s: %s at n=%d has %d launches, want %d or more on either side: optbench run --launches 12 -o %s; the samples of one launch are no replicates",
					names[k], c.Case.Update, c.Case.N, len(side), fewestLaunches, names[k])
			}
		}
		if c.KernelA != c.KernelB {
			c.Notes = append(c.Notes, fmt.Sprintf("the sides ran different kernels, %s and %s", c.KernelA, c.KernelB))
		}
		a, b, tested = append(a, logs(c.A)), append(b, logs(c.B)), append(tested, i)
	}
	if len(tested) == 0 {
		return nil, coded{exitIncomplete, errors.New("not comparable: the files have no case in common")}
	}
	least := math.MaxInt
	for _, i := range tested {
		least = min(least, out[i].Pairs)
	}
	plan := compare.Plan{Looks: []int{least}, Alpha: alpha, Margin: margin}
	for k, r := range plan.JudgeLaunches(a, b) {
		c := &out[tested[k]]
		c.Verdict, c.Ratio, c.CI95, c.P, c.PHolm = string(r.Verdict), r.Ratio, r.CI95, r.P, r.PHolm
		c.MDE, c.MorePairs = r.MDE, r.MoreN
	}
	return out, nil
}
