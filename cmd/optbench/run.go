package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/converge"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

// runOptions are the flags of optbench run.
type runOptions struct {
	axes     []string
	profile  string
	launches int
	launch   string // "2/5": this process is the second of five; the first process sets it
	out      string
	format   string
	seed     uint64
	plant    string // more work than the update has: see selftest
}

func newRun() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Measure updates on this machine",
		Long: `Measure the throughput of updates: each case is verified against the definition,
warmed up, and sampled until the 95 % interval of the median is narrow or time is
up (rows marked * ran out of time). Interleaved with the update runs a stream that
moves the same bytes through the same arrays: "of limit" is the share of its speed
that the update reaches.`,
		Example: `  optbench run
  optbench run -a update=adamw -a n=2^[12:26:2] -a threads=1,all
  optbench run -a update=adamw,lamb -a tensors=gpt2 -a clip=0,1
  optbench run -a cache=hot,cold -a backend=all --profile standard -o results.jsonl
  optbench run --launches 12 -o results.jsonl --format benchfmt`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.axes, "axis", "a", nil, "set an axis, `name=values`; see optbench list")
	f.StringVar(&o.profile, "profile", "quick", "how long to measure: quick, standard or rigorous")
	f.IntVar(&o.launches, "launches", 1, "measure in `N` fresh processes, one after the other")
	f.StringVarP(&o.out, "output", "o", "", "append records to `FILE`, as JSON Lines")
	f.StringVar(&o.format, "format", "table", oneOf("what to print", report.Formats))
	f.Uint64Var(&o.seed, "seed", 1, "of the order in which update and limit are sampled; counts up with launches")
	f.StringVar(&o.launch, "launch", "", "")
	f.StringVar(&o.plant, "plant", "", "")
	for _, name := range []string{"launch", "plant"} {
		_ = f.MarkHidden(name) // fails for an unknown flag alone
	}
	completeAxes(cmd, harness.Axes)
	complete(cmd, "format", report.Formats...)
	complete(cmd, "profile", harness.ProfileNames()...)
	return cmd
}

// completeAxes offers the names of axes to the shell.
func completeAxes(cmd *cobra.Command, axes []harness.Axis) {
	_ = cmd.RegisterFlagCompletionFunc("axis", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, a := range axes {
			names = append(names, a.Name+"=")
		}
		return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

// complete offers the values of a flag to the shell.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // likewise
}

func (o runOptions) run(cmd *cobra.Command) (err error) {
	profile, err := harness.FindProfile(o.profile)
	if err != nil {
		return err
	}
	if !slices.Contains(report.Formats, o.format) {
		return harness.Unknown("format", o.format, report.Formats)
	}
	if err := named(cmd, "output"); err != nil {
		return err
	}
	if o.launches < 1 || o.launches > 1000 {
		return fmt.Errorf("--launches is %d, want 1 to 1000", o.launches)
	}
	env := machine.Capture()
	cases, err := harness.Cases(o.axes, env)
	if errors.Is(err, harness.ErrMissing) {
		return coded{exitIncomplete, err}
	}
	if err != nil {
		return err
	}
	meter := harness.NewMeter(profile, record.NewID(), o.seed, env)
	if o.plant != "" {
		if meter.Plant, err = percentage("plant", o.plant); err != nil {
			return err
		}
	}
	if err := fits(meter, cases, env); err != nil {
		return err
	}
	r := &recorder{stderr: cmd.ErrOrStderr()}
	if o.out != "" {
		if r.file, err = record.OpenWriter(o.out); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if o.format == "table" {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), " %s\n\n", headline(env, cases)); err != nil {
			return coded{exitFailed, fmt.Errorf("print: %w", err)}
		}
	}
	if r.out, err = report.New(cmd.OutOrStdout(), o.format, cases); err != nil {
		return err
	}
	r.progress(len(cases)*o.launches, "measuring")
	if o.launches > 1 {
		if o.format == "table" || o.format == "md" {
			r.out = report.Combined(r.out)
		}
		return o.launchAll(cmd.Context(), env, r)
	}
	if err := o.measure(cmd.Context(), meter, cases, env, r); err != nil || len(o.axes) > 0 || o.launch != "" {
		return err
	}
	return o.converge(cmd, env, r)
}

