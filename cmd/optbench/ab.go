package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/pairs"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

// judgement are the flags that commands which compare have in common.
type judgement struct {
	alpha, margin string
	failOn        []string
	format        string
	noise         string
}

func (j *judgement) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&j.margin, "margin", "2%", "`change` up to which sides count as equivalent")
	f.StringVar(&j.alpha, "alpha", "5%", "`probability` of any false alarm in the whole suite")
	f.StringSliceVar(&j.failOn, "fail-on", []string{"slower", "incomparable"}, oneOf("verdicts that fail", append(failures, "none")))
	f.StringVar(&j.format, "format", "table", oneOf("what to print", report.ComparisonFormats))
	addNoiseFlag(cmd, &j.noise)
	complete(cmd, "format", report.ComparisonFormats...)
	complete(cmd, "fail-on", append(failures, "none")...)
}

// failures are what a comparison can be asked to fail on.
var failures = []string{"slower", "incomparable", "inconclusive"}

// check refuses what cannot be meant, and returns alpha and margin as shares.
func (j *judgement) check() (alpha, margin float64, err error) {
	if !slices.Contains(report.ComparisonFormats, j.format) {
		return 0, 0, harness.Unknown("format", j.format, report.ComparisonFormats)
	}
	for _, f := range j.failOn {
		if f == "none" && len(j.failOn) > 1 {
			return 0, 0, fmt.Errorf("--fail-on is %s, want none alone", strings.Join(j.failOn, ","))
		}
		if f != "none" && !slices.Contains(failures, f) {
			return 0, 0, harness.Unknown("verdict to fail on", f, append(failures, "none"))
		}
	}
	if alpha, err = percentage("alpha", j.alpha); err != nil {
		return 0, 0, err
	}
	margin, err = percentage("margin", j.margin)
	return alpha, margin, err
}

// show prints a comparison, and returns the error that it ends the program with.
func (j *judgement) show(cmd *cobra.Command, run *record.Run, cases []record.Comparison) error {
	noteLeftOut(cmd.ErrOrStderr(), nil, cases, j.format)
	if err := report.ShowComparison(cmd.OutOrStdout(), run, cases, j.format); err != nil {
		return coded{exitFailed, err}
	}
	return j.end(cases)
}

// noteLeftOut says what a format has no place for.
func noteLeftOut(stderr io.Writer, runs []record.Convergence, cases []record.Comparison, format string) {
	if text := report.LeftOut(runs, cases, format); text != "" {
		fmt.Fprintln(stderr, report.Wrap("note: "+text, "      "))
	}
}

// end returns the error that the verdicts end the program with.
func (j *judgement) end(cases []record.Comparison) error {
	for _, f := range []struct {
		on      string
		verdict compare.Verdict
		code    int
		what    string
	}{
		{"slower", compare.Slower, exitRegression, "slower"},
		{"incomparable", compare.NotComparable, exitIncomplete, "not comparable"},
		{"inconclusive", compare.Inconclusive, exitInconclusive, "inconclusive"},
	} {
		var of []string
		for _, c := range cases {
			if c.Verdict == string(f.verdict) {
				of = append(of, report.Label(c, cases))
			}
		}
		if len(of) == 0 || !slices.Contains(j.failOn, f.on) {
			continue
		}
		return coded{f.code, fmt.Errorf("%s: %s", f.what, report.FirstOf(of))}
	}
	return nil
}

// abOptions are the flags of optbench ab.
type abOptions struct {
	judgement
	a, b    string
	axes    []string
	pairs   string
	profile string
	seed    uint64
	out     string
	timeout time.Duration
}

