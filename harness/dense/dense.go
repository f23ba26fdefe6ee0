// Package dense defines the objectives that are made of matrices or of data:
// rotated quadratics, regressions on synthetic examples, factorisations and
// networks. They run on the CPU in float32 or float64, on gonum's BLAS.
//
// An objective is one Go file: a struct of parameters with its paper, its [Spec],
// and what computes its value and gradient. What elementwise and stencil loops can
// express is a definition of package kernels instead, and runs on any backend.
//
// Everything drawn (data, spectra, first points) depends on a seed alone, and is a
// float32 in either type: both have the same minimum. A result has the same bits
// for any number of processors, though not on every architecture. Values are
// summed in float64.
package dense

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/optbench/optbench/kernels"
)

// A Spec is an objective with its parameters, a struct such as [Rotated]. Tags of
// its fields are those of hyperparameters, see [kernels.Params].
type Spec interface {
	// Name is the name of the definition: "rotated".
	Name() string
	// Dim returns the dimension nearest to n that the objective can have. That of
	// a network follows from its widths.
	Dim(n int) int
	// Numbers returns about how many float32 numbers the objective has room for in
	// that dimension, at the most, so that a caller can tell beforehand whether it
	// fits. In float64 it takes at most twice the bytes.
	Numbers(dim int) float64
}

// An Objective is what a [Spec] becomes in one dimension, from one seed. One
// goroutine at a time uses it. Vectors have its dimension and do not overlap.
type Objective[T kernels.Real] interface {
	// Sizes returns the sizes of the parameter tensors, whose sum is the dimension.
	Sizes() []int
	// Start sets x to the first point of a run, which depends on seed and on the
	// objective.
	Start(x []T, seed uint64)
	// Minimum returns the least value. Where it has no closed form the first call
	// computes it, to all digits of a float64, which may take as long as some
	// hundred gradients.
	Minimum() float64
	// Value returns the whole objective at x.
	Value(x []T) float64
	// Gradient sets g to the gradient at x over the batch of s and returns the
	// value over that batch.
	Gradient(x, g []T, s Sample) float64
	// Facts returns what is known of the objective.
	Facts() Facts
}

// A Curved objective has products of its Hessian, exact but for rounding.
type Curved[T kernels.Real] interface {
	Objective[T]
	// HessianVector sets out to the Hessian at x, over the batch of s, times d.
	HessianVector(x, d, out []T, s Sample)
}

// A Sample says which batch of examples a gradient is over. The same sample is
// the same batch at any point. Batches are drawn with replacement, independently
// for every Seed and Index: the noise of a gradient is that of one example,
// averaged over Batch. Objectives without examples take no notice.
type Sample struct {
	Seed, Index uint64
	Batch       int // 0 or less for the whole objective
}

// Facts are constants of an objective, 0 where they are not known.
type Facts struct {
	// Lipschitz is the constant of the gradient; where there is none for all
	// points, that for points whose value is at most the first one's.
	Lipschitz float64
	// StrongConvexity is the least eigenvalue of any Hessian, if above zero.
	StrongConvexity float64
}

// A Definition is an objective by name, with what is needed to list and test it.
type Definition struct {
	Name   string
	Title  string // one line: what it is
	Source string // the paper
	Cases  []Spec // parameters that tests must cover; Cases[0] is the default
	// Examples says that gradients are over examples, and so over batches of them.
	Examples bool

	new32 func(s Spec, dim int, seed uint64) Objective[float32]
	new64 func(s Spec, dim int, seed uint64) Objective[float64]
}

var definitions []*Definition

// Whether an objective has examples.
const (
	alone   = false
	sampled = true
)

// define adds the objective that the two instances of its constructor make. They
// may take for granted that the parameters and the dimension have been checked.
func define[S Spec](title, source string, examples bool, new32 func(S, int, uint64) Objective[float32], new64 func(S, int, uint64) Objective[float64], cases ...S) *Definition {
	d := &Definition{
		Name: cases[0].Name(), Title: title, Source: source, Examples: examples,
		new32: func(s Spec, dim int, seed uint64) Objective[float32] { return new32(s.(S), dim, seed) },
		new64: func(s Spec, dim int, seed uint64) Objective[float64] { return new64(s.(S), dim, seed) },
	}
	for _, c := range cases {
		d.Cases = append(d.Cases, c)
	}
	definitions = append(definitions, d)
	return d
}

// All returns every definition, sorted by name.
func All() []*Definition {
	return slices.SortedFunc(slices.Values(definitions), func(a, b *Definition) int { return cmp.Compare(a.Name, b.Name) })
}

// Names returns the names of every definition, sorted.
func Names() []string {
	var names []string
	for _, d := range All() {
		names = append(names, d.Name)
	}
	return names
}

// Find returns the definition of that name, or nil.
func Find(name string) *Definition {
	i := slices.IndexFunc(definitions, func(d *Definition) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return definitions[i]
}

// Parse returns the objective that a text such as "mlp" or "mlp:layers=3:norm=true"
// names: a definition's name, then the parameters that differ from its default.
func Parse(text string) (Spec, error) { return kernels.ParseAmong("objective", defaults(), text) }

// Format returns the text that [Parse] turns into s.
func Format(s Spec) string { return kernels.FormatAmong(defaults(), s) }

func defaults() []Spec {
	var out []Spec
	for _, d := range All() {
		out = append(out, d.Cases[0])
	}
	return out
}

// New draws what s needs from seed and makes it ready, in a dimension that it can
// have. Runs from several first points share what it returns.
func New[T kernels.Real](s Spec, dim int, seed uint64) (Objective[T], error) {
	d := Find(s.Name())
	if d == nil {
		return nil, fmt.Errorf("unknown objective %q, want one of %s", s.Name(), strings.Join(Names(), ", "))
	}
	if err := kernels.Check(s); err != nil {
		return nil, fmt.Errorf("objective %s: %w", s.Name(), err)
	}
	if near := s.Dim(dim); near != dim {
		return nil, fmt.Errorf("objective %s cannot have dimension %d, the nearest that it can have is %d", Format(s), dim, near)
	}
	if n := s.Numbers(dim); n > math.MaxInt/16 {
		return nil, fmt.Errorf("objective %s of dimension %d would keep %.2g numbers, more than can be addressed", Format(s), dim, n)
	}
	var o any
	if _, wide := any(T(0)).(float64); wide {
		o = d.new64(s, dim, seed)
	} else {
		o = d.new32(s, dim, seed)
	}
	return o.(Objective[T]), nil
}

// whole is an objective of one tensor.
type whole struct{ dim int }

func (w whole) Sizes() []int { return []int{w.dim} }

// multiple returns the multiple of unit, at least one, that is nearest to n.
func multiple(n, unit int) int {
	n = min(max(n, unit), 1<<53)
	return n - n%unit + (n%unit+(unit-1)/2)/unit*unit
}

// nearest returns the dimension nearest to n of those that a width, at least one,
// gives.
func nearest(n int, dim func(width int) int) int {
	n = min(max(n, dim(1)), 1<<53)
	w := widest(n, dim)
	if above := dim(w + 1); above-n < n-dim(w) {
		return above
	}
	return dim(w)
}

// widest returns the greatest width, at least one, whose dimension is at most n. It
// begins with small ones: the dimensions of others would overflow.
func widest(n int, dim func(width int) int) int {
	w := 1
	for dim(2*w) <= n {
		w *= 2
	}
	return w + sort.Search(w, func(more int) bool { return dim(w+more+1) > n })
}
