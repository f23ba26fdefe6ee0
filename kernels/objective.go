package kernels

import (
	"cmp"
	"fmt"
	"slices"
)

// An Objective is a function to minimise, with its parameters: a struct such as
// [Diagonal]. Its kernel has one pass, over slots that hold the point (role
// [Input]), the gradient, which it writes (role [Output]), then the point once
// more as the neighbours of each element see it (role [Neighbour]), and data of
// the function (role Input). The pass's only sum is the value.
type Objective interface {
	Named
	Kernel() *Kernel
	// Facts says what is known of the function in dimension n, or why it has no
	// such dimension.
	Facts(n int) (Facts, error)
	// Coef derives the constants of a step in dimension n. Place 0 is not for
	// objectives.
	Coef(n int, s Step) Coef
}

// Facts are what is known of an objective in a dimension.
type Facts struct {
	Minimum float64 // the least value
	// L and Mu are the largest and the smallest curvature between the first point
	// and the minimum, or bounds of them; 0 where there is none worth knowing.
	L, Mu float64

	// The first point has coordinates Start + Spread*u, with u uniform in [-1, 1),
	// times Scale(i) where there is one.
	Start, Spread float64
	Scale         func(i int) float64
	// Sizes are the tensors that the parameters form; nil for a single one.
	Sizes []int
	// Reach says for each slot of role Neighbour how far along the array its
	// elements are: -1 for the one before. Beyond the ends every element is
	// Boundary, or, where it is Periodic, the array goes on at its other end.
	Reach    []int
	Boundary float64
	Periodic bool
	// Noise multiplies the noise on coordinate i of a gradient; nil for noise that is
	// the same on all.
	Noise func(i int) float64
	// Data returns element i of the k-th slot of data.
	Data func(k, i int) float64
}

// An ObjectiveDefinition is an objective by name, with what is needed to list and
// test it.
type ObjectiveDefinition struct {
	Name   string
	Title  string      // one line: the function
	Source string      // where it is from, or what for it serves
	Cases  []Objective // parameters that tests must cover; Cases[0] is the default
}

var objectives []*ObjectiveDefinition

func defineObjective(d ObjectiveDefinition) *ObjectiveDefinition {
	objectives = append(objectives, &d)
	return &d
}

// Objectives returns the definition of every objective, sorted by name.
func Objectives() []*ObjectiveDefinition {
	return slices.SortedFunc(slices.Values(objectives), func(a, b *ObjectiveDefinition) int { return cmp.Compare(a.Name, b.Name) })
}

// FindObjective returns the definition of that name, or nil.
func FindObjective(name string) *ObjectiveDefinition {
	i := slices.IndexFunc(objectives, func(d *ObjectiveDefinition) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return objectives[i]
}

// ParseObjective returns the objective that a text such as
// "diagonal:condition=1e6" names.
func ParseObjective(text string) (Objective, error) {
	return ParseAmong("objective", defaultObjectives(), text)
}

// FormatObjective returns the text that [ParseObjective] turns into o.
func FormatObjective(o Objective) string { return FormatAmong(defaultObjectives(), o) }

func defaultObjectives() []Objective {
	var out []Objective
	for _, d := range Objectives() {
		out = append(out, d.Cases[0])
	}
	return out
}

// objectiveKernel makes the kernel of an objective over the slots behind those of
// the point and the gradient.
func objectiveKernel(name string, more []Slot, f32 Terms[float32], f64 Terms[float64]) *Kernel {
	access := []Access{Read, Write}
	for range more {
		access = append(access, Read)
	}
	return defineKernel(Kernel{
		Name:   name,
		Slots:  append([]Slot{{"p", Input}, {"g", Output}}, more...),
		Passes: []Pass{{Access: access, Sums: 1, Terms32: f32, Terms64: f64}},
	})
}

// Evaluate is the definition of an evaluation: it writes the gradient of o at
// slots[0] to slots[1], and returns the value. Backends are tested against it.
func Evaluate[T Real](o Objective, s Step, slots [][]T) float64 {
	f := o.Kernel().Float32()
	if _, wide := any(T(0)).(float64); wide {
		f, _ = o.Kernel().In(FindStorage("f64"))
	}
	c := o.Coef(len(slots[0]), s)
	return PassSums(f, 0, &c, slots)[0]
}

// atLeast says why an objective of at least so many dimensions has not n.
func atLeast(least, n int) error {
	if n < least {
		return fmt.Errorf("dimension %d, want %d or more", n, least)
	}
	return nil
}

// StartAt returns coordinate i of the first point of a run: a number that depends
// on seed and i alone.
func (f *Facts) StartAt(seed uint64, i int) float64 {
	// SplitMix64 (Steele, Lea, Flood 2014) at a place of its own.
	z := seed*0xd1342543de82ef95 + uint64(i)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	u := float64(int64(z)>>11) / (1 << 52)
	x := f.Start + float64(f.Spread*u)
	if f.Scale != nil {
		x *= f.Scale(i)
	}
	return x
}
