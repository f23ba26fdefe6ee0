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
	profile string
	seed    uint64
	workers int
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
		Long: `Test claims of the theory of optimizers, all of them or those named: what theory
says, beside what is measured with its 95 % interval, and a verdict by a rule that was
fixed before.

  CONFIRMED            the interval holds what theory says
  CONSISTENT           a bound is respected, which no measurement can confirm
  BOUND ONLY           a bound, or an open question, that nothing was measured of
  REFUTED AS PRINTED   the lecture's form does not hold, and the corrected one does
  INCONCLUSIVE         the interval is too wide, or neither form fits
  REFUTED              the interval excludes what theory says

Claims C.. are of the lecture, E.. its errata. Designs and tolerances are part of the
program; seeds follow from the ID and the seed set, and the same set gives the same
bits for any number of workers. A verdict does not change the exit code.`,
		Example: `  optbench claims
  optbench claims C07 E1 --explain
  optbench claims --profile full -o claims.jsonl
  optbench claims --profile full -o claims.jsonl --resume
  optbench claims --seed 2                         the second, disjoint set of seeds`,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
		ValidArgsFunction: cobra.FixedCompletions(claims.IDs(), cobra.ShellCompDirectiveNoFileComp),
	}
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", claims.Profiles[0], oneOf("how much to measure", claims.Profiles))
	f.Uint64Var(&o.seed, "seed", 1, "the `set` of seeds; no two sets share any")
	f.IntVar(&o.workers, "workers", 0, "runs side by side, `N`; 0 for as many as the process may use")
	f.StringVarP(&o.out, "output", "o", "", "append records to `FILE`, as JSON Lines")
	f.BoolVar(&o.resume, "resume", false, "go on with what is in the file of -o: claims that it has are not tested again")
	f.StringVar(&o.format, "format", "table", oneOf("what to print", report.ClaimFormats))
	f.BoolVar(&o.explain, "explain", false, "print all that is known of each claim in place of a table")
	complete(cmd, "profile", claims.Profiles...)
	complete(cmd, "format", report.ClaimFormats...)
	return cmd
}

// chosen returns the claims that are named, or all.
func chosen(ids []string) ([]*claims.Claim, error) {
	if len(ids) == 0 {
		return claims.All(), nil
	}
	var out []*claims.Claim
	for _, id := range ids {
		c := claims.Find(claimID(id))
		if c == nil {
			return nil, harness.Unknown("claim", id, claims.IDs())
		}
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// claimID writes an ID as claims have it: c07B is C07b.
func claimID(id string) string {
	if id == "" {
		return ""
	}
	return strings.ToUpper(id[:1]) + strings.ToLower(id[1:])
}

func (o claimsOptions) run(cmd *cobra.Command, ids []string) (err error) {
	list, err := chosen(ids)
	if err != nil {
		return err
	}
	env := machine.Capture()
	switch {
	case !slices.Contains(claims.Profiles, o.profile):
		return harness.Unknown("profile", o.profile, claims.Profiles)
	case !slices.Contains(report.ClaimFormats, o.format):
		return harness.Unknown("format", o.format, report.ClaimFormats)
	case o.explain && o.format != "table":
		return fmt.Errorf("--explain is for a terminal, want it without --format %s, which says as much", o.format)
	case o.workers < 0 || o.workers > math.MaxInt16:
		return fmt.Errorf("--workers is %d, want 0 to %d", o.workers, math.MaxInt16)
	case o.resume && o.out == "":
		return fmt.Errorf("--resume needs the file to go on with, want -o FILE")
	}
	if err := named(cmd, "output"); err != nil {
		return err
	}
	r := &claims.Runner{Run: record.NewID(), Profile: o.profile, Seed: o.seed, Workers: o.workers}
	if r.Workers == 0 {
		r.Workers = env.UsableThreads
	}
	if o.resume {
		if r.Done, err = o.known(); err != nil {
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
	return o.test(cmd, r, list, env, rec, ids)
}

// known returns the claims that the file has.
func (o claimsOptions) known() (map[claims.Key]*record.Claim, error) {
	if _, err := os.Stat(o.out); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	f, err := record.ReadFile(o.out)
	if err != nil {
		return nil, err
	}
	out := map[claims.Key]*record.Claim{}
	for i := range f.Claims {
		out[claims.KeyOf(&f.Claims[i])] = &f.Claims[i]
	}
	return out, nil
}

func (o claimsOptions) test(cmd *cobra.Command, r *claims.Runner, list []*claims.Claim, env machine.Environment, rec *recorder, ids []string) error {
	if rec.file != nil {
		start := &record.Run{
			Schema: record.Schema, Kind: record.KindRun, ID: r.Run, Time: time.Now().UTC().Format(time.RFC3339),
			Command: o.command(ids), Version: release, Commit: commitID(), Profile: o.profile, Seed: o.seed, Environment: env,
		}
		if err := rec.file.Write(start); err != nil {
			return coded{exitFailed, err}
		}
	}
	rec.progress(len(list), "testing claims")
	var shown []record.Claim
	var failed error
	err := r.All(cmd.Context(), list, func(out claims.Outcome) error {
		if rec.bar != nil {
			_ = rec.bar.Add(1)
		}
		if out.Err != nil {
			failed = errors.Join(failed, out.Err)
			return nil
		}
		shown = append(shown, *out.Record)
		if rec.file != nil && out.Record.Run == r.Run {
			if err := rec.file.Write(out.Record); err != nil {
				return coded{exitFailed, err}
			}
		}
		return nil
	})
	if e := rec.finish(); e != nil {
		return e
	}
	place := func(c record.Claim) int {
		return slices.IndexFunc(list, func(l *claims.Claim) bool { return l.ID == c.ID })
	}
	slices.SortFunc(shown, func(a, b record.Claim) int { return cmp.Compare(place(a), place(b)) })
	if len(shown) > 0 {
		show := func() error { return report.Claims(cmd.OutOrStdout(), o.format, shown) }
		if o.explain {
			show = func() error { return report.Explain(cmd.OutOrStdout(), shown) }
		}
		if e := show(); e != nil {
			return coded{exitFailed, fmt.Errorf("print: %w", e)}
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		kept := ""
		if rec.file != nil {
			kept = "; they are kept, and --resume goes on"
		}
		return coded{exitIncomplete, fmt.Errorf("interrupted: %d of %d claims finished%s", len(shown), len(list), kept)}
	case err != nil:
		return err
	case failed != nil:
		return coded{exitFailed, failed}
	}
	return nil
}

// command is how the run was asked for, without the path of the program.
func (o claimsOptions) command(ids []string) string {
	words := append([]string{"optbench", "claims"}, ids...)
	words = append(words, "--profile", o.profile, "--seed", strconv.FormatUint(o.seed, 10))
	if o.out != "" {
		words = append(words, "-o", o.out)
	}
	return quoted(words)
}
