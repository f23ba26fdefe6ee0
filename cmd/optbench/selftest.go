package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/pairs"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

// selftestOptions are the flags of optbench selftest.
type selftestOptions struct {
	axes          []string
	aa, planted   int
	plants        []string
	pairs         int
	alpha, margin string
	profile       string
	seed          uint64
	out, noise    string
	format        string
	timeout       time.Duration
}

func newSelftest() *cobra.Command {
	var o selftestOptions
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "Measure how often comparisons cry wolf here, and what they find",
		Long: `Compare this program with itself on this machine, again and again, and count the
false alarms; then plant more work, real work on the same arrays, and count how often
it is found. Every comparison is one of optbench ab, with fresh processes in pairs.
What a program shows against itself is the noise floor of the machine: it is stored,
unless --noise is none, and ab and compare show it beside their percentages.

Where no axis is set the case is adamw at the size that fits the last cache.

Exit codes: 0 tested; 2 refused; 4 interrupted, or a device is missing; 5 a launch
failed, or there are more false alarms than alpha allows.`,
		Example: `  optbench selftest
  optbench selftest --aa 100 --plant 2%,5%,10% --planted 20
  optbench selftest -a update=adamw,lamb -a n=1e6 -o selftest.jsonl`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.axes, "axis", "a", nil, "set an axis, `name=values`; see optbench list")
	f.IntVar(&o.aa, "aa", 20, "compare the program with itself `N` times")
	f.StringSliceVar(&o.plants, "plant", []string{"2%", "5%"}, "`work` to plant, as shares of a step")
	f.IntVar(&o.planted, "planted", 10, "compare each of them `N` times")
	f.IntVar(&o.pairs, "pairs", 12, "pairs of each comparison")
	f.StringVar(&o.margin, "margin", "2%", "`change` up to which sides count as equivalent")
	f.StringVar(&o.alpha, "alpha", "5%", "`probability` of a false alarm")
	f.StringVar(&o.profile, "profile", "quick", oneOf("how long a launch measures", harness.ProfileNames()))
	f.Uint64Var(&o.seed, "seed", 1, "of the orders within pairs")
	f.StringVarP(&o.out, "output", "o", "", "append records to `FILE`, as JSON Lines")
	f.StringVar(&o.format, "format", "table", "what to print: table, md")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "a launch that takes longer has failed")
	addNoiseFlag(cmd, &o.noise)
	completeAxes(cmd, harness.Axes)
	complete(cmd, "profile", harness.ProfileNames()...)
	complete(cmd, "format", "table", "md")
	return cmd
}

