package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/plot"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

func newHistory() *cobra.Command {
	var margin, alpha, format, picture string
	cmd := &cobra.Command{
		Use:   "history FOLDER",
		Short: "Find where recorded runs became slower or faster",
		Long: `Read all records (*.jsonl) below a folder, put the runs of each case and device in
order of time, and find where their times went over to another level: the place
where a t test finds most, if its p, adjusted for all places, is at most alpha and
the levels differ by the margin; then likewise on either side. A level has three
runs or more, so one run far off is no change. The launches of one command are one
run, their median. The same records give the same changes.`,
		Example: `  optbench history results/
  optbench history results/ --plot history.svg --format md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("history takes one folder, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := named(cmd, "plot"); err != nil {
				return err
			}
			if format != "table" && format != "md" {
				return harness.Unknown("format", format, []string{"table", "md"})
			}
			least, err := percentage("margin", margin)
			if err != nil {
				return err
			}
			p, err := percentage("alpha", alpha)
			if err != nil {
				return err
			}
			if picture != "" && figureFormat(picture) == "" {
				return fmt.Errorf("--plot is %q, want a name that ends in .%s", picture, strings.Join(plot.Formats, " or ."))
			}
			f, err := readFolder(cmd, args[0])
			if err != nil {
				return err
			}
			h := report.NewHistory(f, p, least)
			if picture != "" {
				if err := writeFigure(h.Figure(), picture); err != nil {
					return err
				}
			}
			return h.Show(cmd.OutOrStdout(), format == "md")
		},
	}
	f := cmd.Flags()
	f.StringVar(&margin, "margin", "2%", "least `change` of a level")
	f.StringVar(&alpha, "alpha", "0.1%", "`probability` of finding a change in a series without one")
	f.StringVar(&format, "format", "table", "what to print: table, md")
	f.StringVar(&picture, "plot", "", "draw the series to a `FILE`, whose name ends in ."+strings.Join(plot.Formats, " or ."))
	complete(cmd, "format", "table", "md")
	return cmd
}

// readFolder reads all records below a folder. A run that is in two files counts
// once.
func readFolder(cmd *cobra.Command, dir string) (*record.File, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("history: %s is no folder, want one with files that optbench run -o wrote", dir)
	}
	all := &record.File{}
	seen := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".jsonl" {
			return err
		}
		f, err := readNoted(cmd, path)
		if err != nil {
			return err
		}
		fresh := map[string]bool{}
		for _, r := range f.Runs {
			if !seen[r.ID] {
				all.Runs = append(all.Runs, r)
				seen[r.ID], fresh[r.ID] = true, true
			}
		}
		for _, t := range f.Throughput {
			if fresh[t.Run] {
				all.Throughput = append(all.Throughput, t)
			}
		}
		return nil
	})
	if err == nil && len(all.Throughput) == 0 {
		err = fmt.Errorf("history: %s holds no records of throughput in *.jsonl, want files that optbench run -o wrote", dir)
	}
	return all, err
}
