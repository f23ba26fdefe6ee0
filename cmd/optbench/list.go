package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/converge"
	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/harness/report"
	"github.com/optbench/optbench/kernels"
)

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [NAME]",
		Short: "List updates, methods, objectives, noise, dtypes, backends and axes; or what one is",
		Example: `  optbench list
  optbench list adamw
  optbench list pgd
  optbench list rosenbrock
  optbench list --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("list takes one name, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return listing().names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			l := listing()
			if len(args) == 1 {
				return l.one(cmd, args[0], asJSON)
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
	Updates    []listedUpdate    `json:"updates"`
	Methods    []listed          `json:"methods"`
	Objectives []listedObjective `json:"objectives"`
	Noises     []listed          `json:"noises"`
	DTypes     []listedDType     `json:"dtypes"`
	Backends   []listedBackend   `json:"backends"`
	Axes       []harness.Axis    `json:"axes"`          // of run
	Converge   []harness.Axis    `json:"converge_axes"` // of converge
}

// listed is what definitions of any kind have.
type listed struct {
	Name   string        `json:"name"`
	Title  string        `json:"title"`
	Source string        `json:"source"`
	Params []listedParam `json:"hyperparameters"`
}

type listedUpdate struct {
	listed
	Slots []string `json:"slots"`
	Bytes int      `json:"bytes_per_param"`
}

type listedObjective struct {
	listed
	Host bool `json:"host"` // computed there, whatever the backend
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

func newListed(name, title, source string, usual any) listed {
	l := listed{Name: name, Title: title, Source: source}
	for _, p := range kernels.Params(usual) {
		l.Params = append(l.Params, listedParam{p.Name, p.Value, p.Range})
	}
	return l
}

func listing() list {
	l := list{Axes: harness.Axes, Converge: converge.Axes}
	for _, d := range kernels.All() {
		bytes, _ := kernels.Bytes(d.Cases[0], kernels.Float32, 1)
		u := listedUpdate{listed: newListed(d.Name, d.Title, d.Source, d.Cases[0]), Bytes: bytes}
		for _, s := range d.Cases[0].Kernel().Slots {
			u.Slots = append(u.Slots, s.Name)
		}
		l.Updates = append(l.Updates, u)
	}
	for _, d := range method.All() {
		l.Methods = append(l.Methods, newListed(d.Name, d.Title, d.Source, d.Cases[0]))
	}
	for _, d := range kernels.Objectives() {
		l.Objectives = append(l.Objectives, listedObjective{newListed(d.Name, d.Title, d.Source, d.Cases[0]), false})
	}
	for _, d := range dense.All() {
		l.Objectives = append(l.Objectives, listedObjective{newListed(d.Name, d.Title, d.Source, d.Cases[0]), true})
	}
	slices.SortFunc(l.Objectives, func(a, b listedObjective) int { return cmp.Compare(a.Name, b.Name) })
	for _, d := range kernels.Noises() {
		l.Noises = append(l.Noises, newListed(d.Name, d.Title, d.Source, d.Cases[0]))
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
	names := func(title string, rows [][]string) error {
		wide := 16
		for _, row := range rows {
			wide = max(wide, len(row[0])+2)
		}
		columns := []report.Column{{Name: title, Width: wide, Left: true}, {Width: 98 - wide, Left: true}}
		if len(rows) > 0 && len(rows[0]) > 2 {
			columns[1].Width = 70
			columns = append(columns, report.Column{Name: "runs on", Width: 13, Left: true})
		}
		fmt.Fprintln(w)
		t, err := report.NewTable(w, false, columns...)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := t.Row(row...); err != nil {
				return err
			}
		}
		return t.Close()
	}
	var methods, objectives, noises, dtypes, backends [][]string
	for _, m := range l.Methods {
		methods = append(methods, []string{m.Name, m.Title})
	}
	for _, o := range l.Objectives {
		where := "any backend"
		if o.Host {
			where = "the host"
		}
		objectives = append(objectives, []string{o.Name, o.Title, where})
	}
	for _, n := range l.Noises {
		noises = append(noises, []string{n.Name, n.Title})
	}
	for _, d := range l.DTypes {
		dtypes = append(dtypes, []string{d.Name, d.Title})
	}
	for _, b := range l.Backends {
		why := "available"
		if b.Missing != "" {
			why = "not here: " + b.Missing
		}
		backends = append(backends, []string{b.Name, why})
	}
	if err := errors.Join(names("method", methods), names("objective", objectives), names("noise", noises), names("dtype", dtypes), names("backend", backends)); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, part := range []struct {
		of   string
		axes []harness.Axis
	}{{"run, ab and selftest", l.Axes}, {"converge", l.Converge}} {
		fmt.Fprintf(w, " axes of %s\n\n", part.of)
		for _, a := range part.axes {
			const indent = "      "
			fmt.Fprintf(w, " -a %s=...\n%s%s\n%s%s\n", a.Name,
				indent, report.Wrap(a.Values, indent), indent, report.Wrap("default: "+a.Default, indent))
		}
		fmt.Fprintln(w)
	}
	return nil
}

// A definition is one of those that have a name to ask for.
type definition interface {
	name() string
	print(*cobra.Command) error
}

func (l list) definitions() []definition {
	var out []definition
	for _, u := range l.Updates {
		out = append(out, u)
	}
	for _, m := range l.Methods {
		out = append(out, m)
	}
	for _, o := range l.Objectives {
		out = append(out, o)
	}
	for _, n := range l.Noises {
		out = append(out, n)
	}
	return out
}

func (l list) names() []string {
	var names []string
	for _, d := range l.definitions() {
		names = append(names, d.name())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// one prints what has a name: an objective and a noise law may share theirs.
func (l list) one(cmd *cobra.Command, name string, asJSON bool) error {
	found := slices.DeleteFunc(l.definitions(), func(d definition) bool { return d.name() != name })
	if len(found) == 0 {
		return harness.Unknown("name", name, l.names())
	}
	for _, d := range found {
		show := func() error { return d.print(cmd) }
		if asJSON {
			show = func() error { return json.NewEncoder(cmd.OutOrStdout()).Encode(d) }
		}
		if err := show(); err != nil {
			return err
		}
	}
	return nil
}

func (l listed) name() string { return l.Name }

func (l listed) print(cmd *cobra.Command) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, " %s: %s (%s)\n", l.Name, l.Title, l.Source)
	if len(l.Params) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t, err := report.NewTable(w, false, report.Column{Name: "hyperparameter", Width: 18, Left: true},
		report.Column{Name: "default", Width: 14}, report.Column{Name: "range", Width: 24, Left: true})
	if err != nil {
		return err
	}
	for _, p := range l.Params {
		if err := t.Row(p.Name, p.Default, p.Range); err != nil {
			return err
		}
	}
	return t.Close()
}
