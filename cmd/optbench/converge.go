package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/converge"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

// convergeOptions are the flags of optbench converge.
type convergeOptions struct {
	axes   []string
	seeds  int
	seed   uint64
	target float64
	budget string
	tune   string
	out    string
	resume bool
	format string
}

// What runs are to reach, within what, where nothing is said.
const (
	usualTarget = 1e-4
	usualBudget = "5000"
)

func newConverge() *cobra.Command {
	var o convergeOptions
	cmd := &cobra.Command{
		Use:   "converge",
		Short: "How far optimizers come on objectives whose minimum is known",
		Long: `Run optimizers on objectives whose minimum is known, each from several seeds, until
the value above the minimum is the target share of that at the first point or the
budget is spent. The learning rate of each is the best of the same number of trials,
from seeds that no evaluation uses.

The same seeds give the same bits, for any number of threads, on every instruction
set.`,
		Example: `  optbench converge
  optbench converge -a objective=diagonal:condition=1e6 -a update=adam,momentum -a dim=1e6
  optbench converge -a objective=phi4 -a update=sgd -a lr=0.1 -a dim=1e8 --seeds 1 --budget 100
  optbench converge -a update=adam -a dtype=f32,bf16-states --tune medium -o runs.jsonl`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.axes, "axis", "a", nil, "set an axis, `name=values`; see optbench list")
	f.IntVar(&o.seeds, "seeds", 5, "run each task from `N` seeds")
	f.Uint64Var(&o.seed, "seed", 1, "the first of them")
	f.Float64Var(&o.target, "target", usualTarget, "`share` of the first value, above the minimum, that is to be reached")
	f.StringVar(&o.budget, "budget", usualBudget, "`steps` that a run may take, such as 5000, or time, such as 30s")
	f.StringVar(&o.tune, "tune", "small", "how many learning rates to try: "+strings.Join(converge.TuningNames(), ", "))
	f.StringVarP(&o.out, "output", "o", "", "append records to `FILE`, as JSON Lines")
	f.BoolVar(&o.resume, "resume", false, "go on with what is in the file of -o: runs that it has are not run again")
	f.StringVar(&o.format, "format", "table", oneOf("what to print", report.Formats))
	completeAxes(cmd, converge.Axes)
	complete(cmd, "tune", converge.TuningNames()...)
	complete(cmd, "format", report.Formats...)
	return cmd
}

// runner returns what runs the tasks, or says which flag is wrong.
func (o convergeOptions) runner() (*converge.Runner, error) {
	r := &converge.Runner{
		Run: record.NewID(), Target: o.target, Seed: o.seed, Seeds: o.seeds,
		Open: func(name string, threads int) (backend.Backend, error) {
			return backend.Options{Threads: threads}.Open(name)
		},
	}
	if o.seeds < 1 || o.seeds > 10_000 {
		return nil, fmt.Errorf("--seeds is %d, want 1 to 10000", o.seeds)
	}
	if !(o.target >= 0 && o.target < 1) {
		return nil, fmt.Errorf("--target is %v, want a share from 0, which is the minimum itself, to less than 1", o.target)
	}
	if d, err := time.ParseDuration(o.budget); err == nil && d > 0 {
		r.Time = d
	} else if ns, err := axis.Ints([]string{o.budget}); err == nil && len(ns) == 1 && ns[0] <= math.MaxInt32 {
		r.Budget = int(ns[0])
	} else {
		return nil, fmt.Errorf("--budget is %q, want steps such as 5000, or time such as 30s", o.budget)
	}
	var err error
	r.Tune, err = converge.FindTuning(o.tune)
	return r, err
}

func (o convergeOptions) run(cmd *cobra.Command) (err error) {
	r, err := o.runner()
	if err != nil {
		return err
	}
	if !slices.Contains(report.Formats, o.format) {
		return harness.Unknown("format", o.format, report.Formats)
	}
	if cmd.Flags().Changed("output") && o.out == "" {
		return fmt.Errorf("--output is empty, want the name of a file")
	}
	if o.resume && o.out == "" {
		return fmt.Errorf("--resume needs the file to go on with, want -o FILE")
	}
	env := machine.Capture()
	tasks, err := converge.Tasks(o.axes, env)
	if errors.Is(err, harness.ErrMissing) {
		return coded{exitIncomplete, err}
	}
	if err != nil {
		return err
	}
	if err := fitTasks(tasks, env); err != nil {
		return err
	}
	for _, t := range tasks {
		if r.Time > 0 && converge.NeedsSteps(t.Schedule) {
			return fmt.Errorf("schedule %s goes by the number of steps, and --budget %s has none; want --budget 5000 or the like", t.Schedule, o.budget)
		}
	}
	if o.resume {
		if err := o.takeUp(r); err != nil {
			return err
		}
	}
	rec := &recorder{stderr: cmd.ErrOrStderr()}
	if o.out != "" {
		r.States = &converge.States{Folder: o.out + ".state", Build: release + " " + commitID(), Resume: o.resume}
		if rec.file, err = record.OpenWriter(o.out); err != nil {
			return err
		}
	}
	defer func() {
		err = errors.Join(err, rec.close())
		if r.States != nil {
			r.States.Close()
		}
	}()
	return o.measure(cmd, r, tasks, env, rec)
}

