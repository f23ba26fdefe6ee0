package measure

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/record"
)

// A property of tasks by which runs are chosen.
type property struct {
	name  string
	value func(record.Task) string
}

var properties = []property{
	{"objective", func(t record.Task) string { return t.Objective }},
	{"dim", func(t record.Task) string { return strconv.Itoa(t.Dim) }},
	{"noise", func(t record.Task) string { return t.Noise }},
	{"batch", func(t record.Task) string { return strconv.Itoa(t.Batch) }},
	{"optimizer", func(t record.Task) string { return t.Optimizer }},
	{"lr", func(t record.Task) string { return strconv.FormatFloat(t.LR, 'g', -1, 64) }},
	{"schedule", func(t record.Task) string { return t.Schedule }},
	{"dtype", func(t record.Task) string { return t.DType }},
	{"backend", func(t record.Task) string { return t.Backend }},
	{"threads", func(t record.Task) string { return strconv.Itoa(t.Threads) }},
}

// Properties lists what [Where] can choose by.
func Properties() []string {
	var out []string
	for _, p := range properties {
		out = append(out, p.name)
	}
	return out
}

// Settings returns what the goal is, as name=value, by which goals can be told apart.
func (g Goal) Settings() []string {
	var out []string
	for _, p := range properties {
		out = append(out, p.name+"="+cmp.Or(p.value(g.Task), "none"))
	}
	out = append(out, "target="+strconv.FormatFloat(g.Target, 'g', -1, 64))
	if g.Budget == 0 {
		return append(out, fmt.Sprintf("budget=%vs", g.Limit))
	}
	return append(out, fmt.Sprintf("budget=%d", g.Budget))
}

// Where returns the runs whose tasks meet every condition. A condition is a property
// and its values, objective=diagonal,rosenbrock; a name stands for itself with any
// parameters, and numbers may be written in any form.
func Where(runs []record.Convergence, conditions ...string) ([]record.Convergence, error) {
	for _, condition := range conditions {
		name, values, ok := strings.Cut(condition, "=")
		at := slices.IndexFunc(properties, func(p property) bool { return p.name == name })
		if !ok || at < 0 {
			hint := ""
			if near := axis.Suggest(name, Properties()); ok && near != "" && near != name {
				hint = ", did you mean " + near + "?"
			}
			return nil, fmt.Errorf("condition %q%s want such as objective=NAME, with one of %s", condition, cmp.Or(hint, ","), strings.Join(Properties(), ", "))
		}
		var there []string // values of the property
		for _, r := range runs {
			if v := properties[at].value(r.Case); !slices.Contains(there, v) {
				there = append(there, v)
			}
		}
		var chosen []string
		for _, want := range strings.Split(values, ",") {
			n := len(chosen)
			for _, v := range there {
				if is(v, want) {
					chosen = append(chosen, v)
				}
			}
			if len(chosen) == n {
				hint := ""
				if near := axis.Suggest(want, there); near != "" {
					hint = fmt.Sprintf(", did you mean %s?", near)
				}
				slices.Sort(there)
				return nil, fmt.Errorf("no record has %s %q%s there are: %s", name, want, cmp.Or(hint, ","), list(there))
			}
		}
		runs = slices.DeleteFunc(slices.Clone(runs), func(r record.Convergence) bool {
			return !slices.Contains(chosen, properties[at].value(r.Case))
		})
	}
	return runs, nil
}

// is reports whether a value is the one that was written.
func is(value, want string) bool {
	if name, _, ok := strings.Cut(value, ":"); value == want || ok && name == want {
		return true
	}
	a, errA := strconv.ParseFloat(value, 64)
	b, errB := strconv.ParseFloat(want, 64)
	return errA == nil && errB == nil && a == b
}

// list names a few values, and how many more there are.
func list(values []string) string {
	const most = 10
	for i, v := range values {
		if v == "" {
			values[i] = `""`
		}
	}
	if n := len(values) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(values[:most], ", "), n)
	}
	return strings.Join(values, ", ")
}
