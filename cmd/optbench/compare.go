package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/pairs"
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

Runs of optbench converge are compared by the steps to their target, the same seeds
as pairs. A run that missed its target counts at its budget. A learning rate that
tuning chose is an outcome; all else that a task is must be the same, but for the
backend and its threads with --across-devices.

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
	f.StringVar(&o.by, "by", "", oneOf("one column per value of an `axis`", report.Columns()))
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
		if len(f.Throughput)+len(f.Convergence) == 0 {
			return fmt.Errorf("%s: no measurements, want a file that optbench run --launches 12 -o or optbench converge -o wrote", args[i])
		}
	}
	if a, b := kindsOf(files[0]), kindsOf(files[1]); !slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) }) {
		return coded{exitIncomplete, fmt.Errorf("not comparable: %s has records of %s, %s of %s", args[0], strings.Join(a, " and "), args[1], strings.Join(b, " and "))}
	}
	env, err := o.device(files, args)
	if err != nil {
		return err
	}
	floor, err := readNoise(o.noise, env)
	if err != nil {
		return err
	}
	cases, err := pairs.Recorded(pairs.Recording{File: files[0], Name: args[0]}, pairs.Recording{File: files[1], Name: args[1]}, alpha, margin, o.acrossDevices)
	if errors.Is(err, pairs.ErrApart) {
		return coded{exitIncomplete, err}
	}
	if err != nil {
		return err
	}
	start := newComparisonRun(quoted([]string{"optbench", "compare", args[0], args[1]}), env, "", 0)
	if len(files[1].Runs) > 0 {
		start.Profile = files[1].Runs[0].Profile
	}
	start.Comparison = &record.Plan{A: record.Side{Spec: args[0]}, B: record.Side{Spec: args[1]}, Alpha: alpha, Margin: margin}
	for i := range cases {
		if cases[i].Run = start.ID; cases[i].Task == nil {
			cases[i].Noise = floor.of(cases[i].Case)
		}
	}
	return o.show(cmd, start, cases)
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
		return fmt.Errorf("%s: no comparison; want a file that optbench ab -o wrote, or two that optbench run or converge wrote", name)
	}
	last := f.Comparison[len(f.Comparison)-1].Run
	at := slices.IndexFunc(f.Runs, func(r record.Run) bool { return r.ID == last && r.Comparison != nil })
	if at < 0 {
		return fmt.Errorf("%s: the comparison lacks the record of its run", name)
	}
	cases := slices.DeleteFunc(slices.Clone(f.Comparison), func(c record.Comparison) bool { return c.Run != last })
	return o.show(cmd, &f.Runs[at], cases)
}

// device returns the environment of the newer file, and refuses to compare
// devices, for a difference would be theirs.
func (o *compareOptions) device(files []*record.File, names []string) (machine.Environment, error) {
	var all []machine.Environment
	timed := true // steps are the same on any device
	for _, f := range files {
		timed = timed && len(f.Throughput) > 0
		for _, r := range f.Runs {
			all = append(all, r.Environment)
		}
	}
	for _, e := range all {
		if timed && !sameMachine(e, all[0]) && !o.acrossDevices {
			return e, coded{exitIncomplete, fmt.Errorf("not comparable: %s and %s were recorded on different devices, %q with %d CPUs and %q with %d; want --across-devices, or --by device",
				names[0], names[1], all[0].CPU, all[0].CoresLogical, e.CPU, e.CoresLogical)}
		}
	}
	if len(all) == 0 {
		return machine.Environment{}, nil
	}
	return all[len(all)-1], nil
}