// converge shows the other half of what there is, where no axis is set: how far
// optimizers come.
func (o runOptions) converge(cmd *cobra.Command, env machine.Environment, r *recorder) error {
	c := convergeOptions{
		axes:  []string{"objective=diagonal,rotated,cosh-flat", "update=sgd,momentum,clipped-gd,adam,lamb"},
		seeds: 3, seed: o.seed, target: usualTarget, budget: usualBudget, tune: "small", out: o.out, format: o.format,
	}
	runner, err := c.runner()
	if err != nil {
		return err
	}
	tasks, err := converge.Tasks(c.axes, env)
	if err != nil {
		return err
	}
	if o.format == "table" || o.format == "md" {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "\nHow far they come (more by optbench converge):\n\n"); err != nil {
			return coded{exitFailed, fmt.Errorf("print: %w", err)}
		}
	}
	return c.measure(cmd, runner, tasks, env, r)
}

// headline is what all rows share.
func headline(env machine.Environment, cases []harness.Case) string {
	only := cases[0].Backend
	if g := harness.Device(only); g != nil && !slices.ContainsFunc(cases, func(c harness.Case) bool { return c.Backend != only }) {
		return fmt.Sprintf("%s · multiprocessors: %d · L2 %s · memory %s · %s",
			g.Name, g.Multiprocessors, size(uint64(g.L2)), size(uint64(g.Memory)), g.Driver)
	}
	words := []string{cmp.Or(env.CPU, env.Arch)}
	threads := cases[0].Threads
	if !slices.ContainsFunc(cases, func(c harness.Case) bool { return c.Threads != threads }) {
		words = append(words, fmt.Sprintf("threads: %d", threads))
	}
	if env.Caches.L2 > 0 {
		words = append(words, fmt.Sprintf("L2 %s, L3 %s", size(uint64(env.Caches.L2)), size(uint64(env.Caches.L3))))
	}
	if env.CoreToCoreNS > 0 {
		words = append(words, fmt.Sprintf("core to core %.0f ns", env.CoreToCoreNS))
	}
	return strings.Join(words, " · ")
}

// copying says how fast a device copies, beside which its figures stand.
func copying(name string, g record.GPU) string {
	text := fmt.Sprintf("%s copies large arrays at %.0f GB/s, reading and writing", name, g.CopyBytesPerSecond/1e9)
	if g.BytesPerSecond > 0 {
		text += fmt.Sprintf(": %.0f%% of what its memory could give at best", 100*g.CopyBytesPerSecond/g.BytesPerSecond)
	}
	return text
}

// fits refuses cases that do not fit in memory, before anything is allocated.
func fits(m *harness.Meter, cases []harness.Case, env machine.Environment) error {
	for _, c := range cases {
		need, err := m.Need(c)
		if err != nil {
			return err
		}
		have := env
		if g := harness.Device(c.Backend); g != nil {
			have.MemoryAvailable = uint64(g.Memory)
		}
		if err := room(fmt.Sprintf("%s at n=%s", c.Update, axis.FormatInt(int64(c.N))), need, "n", have); err != nil {
			return err
		}
	}
	return nil
}

// room refuses what needs more memory than there is. Less of which axis would do, it
// says too.
func room(what string, need int64, less string, env machine.Environment) error {
	// Buffers for verification and the program itself need room too.
	const own = 256 << 20
	if env.MemoryAvailable > 0 && uint64(need)+own > env.MemoryAvailable {
		return fmt.Errorf("%s needs %s of memory and %s are available; want a smaller %s",
			what, size(uint64(need)+own), size(env.MemoryAvailable), less)
	}
	return nil
}