func newAB() *cobra.Command {
	var o abOptions
	cmd := &cobra.Command{
		Use:   "ab",
		Short: "Compare two builds on this machine, and say which cases are slower",
		Long: `Compare side b with side a: fresh processes in pairs, the order within each pair
chosen by a coin, the cases shuffled. The test is exact whatever the noise, so that
two equal builds are called different in at most one suite of twenty (--alpha).

A side is the first of these that it can be:
  an executable of optbench       --a ./optbench.old
  a folder with its source        --b .
  a revision in git               --a main
  a command that prints records   --a "optbench run -a update=adam --format json"
Source and revisions are built with -trimpath -buildvcs=false, revisions in a copy
of their own. An optbench is told its cases by axes (see optbench list) and runs one
in each process. A command decides itself what it measures: it prints optbench/1
records, and is split into words as a shell does, without pipes and variables.

Verdicts: SLOWER, FASTER; EQUIVALENT, the difference lies within --margin;
INCONCLUSIVE, with the change that would have been seen and the pairs still needed;
IDENTICAL, both executables have the same code and data, and what they show is noise,
kept for later comparisons (--noise); NOT COMPARABLE, one side lacks the case. The
data are looked at after the least number of pairs, the greatest, and once between;
what is decided is not measured further.

Exit codes: 0 no case is slower; 1 one is; 2 refused; 3 inconclusive, with
--fail-on inconclusive; 4 not comparable, or interrupted; 5 a launch failed.`,
		Example: `  optbench ab --a main --b . -a update=adamw,lamb
  optbench ab --a v0.1.0 --b HEAD --pairs 20 -o ab.jsonl
  optbench ab --a ./old --b ./new -a n=1e6 --format github`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.a, "a", "", "the `SIDE` to compare with")
	f.StringVar(&o.b, "b", "", "the `SIDE` that is compared")
	f.StringArrayVarP(&o.axes, "axis", "a", nil, "set an axis, `name=values`; see optbench list")
	f.StringVar(&o.pairs, "pairs", "12..40", "launches of each side, `N` or least..most")
	f.StringVar(&o.profile, "profile", "quick", oneOf("how long a launch measures", harness.ProfileNames()))
	f.Uint64Var(&o.seed, "seed", 1, "of the orders within pairs and of cases")
	f.StringVarP(&o.out, "output", "o", "", "append records to `FILE`, as JSON Lines")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "a launch that takes longer has failed")
	o.flags(cmd)
	completeAxes(cmd, harness.Axes)
	complete(cmd, "profile", harness.ProfileNames()...)
	return cmd
}

// parsePairs reads "12" or "12..40".
func parsePairs(text string) (least, most int, err error) {
	first, last, found := strings.Cut(text, "..")
	least, err = strconv.Atoi(first)
	most = least
	if err == nil && found {
		most, err = strconv.Atoi(last)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("--pairs is %q, want a number or a range such as 12..40", text)
	}
	return least, most, nil
}

func (o *abOptions) run(cmd *cobra.Command) (err error) {
	alpha, margin, err := o.check()
	if err != nil {
		return err
	}
	least, most, err := parsePairs(o.pairs)
	if err != nil {
		return err
	}
	profile, err := harness.FindProfile(o.profile)
	if err != nil {
		return err
	}
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout is %v, want a time above 0, such as 5m", o.timeout)
	}
	if err := named(cmd, "output", "noise"); err != nil {
		return err
	}
	for _, a := range o.axes {
		if !strings.Contains(a, "=") {
			return fmt.Errorf("-a is %q, want an axis as name=values; the side to compare with is --a %s", a, a)
		}
	}
	env := machine.Capture()
	cases, err := harness.Cases(o.axes, env)
	if errors.Is(err, harness.ErrMissing) {
		return coded{exitIncomplete, err}
	}
	if err != nil {
		return err
	}
	if err := fits(harness.NewMeter(profile, "", o.seed, env), cases, env); err != nil {
		return err
	}
	floor, err := readNoise(o.noise, env)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	session := &pairs.Session{Cases: cases, Settings: o.axes, Seed: o.seed, Plan: func(cases int) (compare.Plan, error) {
		return compare.NewPlan(least, most, cases, alpha, margin)
	}}
	a, b, err := o.sides(ctx, session)
	if err != nil {
		return interruptedOr(ctx, err)
	}
	var file *record.Writer
	if o.out != "" {
		if file, err = record.OpenWriter(o.out); err != nil {
			return err
		}
		defer func() {
			if e := file.Close(); e != nil {
				err = errors.Join(coded{exitFailed, e}, err)
			}
		}()
	}
	work, err := os.MkdirTemp("", "optbench-ab-")
	if err != nil {
		return coded{exitFailed, err}
	}
	defer os.RemoveAll(work) // the system's folder for what may stay
	for _, s := range []*pairs.Side{a, b} {
		if err := s.Build(ctx, work); err != nil {
			return interruptedOr(ctx, err)
		}
	}

	session.A, session.B, session.Identical = o.launch(a), o.launch(b), pairs.Identical(a, b)
	end := showPairs(cmd.ErrOrStderr(), session)
	plan, measured, ended := session.Run(ctx)
	end()
	start := newComparisonRun(o.command(), env, o.profile, o.seed)
	start.Comparison = &record.Plan{
		A: a.Record(), B: b.Record(), Alpha: alpha, Margin: margin, Looks: plan.Looks,
		SameKernels: !session.Identical && a.Kernels != "" && a.Kernels == b.Kernels,
	}
	out := []record.Comparison{}
	for _, c := range measured {
		r := c.Record(start.ID, session.Identical)
		r.Noise = floor.of(r.Case)
		out = append(out, *r)
	}
	var unstored error
	if file != nil && len(out) > 0 {
		if err := store(file, start, out); err != nil {
			unstored = coded{exitFailed, err}
		}
	}
	if ended != nil {
		return errors.Join(o.failed(ctx, out, ended), unstored)
	}
	if session.Identical {
		if err := o.storeNoise(start, noiseOf(out)); err != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), report.Wrap("note: "+err.Error(), "      ")) // the comparison stands
		}
	}
	return errors.Join(unstored, o.show(cmd, start, out))
}