func (o *selftestOptions) run(cmd *cobra.Command) (err error) {
	if o.format != "table" && o.format != "md" {
		return harness.Unknown("format", o.format, []string{"table", "md"})
	}
	if o.aa < 1 || o.planted < 0 || o.aa > 10_000 || o.planted > 10_000 {
		return fmt.Errorf("--aa is %d and --planted %d, want 1 to 10000 and 0 to 10000", o.aa, o.planted)
	}
	if err := named(cmd, "output", "noise"); err != nil {
		return err
	}
	alpha, err := percentage("alpha", o.alpha)
	if err != nil {
		return err
	}
	margin, err := percentage("margin", o.margin)
	if err != nil {
		return err
	}
	plants := make([]float64, len(o.plants))
	for i, text := range o.plants {
		if plants[i], err = percentage("plant", text); err != nil {
			return err
		}
	}
	if _, err := compare.NewPlan(o.pairs, o.pairs, 1, alpha, margin); err != nil {
		return err
	}
	profile, err := harness.FindProfile(o.profile)
	if err != nil {
		return err
	}
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout is %v, want a time above 0, such as 5m", o.timeout)
	}
	env := machine.Capture()
	axes := o.axes
	if len(axes) == 0 {
		sizes := harness.Sizes(env)
		axes = []string{"update=adamw", "n=" + strconv.Itoa(sizes[len(sizes)/2])}
	}
	cases, err := harness.Cases(axes, env)
	if errors.Is(err, harness.ErrMissing) {
		return coded{exitIncomplete, err}
	}
	if err != nil {
		return err
	}
	if err := fits(harness.NewMeter(profile, "", o.seed, env), cases, env); err != nil {
		return err
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
	noise, err := openNoise(o.noise)
	if err != nil {
		return err
	}
	var writers []*record.Writer
	if noise != nil {
		defer func() {
			if e := noise.Close(); e != nil {
				err = errors.Join(coded{exitFailed, e}, err)
			}
		}()
		writers = append(writers, noise)
	}
	self, err := os.Executable()
	if err != nil {
		return coded{exitFailed, fmt.Errorf("find the program, to launch it: %w", err)}
	}

	trial := trial{
		ctx: cmd.Context(), options: o, self: self, seed: o.seed,
		plan: func(int) (compare.Plan, error) { return compare.NewPlan(o.pairs, o.pairs, 1, alpha, margin) },
	}
	if isTerminal(cmd.ErrOrStderr()) {
		trial.bar = newBar(cmd.ErrOrStderr(), len(cases)*(o.aa+len(plants)*o.planted), "comparisons")
	}
	start := newComparisonRun(o.command(), env, o.profile, o.seed)
	if file != nil {
		writers = append(writers, file)
	}
	for _, w := range writers {
		if err := w.Write(start); err != nil {
			return coded{exitFailed, err}
		}
	}
	var tests []*record.Selftest
	for _, c := range cases {
		t, err := trial.test(start.ID, c, plants)
		if cmd.Context().Err() != nil {
			return coded{exitIncomplete, fmt.Errorf("interrupted: %d of %d cases tested; their records are kept", len(tests), len(cases))}
		}
		if err != nil {
			return coded{exitFailed, err}
		}
		for _, w := range writers {
			if err := w.Write(t); err != nil {
				return coded{exitFailed, err}
			}
		}
		tests = append(tests, t)
	}
	if trial.bar != nil {
		_ = trial.bar.Finish()
	}
	if err := o.show(cmd, env, tests); err != nil {
		return err
	}
	for _, t := range tests {
		if lo, _ := compare.Rate(t.Alarms, len(t.Ratios)); lo > alpha {
			return coded{exitFailed, fmt.Errorf("%s, n=%d: %d false alarms in %d comparisons, more than alpha %v allows: something here knows the sides apart",
				t.Case.Update, t.Case.N, t.Alarms, len(t.Ratios), alpha)}
		}
	}
	return nil
}

// A trial makes comparisons of the program with itself.
type trial struct {
	ctx     context.Context
	options *selftestOptions
	self    string
	seed    uint64 // of the next comparison
	plan    func(int) (compare.Plan, error)
	bar     *progressbar.ProgressBar
}

// one compares the program with itself, with more work planted in side b.
func (t *trial) one(c harness.Case, work string) (compare.Result, error) {
	launch := func(name string, args ...string) pairs.Launch {
		side := pairs.Program(name, t.self, args...)
		return func(ctx context.Context, settings []string, seed uint64) ([]record.Throughput, error) {
			return side.Launch(ctx, settings, t.options.profile, seed, t.options.timeout)
		}
	}
	b := launch("b")
	if work != "" {
		b = launch("b", "--plant", work)
	}
	s := pairs.Session{A: launch("a"), B: b, Cases: []harness.Case{c}, Plan: t.plan, Seed: t.seed}
	t.seed++
	_, compared, err := s.Run(t.ctx)
	if err != nil {
		return compare.Result{}, err
	}
	if compared[0].Lacks != "" {
		return compare.Result{}, errors.New(compared[0].Lacks)
	}
	if t.bar != nil {
		_ = t.bar.Add(1)
	}
	return compared[0].Result, nil
}

// apart is how far a ratio is from 1, either way.
func apart(ratio float64) float64 { return math.Max(ratio, 1/ratio) - 1 }

