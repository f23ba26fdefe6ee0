package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

func newTable() *cobra.Command {
	var format, by, sort, kind string
	cmd := &cobra.Command{
		Use:   "table FILE...",
		Short: "Show recorded runs in any format",
		Long: `Show the records of files that optbench run, converge or claims wrote. Where a case was
measured in several launches its row is the median of theirs, and the interval is
between launches. Runs of an optimizer have a row per task, over all seeds; within an
objective the least expected running time (ERT) comes first.`,
		Example: `  optbench table results.jsonl
  optbench table results.jsonl --format md --sort ns/param
  optbench table results.jsonl --by backend        one column per backend
  optbench table old.jsonl new.jsonl --format benchfmt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("table: no file, want one or more that optbench run or converge -o wrote")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := readFiles(cmd.ErrOrStderr(), args)
			if err != nil {
				return err
			}
			if err := only(all, kind); err != nil {
				return err
			}
			noteLeftOut(cmd.ErrOrStderr(), all.Convergence, nil, format)
			return report.Show(cmd.OutOrStdout(), all, format, by, sort)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "table", oneOf("what to print", report.Formats))
	f.StringVar(&by, "by", "", "one column per value of an `axis`: "+strings.Join(report.Pivots(), " ")+";\nof convergence: optimizer")
	f.StringVar(&sort, "sort", "", "order rows by a `column`: "+strings.Join(report.SortKeys(), " ")+";\nof convergence: "+strings.Join(report.GroupSortKeys(), " "))
	f.StringVar(&kind, "kind", "", "show only records of a `kind`: "+strings.Join(kinds, " "))
	complete(cmd, "format", report.Formats...)
	complete(cmd, "by", report.Pivots()...)
	complete(cmd, "sort", append(report.SortKeys(), report.GroupSortKeys()...)...)
	complete(cmd, "kind", kinds...)
	return cmd
}

// kinds of measurements.
var kinds = []string{record.KindThroughput, record.KindConvergence, record.KindClaim}

// kindsOf are those of which a file has records.
func kindsOf(f *record.File) []string {
	n := map[string]int{record.KindThroughput: len(f.Throughput), record.KindConvergence: len(f.Convergence), record.KindClaim: len(f.Claims)}
	return slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return n[k] == 0 })
}

// only leaves the measurements of one kind in a file; all where there is none to choose.
func only(f *record.File, kind string) error {
	if kind == "" {
		return nil
	}
	if !slices.Contains(kinds, kind) {
		return harness.Unknown("kind", kind, kinds)
	}
	if has := kindsOf(f); len(has) > 0 && !slices.Contains(has, kind) {
		return fmt.Errorf("there are no records of kind %s, want --kind %s", kind, strings.Join(has, " or "))
	}
	if kind != record.KindThroughput {
		f.Throughput = nil
	}
	if kind != record.KindConvergence {
		f.Convergence = nil
	}
	if kind != record.KindClaim {
		f.Claims = nil
	}
	return nil
}

// readFiles reads files of records as one, and notes what was passed over.
func readFiles(stderr io.Writer, names []string) (*record.File, error) {
	all := new(record.File)
	from := map[string]string{} // file of each run
	for _, name := range names {
		f, err := record.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for _, n := range f.Notices {
			fmt.Fprintf(stderr, "note: %s\n", n)
		}
		for _, r := range f.Runs {
			if other, ok := from[r.ID]; ok {
				return nil, fmt.Errorf("%s: run %s is in %s too: its measurements would count twice", name, r.ID, other)
			}
			from[r.ID] = name
		}
		all.Runs = append(all.Runs, f.Runs...)
		all.Throughput = append(all.Throughput, f.Throughput...)
		all.Convergence = append(all.Convergence, f.Convergence...)
		all.Comparison = append(all.Comparison, f.Comparison...)
		all.Claims = append(all.Claims, f.Claims...)
		all.Selftest = append(all.Selftest, f.Selftest...)
	}
	return all, nil
}