// sides finds what is compared, and refuses a session that could show nothing.
func (o *abOptions) sides(ctx context.Context, s *pairs.Session) (a, b *pairs.Side, err error) {
	if _, err := s.Plan(1); err != nil { // that of a command's cases is made when they are known
		return nil, nil, err
	}
	if a, err = pairs.Find(ctx, "a", o.a); err != nil {
		return nil, nil, err
	}
	if b, err = pairs.Find(ctx, "b", o.b); err != nil {
		return nil, nil, err
	}
	switch {
	case a.Command() && b.Command() && len(o.axes) > 0:
		return nil, nil, fmt.Errorf("both sides are commands, which decide themselves what they measure: want no -a %s", o.axes[0])
	case a.Command() || b.Command():
		s.Cases = nil
	default:
		_, err = s.Plan(len(s.Cases))
	}
	return a, b, err
}

// noiseOf is what identical sides say about the noise of the machine.
func noiseOf(cases []record.Comparison) []record.Selftest {
	var out []record.Selftest
	for _, c := range cases {
		if c.CI95[0] > 0 {
			out = append(out, record.Selftest{
				Schema: record.Schema, Kind: record.KindSelftest, Run: c.Run, Case: c.Case, Pairs: c.Pairs,
				Ratios: []float64{c.Ratio}, Noise: math.Max(c.CI95[1], 1/c.CI95[0]) - 1,
			})
		}
	}
	return out
}

// storeNoise keeps what identical sides show for later comparisons: this one has none of
// its own data beside it.
func (o *abOptions) storeNoise(start *record.Run, tests []record.Selftest) error {
	w, err := openNoise(o.noise)
	if w == nil || len(tests) == 0 {
		return err
	}
	return errors.Join(store(w, start, tests), w.Close())
}

// store appends a run and its records to a file.
func store[T any](w *record.Writer, run *record.Run, records []T) error {
	if err := w.Write(run); err != nil {
		return err
	}
	for i := range records {
		if err := w.Write(&records[i]); err != nil {
			return err
		}
	}
	return nil
}

// newComparisonRun is the record of a run that compares.
func newComparisonRun(command string, env machine.Environment, profile string, seed uint64) *record.Run {
	return &record.Run{
		Schema: record.Schema, Kind: record.KindRun, ID: record.NewID(), Time: time.Now().UTC().Format(time.RFC3339),
		Command: command, Version: release, Commit: commitID(), Profile: profile, Seed: seed, Environment: env,
	}
}

// launch is how a session launches a side.
func (o *abOptions) launch(s *pairs.Side) pairs.Launch {
	return func(ctx context.Context, settings []string, seed uint64) ([]record.Throughput, error) {
		return s.Launch(ctx, settings, o.profile, seed, o.timeout)
	}
}

// interruptedOr is the error of what ended early: that of an interrupt, if there
// was one.
func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return coded{exitIncomplete, errors.New("interrupted before anything was measured")}
	}
	return err
}

// failed is the error of a session that ended early, with these cases.
func (o *abOptions) failed(ctx context.Context, cases []record.Comparison, err error) error {
	done := 0
	for _, c := range cases {
		done += len(c.A)
	}
	kept := ""
	if o.out != "" && done > 0 {
		kept = "; their launches are kept"
	}
	switch {
	case ctx.Err() != nil && done == 0:
		return interruptedOr(ctx, err)
	case ctx.Err() != nil:
		return coded{exitIncomplete, fmt.Errorf("interrupted after %d pairs: no verdict, for the data are looked at only when planned%s", done, kept)}
	case errors.Is(err, pairs.ErrLaunch), done > 0:
		return coded{exitFailed, err}
	}
	return err // the plan does not fit the cases
}

// showPairs shows a bar where standard error is a terminal, and returns what takes
// it away.
func showPairs(stderr io.Writer, s *pairs.Session) (end func()) {
	if !isTerminal(stderr) {
		return func() {}
	}
	bar := newBar(stderr, 1, "pairs")
	s.Progress = func(done, most int) {
		bar.ChangeMax(most)
		_ = bar.Set(done) // a bar that cannot be drawn is no loss
	}
	return func() { _ = bar.Finish() }
}

// command is how the comparison was asked for.
func (o *abOptions) command() string {
	words := []string{"optbench", "ab", "--a", o.a, "--b", o.b}
	for _, a := range o.axes {
		words = append(words, "-a", a)
	}
	words = append(words, "--pairs", o.pairs, "--margin", o.margin, "--alpha", o.alpha, "--profile", o.profile, "--seed", strconv.FormatUint(o.seed, 10))
	if o.out != "" {
		words = append(words, "-o", o.out)
	}
	return quoted(words)
}
