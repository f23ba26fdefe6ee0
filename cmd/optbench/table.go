package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

func newTable() *cobra.Command {
	var format, by, sort string
	cmd := &cobra.Command{
		Use:   "table FILE...",
		Short: "Show recorded runs in any format",
		Long: `Show the records of files that optbench run wrote. Where a case was measured in
several launches its row is the median of theirs, and the interval is between
launches.`,
		Example: `  optbench table results.jsonl
  optbench table results.jsonl --format md --sort ns/param
  optbench table results.jsonl --by backend        one column per backend
  optbench table old.jsonl new.jsonl --format benchfmt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("table: no file, want one or more that optbench run -o wrote")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var all record.File
			from := map[string]string{} // file of each run
			for _, name := range args {
				f, err := record.ReadFile(name)
				if err != nil {
					return err
				}
				for _, n := range f.Notices {
					fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", n)
				}
				for _, r := range f.Runs {
					if other, ok := from[r.ID]; ok {
						return fmt.Errorf("%s: run %s is in %s too: its measurements would count twice", name, r.ID, other)
					}
					from[r.ID] = name
				}
				all.Runs = append(all.Runs, f.Runs...)
				all.Throughput = append(all.Throughput, f.Throughput...)
			}
			if err := report.Show(cmd.OutOrStdout(), &all, format, by, sort); err != nil {
				return err
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "table", "what to print: "+strings.Join(report.Formats, ", "))
	f.StringVar(&by, "by", "", "one column per value of an `axis`: "+strings.Join(report.Pivots(), " "))
	f.StringVar(&sort, "sort", "", "order rows by a `column`: "+strings.Join(report.SortKeys(), " "))
	complete(cmd, "format", report.Formats...)
	complete(cmd, "by", report.Pivots()...)
	complete(cmd, "sort", report.SortKeys()...)
	return cmd
}
