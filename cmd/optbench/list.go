package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/report"
	"github.com/optbench/optbench/kernels"
)

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [UPDATE]",
		Short: "List updates, dtypes, backends and axes; or the hyperparameters of an update",
		Example: `  optbench list
  optbench list adamw
  optbench list --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("list takes one update, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return kernels.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			l := listing()
			if len(args) == 1 {
				for _, u := range l.Updates {
					if u.Name == args[0] {
						l = list{Updates: []listedUpdate{u}}
						if asJSON {
							return json.NewEncoder(cmd.OutOrStdout()).Encode(u)
						}
						return u.print(cmd)
					}
				}
				return harness.Unknown("update", args[0], kernels.Names())
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(l)
			}
			return l.print(cmd)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// list is what optbench knows.
type list struct {
	Updates  []listedUpdate  `json:"updates"`
	DTypes   []listedDType   `json:"dtypes"`
	Backends []listedBackend `json:"backends"`
	Axes     []harness.Axis  `json:"axes"`
}

type listedUpdate struct {
	Name   string        `json:"name"`
	Title  string        `json:"title"`
	Source string        `json:"source"`
	Slots  []string      `json:"slots"`
	Bytes  int           `json:"bytes_per_param"`
	Params []listedParam `json:"hyperparameters"`
}

type listedParam struct {
	Name    string `json:"name"`
	Default string `json:"default"`
	Range   string `json:"range,omitempty"`
}

type listedDType struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

type listedBackend struct {
	Name    string `json:"name"`
	Missing string `json:"missing,omitempty"`
}

func listing() list {
	l := list{Axes: harness.Axes}
	for _, d := range kernels.All() {
		bytes, _ := kernels.Bytes(d.Cases[0], kernels.Float32, 1)
		u := listedUpdate{Name: d.Name, Title: d.Title, Source: d.Source, Bytes: bytes}
		for _, s := range d.Cases[0].Kernel().Slots {
			u.Slots = append(u.Slots, s.Name)
		}
		for _, p := range kernels.Params(d.Cases[0]) {
			u.Params = append(u.Params, listedParam{p.Name, p.Value, p.Range})
		}
		l.Updates = append(l.Updates, u)
	}
	for _, s := range kernels.Storages {
		l.DTypes = append(l.DTypes, listedDType{s.Name, s.Title})
	}
	for _, b := range backend.List() {
		l.Backends = append(l.Backends, listedBackend{b.Name, b.Missing})
	}
	return l
}

func (l list) print(cmd *cobra.Command) error {
	w := cmd.OutOrStdout()
	updates, err := report.NewTable(w, false, report.Column{Name: "update", Width: 16, Left: true},
		report.Column{Name: "", Width: 46, Left: true}, report.Column{Name: "bytes/param", Width: 13}, report.Column{Name: "slots", Width: 18, Left: true})
	if err != nil {
		return err
	}
	for _, u := range l.Updates {
		slots := u.Slots[0]
		for _, s := range u.Slots[1:] {
			slots += " " + s
		}
		if err := updates.Row(u.Name, u.Title, fmt.Sprint(u.Bytes), slots); err != nil {
			return err
		}
	}
	if err := updates.Close(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	dtypes, err := report.NewTable(w, false, report.Column{Name: "dtype", Width: 16, Left: true}, report.Column{Name: "", Width: 82, Left: true})
	if err != nil {
		return err
	}
	for _, d := range l.DTypes {
		if err := dtypes.Row(d.Name, d.Title); err != nil {
			return err
		}
	}
	if err := dtypes.Close(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	backends, err := report.NewTable(w, false, report.Column{Name: "backend", Width: 16, Left: true}, report.Column{Name: "", Width: 82, Left: true})
	if err != nil {
		return err
	}
	for _, b := range l.Backends {
		why := "available"
		if b.Missing != "" {
			why = "not here: " + b.Missing
		}
		if err := backends.Row(b.Name, why); err != nil {
			return err
		}
	}
	if err := backends.Close(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, a := range l.Axes {
		fmt.Fprintf(w, " -a %s=...\n      %s\n      default: %s\n", a.Name, a.Values, a.Default)
	}
	return nil
}

func (u listedUpdate) print(cmd *cobra.Command) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, " %s: %s (%s)\n\n", u.Name, u.Title, u.Source)
	t, err := report.NewTable(w, false, report.Column{Name: "hyperparameter", Width: 18, Left: true},
		report.Column{Name: "default", Width: 14}, report.Column{Name: "range", Width: 12, Left: true})
	if err != nil {
		return err
	}
	for _, p := range u.Params {
		if err := t.Row(p.Name, p.Default, p.Range); err != nil {
			return err
		}
	}
	return t.Close()
}