// fitTasks refuses tasks that do not fit in memory together with those that run beside
// them.
func fitTasks(tasks []converge.Task, env machine.Environment) error {
	var beside []int64 // of tasks on one thread, the largest first
	for _, t := range tasks {
		need, err := converge.Need(t)
		if err != nil {
			return err
		}
		if err := room(fmt.Sprintf("%s on %s in %s dimensions", t.Optimizer, t.Objective, axis.FormatInt(int64(t.Dim))), need, "dim", env); err != nil {
			return err
		}
		if t.Threads == 1 {
			beside = append(beside, need)
		}
	}
	slices.SortFunc(beside, func(a, b int64) int { return cmp.Compare(b, a) })
	var together int64
	for _, need := range beside[:min(len(beside), env.UsableThreads)] {
		together += need
	}
	return room("what runs side by side, a task on each thread,", together, "dim, or threads=all,", env)
}

// takeUp lets the runner know what is in the file.
func (o convergeOptions) takeUp(r *converge.Runner) error {
	if _, err := os.Stat(o.out); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	f, err := record.ReadFile(o.out)
	if err != nil {
		return err
	}
	r.Done = map[converge.Key]*record.Convergence{}
	for i := range f.Convergence {
		c := &f.Convergence[i]
		r.Done[converge.KeyOf(c)] = c
	}
	return nil
}

func (o convergeOptions) measure(cmd *cobra.Command, r *converge.Runner, tasks []converge.Task, env machine.Environment, rec *recorder) error {
	start := &record.Run{
		Schema: record.Schema, Kind: record.KindRun, ID: r.Run, Time: time.Now().UTC().Format(time.RFC3339),
		Command: o.command(), Version: release, Commit: commitID(), Profile: r.Tune.Name, Seed: o.seed, Environment: env,
	}
	if rec.file != nil {
		if err := rec.file.Write(start); err != nil {
			return coded{exitFailed, err}
		}
	}
	runs := 0
	for _, t := range tasks {
		runs += r.Runs(t)
	}
	const parts = 1000 // of a run, on the bar
	rec.progress(parts*runs, "minimising")
	var mu sync.Mutex // of the bar
	done := 0.0
	r.Progress = func(share float64) {
		mu.Lock()
		defer mu.Unlock()
		done += share
		if rec.bar != nil {
			_ = rec.bar.Set(int(parts * done))
		}
	}
	if rec.file != nil {
		r.Record = func(c *record.Convergence) error {
			if err := rec.file.Write(c); err != nil {
				return coded{exitFailed, err}
			}
			return nil
		}
	}
	shown := &record.File{Runs: []record.Run{*start}}
	var failed error
	finished := 0
	err := r.All(cmd.Context(), tasks, env.UsableThreads, func(out converge.Outcome) error {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range out.Records {
			shown.Convergence = append(shown.Convergence, *c)
		}
		switch {
		case out.Err == nil:
			finished++
		case !out.Interrupted():
			failed = errors.Join(failed, out.Err)
			rec.note(out.Err.Error())
		}
		return nil
	})
	if e := rec.finish(); e != nil {
		return e
	}
	if slices.ContainsFunc(shown.Convergence, func(c record.Convergence) bool { return !c.Tuning }) {
		noteLeftOut(cmd.ErrOrStderr(), shown.Convergence, nil, o.format)
		if e := report.Show(cmd.OutOrStdout(), shown, o.format, "", ""); e != nil {
			return coded{exitFailed, fmt.Errorf("print: %w", e)}
		}
	}
	switch {
	case errors.Is(err, context.Canceled) && failed == nil:
		kept := ""
		if rec.file != nil {
			kept = "; their runs are kept, and --resume goes on"
		}
		return coded{exitIncomplete, fmt.Errorf("interrupted: %d of %d tasks finished%s", finished, len(tasks), kept)}
	case failed != nil:
		return coded{exitFailed, failed}
	case err != nil:
		return err
	}
	return nil
}

// command is how the run was asked for, without the path of the program.
func (o convergeOptions) command() string {
	words := []string{"optbench", "converge"}
	for _, a := range o.axes {
		words = append(words, "-a", a)
	}
	words = append(words, "--seeds", strconv.Itoa(o.seeds), "--seed", strconv.FormatUint(o.seed, 10),
		"--target", strconv.FormatFloat(o.target, 'g', -1, 64), "--budget", o.budget, "--tune", o.tune)
	if o.out != "" {
		words = append(words, "-o", o.out)
	}
	return quoted(words)
}
