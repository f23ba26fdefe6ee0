package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/plot"
	"github.com/optbench/optbench/harness/record"
)

// plotKinds are what can be drawn.
var plotKinds = []string{"curves", "profile", "ecdf", "lr", "speed"}

// plotOptions are the flags of optbench plot.
type plotOptions struct {
	out   string
	over  string
	value string
	where []string
}

// Values that optbench plot lr can draw.
var plotValues = []string{"ert", "final"}

func newPlot() *cobra.Command {
	var o plotOptions
	cmd := &cobra.Command{
		Use:   "plot " + strings.Join(plotKinds, "|") + " FILE...",
		Short: "Draw how optimizers converge, and how fast their updates are",
		Long: `Draw the records of files that optbench converge and run wrote, as SVG or PNG:

  curves    how values fall: the median over seeds, in a band from 10 % to 90 %;
            a panel for each objective
  profile   performance profile: on which share of the objectives an optimizer is
            within a ratio of the best
  ecdf      which share of runs and targets is reached at a cost
  lr        how much the learning rate matters: the cost to the target over it, or
            the final value
  speed     of optbench run: the time per parameter over their number, beside the
            limit; a panel for each backend and number of threads

Where an optimizer was run with several learning rates, curves, profile and ecdf have
the one of the least expected running time on each objective; lr has those of tuning.`,
		Example: `  optbench plot curves runs.jsonl -o curves.svg
  optbench plot curves runs.jsonl --over seconds --where objective=rosenbrock -o r.png
  optbench plot profile runs.jsonl -o profile.svg
  optbench plot lr runs.jsonl --value final --where optimizer=adam,lamb -o lr.svg
  optbench run -a n=1e3,1e4,1e5,1e6,1e7 -o run.jsonl
  optbench plot speed run.jsonl --where update=adamw,lamb -o speed.svg`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return fmt.Errorf("plot: nothing to draw, want one of %s and the files to draw it from", strings.Join(plotKinds, ", "))
			case !slices.Contains(plotKinds, args[0]):
				return harness.Unknown("plot", args[0], plotKinds)
			case len(args) == 1:
				return fmt.Errorf("plot %s: no file, want one or more that optbench %s -o wrote", args[0], writes(args[0]))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return plotKinds, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			changed := cmd.Flags().Changed
			if changed("over") && args[0] == "speed" {
				return fmt.Errorf("--over is for how optimizers converge, got plot speed, which draws seconds over parameters")
			}
			if changed("value") && args[0] != "lr" {
				return fmt.Errorf("--value is for plot lr, got plot %s", args[0])
			}
			if changed("over") && o.value == "final" {
				return fmt.Errorf("--over says which cost is drawn, and --value final draws none: want one of them")
			}
			return o.run(cmd.ErrOrStderr(), args[0], args[1:])
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "the `FILE` to write, whose name ends in ."+strings.Join(plot.Formats, " or ."))
	f.StringVar(&o.over, "over", string(measure.GradEvals), "the `cost` to draw: "+strings.Join(costNames(), " "))
	f.StringVar(&o.value, "value", plotValues[0], "what lr draws: ert (expected cost) or final")
	f.StringArrayVar(&o.where, "where", nil, "draw only what has these `property=values`:\n"+strings.Join(measure.Properties()[:6], " ")+"\n"+strings.Join(measure.Properties()[6:], " ")+"\nof speed: "+strings.Join(measure.CaseProperties(), " "))
	complete(cmd, "over", costNames()...)
	complete(cmd, "value", plotValues...)
	return cmd
}

// writes is the command whose records a kind of plot draws.
func writes(kind string) string {
	if kind == "speed" {
		return "run"
	}
	return "converge"
}

func costNames() []string {
	var out []string
	for _, c := range measure.Costs {
		out = append(out, string(c))
	}
	return out
}

func (o plotOptions) run(stderr io.Writer, kind string, files []string) error {
	switch {
	case o.out == "":
		return fmt.Errorf("plot: no output, want -o FILE with a name that ends in .%s", strings.Join(plot.Formats, " or ."))
	case figureFormat(o.out) == "":
		return fmt.Errorf("--output is %q, want a name that ends in .%s", o.out, strings.Join(plot.Formats, " or ."))
	case !slices.Contains(costNames(), o.over):
		return harness.Unknown("cost", o.over, costNames())
	case !slices.Contains(plotValues, o.value):
		return harness.Unknown("value", o.value, plotValues)
	}
	all, err := readFiles(stderr, files)
	if err != nil {
		return err
	}
	if kind == "speed" {
		if len(all.Throughput) == 0 {
			return fmt.Errorf("%s: no records of throughput, want a file that optbench run -o wrote", strings.Join(files, ", "))
		}
		measured, err := measure.WhereCase(all.Throughput, o.where...)
		if err != nil {
			return err
		}
		figure, err := plot.Speed(measured)
		if err != nil {
			return err
		}
		return writeFigure(figure, o.out)
	}
	if len(all.Convergence) == 0 {
		return fmt.Errorf("%s: no records of convergence, want a file that optbench converge -o wrote", strings.Join(files, ", "))
	}
	runs, err := measure.Where(all.Convergence, o.where...)
	if err != nil {
		return err
	}
	figure, err := o.figure(stderr, kind, runs)
	if err != nil {
		return err
	}
	return writeFigure(figure, o.out)
}

// figureFormat is the format of a figure that is written to a file of that name; "" is
// none.
func figureFormat(name string) string {
	format := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	if !slices.Contains(plot.Formats, format) {
		return ""
	}
	return format
}

func writeFigure(f *plot.Figure, name string) error {
	var b bytes.Buffer
	if err := f.Write(&b, figureFormat(name)); err != nil {
		return coded{exitFailed, err}
	}
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	_, err = file.Write(b.Bytes())
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return coded{exitFailed, fmt.Errorf("write the plot: %w", err)}
	}
	return nil
}

func (o plotOptions) figure(stderr io.Writer, kind string, runs []record.Convergence) (*plot.Figure, error) {
	over := measure.Cost(o.over)
	if kind == "lr" {
		if o.value == "final" {
			return plot.LRFinal(measure.Sweeps(runs))
		}
		return plot.LR(measure.Sweeps(runs), over)
	}
	groups := measure.Groups(runs)
	if len(groups) == 0 {
		return nil, fmt.Errorf("the runs served for tuning alone, which plot lr draws; want some that were made with what it chose")
	}
	if kind == "curves" {
		return plot.Curves(groups, over)
	}
	c := measure.Compare(groups)
	if n := len(c.LeftOut); n > 0 && len(c.Problems) > 0 {
		fmt.Fprintf(stderr, "note: left out for not being given to every optimizer: %d of %d objectives\n", n, n+len(c.Problems))
	}
	if kind == "profile" {
		return plot.Profile(c, over)
	}
	return plot.ECDF(c, over)
}
