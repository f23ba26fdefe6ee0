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

// A property of what was measured, by which records are chosen.
type property[T any] struct {
	name  string
	value func(T) string
}

var properties = []property[record.Task]{
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

var caseProperties = []property[record.Case]{
	{"update", func(c record.Case) string { return c.Update }},
	{"n", func(c record.Case) string { return strconv.Itoa(c.N) }},
	{"tensors", func(c record.Case) string { return strconv.Itoa(c.Tensors) }},
	{"model", func(c record.Case) string { return c.Model }},
	{"dtype", func(c record.Case) string { return c.DType }},
	{"backend", func(c record.Case) string { return c.Backend }},
	{"threads", func(c record.Case) string { return strconv.Itoa(c.Threads) }},
	{"cache", func(c record.Case) string { return c.Cache }},
}

// Properties lists what [Where] can choose by.
func Properties() []string { return names(properties) }

// CaseProperties lists what [WhereCase] can choose by.
func CaseProperties() []string { return names(caseProperties) }

func names[T any](properties []property[T]) []string {
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
	return choose(runs, func(r record.Convergence) record.Task { return r.Case }, properties, conditions)
}

// WhereCase is [Where] for measurements of throughput: update=adam,lamb.
func WhereCase(measured []record.Throughput, conditions ...string) ([]record.Throughput, error) {
	return choose(measured, func(t record.Throughput) record.Case { return t.Case }, caseProperties, conditions)
}

func choose[R, T any](records []R, of func(R) T, properties []property[T], conditions []string) ([]R, error) {
	for _, condition := range conditions {
		name, values, ok := strings.Cut(condition, "=")
		at := slices.IndexFunc(properties, func(p property[T]) bool { return p.name == name })
		if !ok || at < 0 {
			hint := ""
			if near := axis.Suggest(name, names(properties)); ok && near != "" && near != name {
				hint = ", did you mean " + near + "?"
			}
			return nil, fmt.Errorf("condition %q%s want such as %s=NAME, with one of %s", condition, cmp.Or(hint, ","), properties[0].name, strings.Join(names(properties), ", "))
		}
		var there []string // values of the property
		for _, r := range records {
			if v := properties[at].value(of(r)); !slices.Contains(there, v) {
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
		records = slices.DeleteFunc(slices.Clone(records), func(r R) bool {
			return !slices.Contains(chosen, properties[at].value(of(r)))
		})
	}
	return records, nil
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
