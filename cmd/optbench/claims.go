package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/claims"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/page"
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
	against string
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
  optbench claims --profile full -o claims.jsonl --resume
  optbench claims --against claims.jsonl
  optbench claims page claims.jsonl -o claims.md`,
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
	f.StringVar(&o.against, "against", "", "fail where a verdict is another than in `FILE`, of the same profile")
	cmd.AddCommand(newClaimsPage())
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
		return fmt.Errorf("--explain tells all of each claim in words, --format %s in its own way: want one of them", o.format)
	case o.resume && o.out == "":
		return fmt.Errorf("--resume needs the file to go on with, want -o FILE")
	}
	if err := named(cmd, "output", "against"); err != nil {
		return err
	}
	var before map[string]string
	if o.against != "" {
		if before, err = o.verdicts(cmd.ErrOrStderr(), list); err != nil {
			return err
		}
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
	return o.measure(cmd, r, list, before, env, rec)
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

func (o claimsOptions) measure(cmd *cobra.Command, r *claims.Runner, list []*claims.Claim, before map[string]string, env machine.Environment, rec *recorder) error {
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
	var changed []string
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
		if v := done.Record.Verdict; before != nil && before[done.Claim.ID] != v {
			changed = append(changed, fmt.Sprintf("%s is %s and was %s", done.Claim.ID, v, before[done.Claim.ID]))
		}
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
	case len(changed) > 0:
		return coded{exitRegression, fmt.Errorf("verdicts changed: %s", strings.Join(changed, ", "))}
	}
	return nil
}

// verdicts returns those of the file of --against, which must have all that is asked.
func (o claimsOptions) verdicts(stderr io.Writer, list []*claims.Claim) (map[string]string, error) {
	f, err := readFiles(stderr, []string{o.against})
	if err != nil {
		return nil, err
	}
	before := map[string]string{}
	for _, c := range f.Claims {
		if c.Profile == o.profile {
			before[c.ID] = c.Verdict
		}
	}
	for _, c := range list {
		if before[c.ID] == "" {
			return nil, coded{exitIncomplete, fmt.Errorf("%s has no verdict on %s of profile %s to compare with, want a file that optbench claims --profile %s -o wrote", o.against, c.ID, o.profile, o.profile)}
		}
	}
	return before, nil
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

func newClaimsPage() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "page FILE",
		Short: "Write recorded claims as a page with figures",
		Long: `Write the claims of a file as Markdown, and their figures as SVG into a folder beside
it that has its name without .md.`,
		Example: `  optbench claims --profile full -o claims.jsonl
  optbench claims page claims.jsonl -o claims.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("claims page: %d files, want one that optbench claims -o wrote", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if filepath.Ext(out) != ".md" {
				return fmt.Errorf("--output is %q, want a name that ends in .md", out)
			}
			f, err := readFiles(cmd.ErrOrStderr(), args)
			if err != nil {
				return err
			}
			return writePage(f, out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the `FILE` to write, whose name ends in .md")
	return cmd
}

// writePage writes the page and its figures.
func writePage(f *record.File, out string) error {
	var text bytes.Buffer
	folder := strings.TrimSuffix(out, ".md")
	figures, err := page.Write(&text, f, filepath.Base(folder))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	for _, figure := range figures {
		var svg bytes.Buffer
		if err := figure.Write(&svg, "svg"); err != nil {
			return coded{exitFailed, err}
		}
		if err := os.WriteFile(filepath.Join(folder, figure.Name), svg.Bytes(), 0o666); err != nil {
			return coded{exitFailed, fmt.Errorf("write the page: %w", err)}
		}
	}
	if err := os.WriteFile(out, text.Bytes(), 0o666); err != nil {
		return coded{exitFailed, fmt.Errorf("write the page: %w", err)}
	}
	return nil
}