// measure measures every case in this process.
func (o runOptions) measure(ctx context.Context, m *harness.Meter, cases []harness.Case, env machine.Environment, r *recorder) error {
	before := machine.Snapshot()
	env.StealPercent = machine.Steal(machine.CPUTime{}, before)
	start := &record.Run{
		Schema: record.Schema, Kind: record.KindRun, ID: m.Run, Time: time.Now().UTC().Format(time.RFC3339),
		Command: o.command(), Version: release, Commit: commitID(),
		Profile: m.Profile.Name, Environment: env,
	}
	if o.launch != "" {
		if _, err := fmt.Sscanf(o.launch, "%d/%d", &start.Launch, &start.Launches); err != nil {
			return fmt.Errorf("--launch is %q, want such as 2/5", o.launch)
		}
		m.Seed += uint64(start.Launch - 1)
	}
	start.Seed = m.Seed
	var err error
	if start.GPUs, err = harness.Devices(cases); err != nil {
		return coded{exitFailed, err}
	}
	if o.format == "table" {
		for _, name := range slices.Sorted(maps.Keys(start.GPUs)) {
			r.note(copying(name, start.GPUs[name]))
		}
	}
	if err := r.run(start); err != nil {
		return err
	}
	var failed error
	for _, c := range cases {
		t, err := m.Measure(ctx, c)
		switch {
		case ctx.Err() != nil:
			return r.interrupted(failed)
		case err != nil:
			failed = errors.Join(failed, err)
			r.note(err.Error())
			continue
		}
		if err := r.throughput(t); err != nil {
			return err
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	if o.format == "table" {
		env.StealPercent = machine.Steal(before, machine.Snapshot())
		r.warn(env)
	}
	if failed != nil {
		return coded{exitFailed, failed}
	}
	return nil
}

func (r *recorder) interrupted(failed error) error {
	kept := ""
	if r.file != nil && r.count > 0 {
		kept = "; their records are kept"
	}
	err := fmt.Errorf("interrupted: %d of %d cases measured%s", r.count, r.want, kept)
	return coded{exitIncomplete, errors.Join(err, failed)}
}

// command is how the run was asked for, without the path of the program.
func (o runOptions) command() string {
	words := []string{"optbench", "run"}
	for _, a := range o.axes {
		words = append(words, "-a", a)
	}
	words = append(words, "--profile", o.profile)
	if o.seed != 1 {
		words = append(words, "--seed", strconv.FormatUint(o.seed, 10))
	}
	if o.plant != "" {
		words = append(words, "--plant", o.plant)
	}
	if o.launch != "" {
		_, all, _ := strings.Cut(o.launch, "/")
		words = append(words, "--launches", all)
	} else if o.format != "table" {
		words = append(words, "--format", o.format)
	}
	if o.out != "" {
		words = append(words, "-o", o.out)
	}
	return quoted(words)
}

// quoted joins the words of a command so that a shell takes them apart again.
func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; w == "" || strings.ContainsAny(w, " \t\"'$&|;<>()*?[]{}\\`") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// percentage reads a share that a flag gives in percent, "2%", or as it is, "0.02".
func percentage(flag, text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	x, err := strconv.ParseFloat(number, 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x > 0 && x < 1) {
		return 0, fmt.Errorf("--%s is %q, want a share above 0%%, below 100%%, such as 2%%", flag, text)
	}
	return x, nil
}

// launchAll measures the cases in fresh processes, one after the other, and
// stores what they print.
func (o runOptions) launchAll(ctx context.Context, env machine.Environment, r *recorder) error {
	self, err := os.Executable()
	if err != nil {
		return coded{exitFailed, fmt.Errorf("find the program, to launch it: %w", err)}
	}
	for i := range o.launches {
		args := []string{"run", "--profile", o.profile, "--seed", strconv.FormatUint(o.seed, 10),
			"--format", "json", "--launch", fmt.Sprintf("%d/%d", i+1, o.launches)}
		for _, a := range o.axes {
			args = append(args, "-a", a)
		}
		if o.plant != "" {
			args = append(args, "--plant", o.plant)
		}
		// An interrupt from the terminal reaches the child by itself; others do not.
		child := exec.CommandContext(ctx, self, args...)
		child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
		err := r.child(child)
		if ctx.Err() != nil {
			return r.interrupted(nil)
		}
		if err != nil {
			return fmt.Errorf("launch %d of %d: %w", i+1, o.launches, err)
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	if o.format == "table" {
		r.warn(env)
	}
	return nil
}

// A recorder passes records on: to the file, then to the terminal.
type recorder struct {
	file   *record.Writer // nil where none is asked for
	out    report.Writer
	stderr io.Writer
	bar    *progressbar.ProgressBar
	want   int // cases to measure
	count  int // cases measured
}

// progress shows a bar where standard error is a terminal.
func (r *recorder) progress(cases int, doing string) {
	r.want = cases
	if !isTerminal(r.stderr) {
		return
	}
	r.bar = newBar(r.stderr, cases, doing)
}

func newBar(w io.Writer, most int, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(most,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(30), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription(what))
}

// quiet runs f while the bar is out of its way.
func (r *recorder) quiet(f func() error) error {
	if r.bar == nil {
		return f()
	}
	_ = r.bar.Clear() // a bar that cannot be drawn is no loss
	err := f()
	_ = r.bar.RenderBlank()
	return err
}

// note tells something that does not end the run.
func (r *recorder) note(text string) {
	_ = r.quiet(func() error { _, err := fmt.Fprintln(r.stderr, report.Wrap("note: "+text, "      ")); return err })
}

// warn notes what makes figures noisy on this machine.
func (r *recorder) warn(env machine.Environment) {
	for _, w := range machine.Warnings(env) {
		r.note(w.Text)
	}
}

func (r *recorder) run(start *record.Run) error {
	return r.store(start, func() error { return r.out.Run(start) })
}

func (r *recorder) throughput(t *record.Throughput) error {
	err := r.store(t, func() error { return r.out.Write(t) })
	r.count++
	if r.bar != nil {
		_ = r.bar.Add(1)
	}
	for _, w := range t.Warnings {
		r.note(fmt.Sprintf("%s, n=%d: %s", t.Case.Update, t.Case.N, w))
	}
	return err
}

func (r *recorder) store(v any, show func() error) error {
	if r.file != nil {
		if err := r.file.Write(v); err != nil {
			return coded{exitFailed, err}
		}
	}
	if err := r.quiet(show); err != nil {
		return coded{exitFailed, fmt.Errorf("print: %w", err)}
	}
	return nil
}

// child runs a launch and passes its records on as they come.
func (r *recorder) child(cmd *exec.Cmd) error {
	var said strings.Builder
	cmd.Stderr = &said
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return coded{exitFailed, err}
	}
	if err := cmd.Start(); err != nil {
		return coded{exitFailed, err}
	}
	lines := bufio.NewReader(pipe)
	for err == nil {
		var line string
		if line, err = lines.ReadString('\n'); err != nil {
			break
		}
		var f *record.File
		if f, err = record.Read(strings.NewReader(line), "launch"); err != nil {
			break
		}
		for i := range f.Runs {
			err = errors.Join(err, r.run(&f.Runs[i]))
		}
		for i := range f.Throughput {
			err = errors.Join(err, r.throughput(&f.Throughput[i]))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	} else {
		_ = cmd.Process.Kill() // nobody reads what it would still print
	}
	if wait := cmd.Wait(); err == nil && wait != nil {
		code := exitFailed
		if exit := (*exec.ExitError)(nil); errors.As(wait, &exit) && slices.Contains([]int{exitRefused, exitIncomplete}, exit.ExitCode()) {
			code = exit.ExitCode()
		}
		// Its last line is its error; what stands before are notes.
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		why := strings.TrimPrefix(lines[len(lines)-1], "optbench: ")
		err = coded{code, errors.New(cmp.Or(why, wait.Error()))}
	}
	return err
}

// finish ends the table.
func (r *recorder) finish() error {
	if r.bar != nil {
		_ = r.bar.Finish()
		r.bar = nil
	}
	if r.out == nil {
		return nil
	}
	out := r.out
	r.out = nil
	if err := out.Close(); err != nil {
		return coded{exitFailed, fmt.Errorf("print: %w", err)}
	}
	return nil
}

// close ends what is still open: the table of a run that was interrupted, too.
func (r *recorder) close() error {
	err := r.finish()
	if r.file != nil {
		if e := r.file.Close(); e != nil {
			err = errors.Join(err, coded{exitFailed, e})
		}
	}
	return err
}