// test returns what comparisons of a case give, without and with work planted.
func (t *trial) test(run string, c harness.Case, plants []float64) (*record.Selftest, error) {
	s := &record.Selftest{Schema: record.Schema, Kind: record.KindSelftest, Run: run, Case: c, Pairs: t.options.pairs}
	var changes []float64
	for range t.options.aa {
		r, err := t.one(c, "")
		if err != nil {
			return nil, err
		}
		if r.Verdict == compare.Slower || r.Verdict == compare.Faster {
			s.Alarms++
		}
		s.Ratios = append(s.Ratios, r.Ratio)
		changes = append(changes, apart(r.Ratio))
	}
	slices.Sort(changes)
	s.Noise = stat.Quantile(0.95, stat.Empirical, changes, nil)
	if t.options.planted == 0 {
		return s, nil
	}
	for i, work := range plants {
		p := record.Plant{Work: work}
		for range t.options.planted {
			r, err := t.one(c, t.options.plants[i])
			if err != nil {
				return nil, err
			}
			if r.Verdict == compare.Slower {
				p.Found++
			}
			p.Ratios = append(p.Ratios, r.Ratio)
		}
		s.Plants = append(s.Plants, p)
	}
	return s, nil
}

// show prints rates with their intervals.
func (o *selftestOptions) show(cmd *cobra.Command, env machine.Environment, tests []*record.Selftest) error {
	w := cmd.OutOrStdout()
	if o.format == "table" {
		fmt.Fprintf(w, " %s · %d pairs a comparison · margin %s, alpha %s\n\n", env.CPU, o.pairs, o.margin, o.alpha)
	}
	t, err := report.NewTable(w, o.format == "md",
		report.Column{Name: "case", Width: 22, Left: true}, report.Column{Name: "planted", Width: 9}, report.Column{Name: "comparisons", Width: 13},
		report.Column{Name: "called", Width: 8}, report.Column{Name: "rate [95% interval]", Width: 24}, report.Column{Name: "median change", Width: 15})
	if err != nil {
		return err
	}
	row := func(c harness.Case, planted string, called int, ratios []float64) error {
		lo, hi := compare.Rate(called, len(ratios))
		sorted := slices.Sorted(slices.Values(ratios))
		median := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
		return t.Row(c.Update+" n="+axis.FormatInt(int64(c.N)), planted, strconv.Itoa(len(ratios)), strconv.Itoa(called),
			fmt.Sprintf("%.0f%% [%.1f%%, %.1f%%]", 100*float64(called)/float64(len(ratios)), 100*lo, 100*hi), fmt.Sprintf("%+.2f%%", 100*(median-1)))
	}
	for _, s := range tests {
		if err := row(s.Case, "nothing", s.Alarms, s.Ratios); err != nil {
			return err
		}
		for i, p := range s.Plants {
			if err := row(s.Case, o.plants[i], p.Found, p.Ratios); err != nil {
				return err
			}
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", indent("Called: slower or faster where nothing was planted, which is a false alarm; slower where work was.", o.format))
	for _, s := range tests {
		within := 0
		for _, r := range s.Ratios {
			if apart(r) <= s.Noise {
				within++
			}
		}
		fmt.Fprintln(w, indent(fmt.Sprintf("Noise floor of %s n=%s: ±%.1f%%, within which %d of %d comparisons of the program with itself stayed.",
			s.Case.Update, axis.FormatInt(int64(s.Case.N)), 100*s.Noise, within, len(s.Ratios)), o.format))
	}
	return nil
}

// indent sets a line off in a terminal, as tables are.
func indent(line, format string) string {
	if format != "table" {
		return line
	}
	return " " + report.Wrap(line, " ")
}

// command is how the self-test was asked for.
func (o *selftestOptions) command() string {
	words := []string{"optbench", "selftest"}
	for _, a := range o.axes {
		words = append(words, "-a", a)
	}
	words = append(words, "--aa", strconv.Itoa(o.aa), "--plant", strings.Join(o.plants, ","), "--planted", strconv.Itoa(o.planted),
		"--pairs", strconv.Itoa(o.pairs), "--margin", o.margin, "--alpha", o.alpha, "--profile", o.profile, "--seed", strconv.FormatUint(o.seed, 10))
	if o.out != "" {
		words = append(words, "-o", o.out)
	}
	return quoted(words)
}
