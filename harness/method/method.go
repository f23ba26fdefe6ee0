// Package method holds the optimizers that converge: every fused update, and the
// methods that are made of several gradients, updates and decisions per step.
//
// A method is one Go file: a struct of hyperparameters with its paper, what it does,
// and one define(...). Tags of the fields are those of hyperparameters, see
// [kernels.Params]. The learning rate is none of them: who runs the method sets it.
// Everything else that a paper lets follow from constants of the objective is a
// hyperparameter.
package method

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// A Method is an optimizer with its hyperparameters but for the learning rate.
type Method interface {
	kernels.Named
	// Room returns the bytes that the method keeps beside the point, or says why it
	// cannot minimise such a problem.
	Room(problem.Spec) (int64, error)
	// Start makes the method ready to minimise p from x, which it moves.
	Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error)
}

// A Stepper is a method at work.
type Stepper interface {
	// Evaluate computes what the next step goes by. It changes nothing else: for the
	// same step it may be called again.
	Evaluate(kernels.Step) error
	// Value returns the value, above the minimum and without noise, at the point
	// that the method would give out: the one that it moves, if it says nothing
	// else. It comes after Evaluate, and waits.
	Value() (float64, error)
	// Step moves the point.
	Step(kernels.Step) error
	// Cost is what all steps so far have cost. Values that are looked at have none.
	Cost() Cost
	// Kernels names what runs.
	Kernels() []string
	// State is what the next steps depend on besides the point, and whether that is
	// all: a method that keeps more cannot be taken up in the middle.
	State() ([]backend.Buffer, bool)
	Close() error
}

// Cost is what a run has spent.
type Cost struct {
	GradEvals int64 `json:"grad_evals"` // of the whole objective, or of one sample each
	Bytes     int64 `json:"bytes"`      // least memory traffic
}

// A Definition is a method by name, with what is needed to list and test it.
type Definition struct {
	Name   string
	Title  string   // one line: what it is
	Source string   // the paper
	Rate   float64  // the learning rate where nothing is known
	Cases  []Method // hyperparameters that tests must cover; Cases[0] is the default
	// Cubic says that a step takes time as the cube of the dimension: who asks for all
	// methods does not mean it.
	Cubic bool
}

var definitions []*Definition

// define adds the method that its cases, the default first, are of.
func define(title, source string, rate float64, cases ...Method) *Definition {
	d := &Definition{Name: cases[0].Name(), Title: title, Source: source, Rate: rate, Cases: cases}
	definitions = append(definitions, d)
	return d
}

// cubic marks a method whose steps take time as the cube of the dimension.
func cubic(d *Definition) *Definition {
	d.Cubic = true
	return d
}

// All returns the definition of every method that is no fused update, sorted by name.
func All() []*Definition {
	return slices.SortedFunc(slices.Values(definitions), func(a, b *Definition) int { return cmp.Compare(a.Name, b.Name) })
}

// Names lists the methods and the updates, sorted.
func Names() []string {
	names := kernels.Names()
	for _, d := range definitions {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return names
}

// Scalable lists those whose steps do not take time as the cube of the dimension.
func Scalable() []string {
	return slices.DeleteFunc(Names(), func(name string) bool {
		d := Find(name)
		return d != nil && d.Cubic
	})
}

// Find returns the definition of a method that is no fused update, or nil.
func Find(name string) *Definition {
	i := slices.IndexFunc(definitions, func(d *Definition) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return definitions[i]
}

// Parse returns the method that a text such as "pgd:radius=0.1" or "adam:beta2=0.99"
// names: a method or an update, then the hyperparameters that differ from its default.
func Parse(text string) (Method, error) {
	if name, _, _ := strings.Cut(text, ":"); kernels.Find(name) != nil {
		u, err := kernels.ParseAmong("optimizer", updates(), text)
		return Fused{Update: u, Threshold: 1}, err
	}
	return kernels.ParseAmong("optimizer", defaults(), text)
}

// Format returns the text that [Parse] turns into m.
func Format(m Method) string {
	if f, ok := m.(Fused); ok {
		return kernels.FormatAmong(updates(), f.Update)
	}
	return kernels.FormatAmong(defaults(), m)
}

// updates are what the name of an update alone means: its definition, but without
// weight decay, for it is the objective that is to be minimised.
func updates() []kernels.Update {
	var out []kernels.Update
	for _, d := range kernels.All() {
		u := d.Cases[0]
		if plain, err := kernels.With(u, "weight_decay", 0); err == nil {
			u = plain
		}
		out = append(out, u)
	}
	return out
}

// defaults are the methods that a name alone means.
func defaults() []Method {
	var out []Method
	for _, d := range All() {
		out = append(out, d.Cases[0])
	}
	return out
}

// Rate is the learning rate that a method has where none is chosen.
func Rate(m Method) (float64, error) {
	if f, ok := m.(Fused); ok {
		for _, p := range kernels.Params(f.Update) {
			if p.Name == "lr" {
				return strconv.ParseFloat(p.Value, 64)
			}
		}
	}
	for _, d := range definitions {
		if d.Name == m.Name() {
			return d.Rate, nil
		}
	}
	return 0, fmt.Errorf("%s has no learning rate of its own", m.Name())
}

// Stored returns m with its states stored in another way, if it can have them so.
func Stored(m Method, s *kernels.Storage) (Method, error) {
	if f, ok := m.(Fused); ok {
		f.Storage = s
		return f, nil
	}
	if s.Name != "f32" && s.Name != "f64" {
		return nil, fmt.Errorf("%s keeps its vectors as f32 or f64, not as %s", m.Name(), s.Name)
	}
	return m, nil
}
