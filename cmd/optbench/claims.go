package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/claims"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

// claimsOptions are the flags of optbench claims.
type claimsOptions struct {
	ids     []string
	profile string
	seed    uint64
	out     string
	resume  bool
	format  string
	explain bool
}

func newClaims() *cobra.Command {
	var o claimsOptions
	cmd := &cobra.Command{
		Use:   "claims [ID...]",
		Short: "What theory claims of optimizers, beside what is measured",
		Long: `Run experiments whose design, seeds and rule of judgement were fixed before: what
theory says beside what was measured, with its 95 % interval, and a verdict. Numbers
without a letter stand for all claims that share them; none stand for all claims.

A verdict is CONFIRMED, CONSISTENT with an upper bound, REFUTED, REFUTED AS PRINTED
where a corrected form is confirmed, INCONCLUSIVE where the interval is too wide, or
BOUND ONLY where no experiment could tell.

The same seed set gives the same figures, for any number of threads.`,
		Example: `  optbench claims
  optbench claims C07 --explain
  optbench claims C01 C02 --profile full
  optbench claims --profile full -o claims.jsonl --resume`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ids = args
			return o.run(cmd)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, c := range claims.All() {
				ids = append(ids, c.ID+"\t"+c.Statement)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", claims.Profiles[0], oneOf("size of the experiments", claims.Profiles))
	f.Uint64Var(&o.seed, "seed", 1, "the `set` of seeds: sets are disjoint")
	f.StringVarP(&o.out, "output", "o", "", "append records to `FILE`, as JSON Lines")
	f.BoolVar(&o.resume, "resume", false, "go on with what is in the file of -o: claims that it has are not run again")
	f.StringVar(&o.format, "format", "table", oneOf("what to print", report.ClaimFormats))
	f.BoolVar(&o.explain, "explain", false, "tell all of each claim, in place of a row")
	complete(cmd, "profile", claims.Profiles...)
	complete(cmd, "format", report.ClaimFormats...)
	return cmd
}

func (o claimsOptions) run(cmd *cobra.Command) (err error) {
	list, err := claims.Find(o.ids...)
	if err != nil {
		return err
	}
	switch {
	case !slices.Contains(claims.Profiles, o.profile):
		return harness.Unknown("profile", o.profile, claims.Profiles)
	case !slices.Contains(report.ClaimFormats, o.format):
		return harness.Unknown("format", o.format, report.ClaimFormats)
	case o.explain && o.format != "table":
		return fmt.Errorf("--explain is for terminals, and --format %s tells all: want one of them", o.format)
	case o.resume && o.out == "":
		return fmt.Errorf("--resume needs the file to go on with, want -o FILE")
	}
	if err := named(cmd, "output"); err != nil {
		return err
	}
	env := machine.Capture()
	r := &claims.Runner{Run: record.NewID(), Profile: o.profile, SeedSet: o.seed, Workers: env.UsableThreads}
	if o.resume {
		if err := o.takeUp(r, list); err != nil {
			return err
		}
	}
	rec := &recorder{stderr: cmd.ErrOrStderr()}
	if o.out != "" {
		if rec.file, err = record.OpenWriter(o.out); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, rec.close()) }()
	return o.measure(cmd, r, list, env, rec)
}

// takeUp lets the runner know what is in the file.
func (o claimsOptions) takeUp(r *claims.Runner, list []*claims.Claim) error {
	if _, err := os.Stat(o.out); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	f, err := record.ReadFile(o.out)
	if err != nil {
		return err
	}
	r.Done = map[string]*record.Claim{}
	for i := range f.Claims {
		for _, c := range list {
			if r.Matches(c, &f.Claims[i]) {
				r.Done[c.ID] = &f.Claims[i]
			}
		}
	}
	return nil
}

func (o claimsOptions) measure(cmd *cobra.Command, r *claims.Runner, list []*claims.Claim, env machine.Environment, rec *recorder) error {
	start := &record.Run{
		Schema: record.Schema, Kind: record.KindRun, ID: r.Run, Time: time.Now().UTC().Format(time.RFC3339),
		Command: o.command(), Version: release, Commit: commitID(), Profile: o.profile, Seed: o.seed, Environment: env,
	}
	if rec.file != nil {
		if err := rec.file.Write(start); err != nil {
			return coded{exitFailed, err}
		}
	}
	out, err := report.NewClaims(cmd.OutOrStdout(), o.format, o.explain)
	if err != nil {
		return err
	}
	if err := out.Run(start); err != nil {
		return coded{exitFailed, err}
	}
	rec.progress(len(list), "claims")
	var failed error
	finished := 0
	err = r.All(cmd.Context(), list, func(done claims.Outcome) error {
		switch {
		case done.Interrupted():
			return nil
		case done.Err != nil:
			failed = errors.Join(failed, done.Err)
			rec.note(done.Err.Error())
			return nil
		}
		finished++
		if rec.file != nil && done.Record.Run == r.Run {
			if err := rec.file.Write(done.Record); err != nil {
				return coded{exitFailed, err}
			}
		}
		if err := rec.quiet(func() error { return out.Write(done.Record) }); err != nil {
			return coded{exitFailed, fmt.Errorf("print: %w", err)}
		}
		if rec.bar != nil {
			_ = rec.bar.Add(1)
		}
		return nil
	})
	if e := rec.finish(); e != nil {
		return e
	}
	if e := out.Close(); e != nil {
		return coded{exitFailed, fmt.Errorf("print: %w", e)}
	}
	switch {
	case errors.Is(err, context.Canceled):
		kept := ""
		if rec.file != nil {
			kept = "; they are kept, and --resume goes on"
		}
		return coded{exitIncomplete, fmt.Errorf("interrupted: %d of %d claims finished%s", finished, len(list), kept)}
	case err != nil:
		return err
	case failed != nil:
		return coded{exitFailed, failed}
	}
	return nil
}

// command is how the run was asked for, without the path of the program.
func (o claimsOptions) command() string {
	words := append([]string{"optbench", "claims"}, o.ids...)
	words = append(words, "--profile", o.profile, "--seed", strconv.FormatUint(o.seed, 10))
	if o.out != "" {
		words = append(words, "-o", o.out)
	}
	return quoted(words)
}
