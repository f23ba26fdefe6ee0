// Package kernels defines fused optimizer updates, independently of any device.
//
// An update is one Go file: a struct of hyperparameters, the constants that a
// step derives from them ([Coef]), and the loop that a paper would print. That
// loop is the definition. Every other implementation (AVX2, AVX-512, CUDA)
// computes exactly the same bits and is tested against it with ==.
//
// Three rules make that possible:
//
//   - Arithmetic is a fixed sequence of correctly rounded + - * / and square
//     root, comparisons and selects, in one type T. Products are written
//     T(a*b), because Go may otherwise fuse them into a multiply-add on
//     architectures that have one. Gradual underflow is kept.
//   - Scalars (bias corrections, schedules, decay factors) are derived once per
//     step on the host, in float64, and rounded once to T.
//   - Sums have one order, given by [Unit] and [Lanes].
//
// Arrays may be stored in fewer bits than arithmetic has: see [Storage].
//
// Letters are those of the papers: p parameter, g gradient, m first moment,
// v second moment, c the constants of the step, t the step counted from 1.
package kernels

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Real is the arithmetic type of a loop.
type Real interface{ float32 | float64 }

// MaxCoef is the number of constants that a step may carry.
const MaxCoef = 16

// Two constants have the same place in every kernel.
const (
	CoefGrad   = 0           // multiplies every gradient as it is read
	CoefTensor = MaxCoef - 1 // a [Kernel] with norms: the scalar of the tensor at hand
)

// Coef holds the constants of one group for one step, in float64. A backend
// rounds them once to the arithmetic type.
type Coef [MaxCoef]float64

// A Step says which step is taken. Nothing else counts steps: no layer hides a
// counter. The zero value is invalid; see [At].
type Step struct {
	T         int     // 1 for the first step
	LRScale   float64 // multiplies the learning rate: the value of a schedule
	GradScale float64 // multiplies every gradient: for example 1/loss scale
}

// At returns step t (from 1) with unit scales.
func At(t int) Step { return Step{T: t, LRScale: 1, GradScale: 1} }

// Check reports a step that no update can take.
func (s Step) Check() error {
	switch {
	case s.T < 1:
		return fmt.Errorf("step: T is %d, want 1 or more (the first step is 1)", s.T)
	case !finite(s.LRScale) || s.LRScale < 0:
		return fmt.Errorf("step %d: LRScale is %v, want a finite number of 0 or more", s.T, s.LRScale)
	case !finite(s.GradScale):
		return fmt.Errorf("step %d: GradScale is %v, want a finite number", s.T, s.GradScale)
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// An Update is an optimizer with its hyperparameters: a struct such as [AdamW].
type Update interface {
	// Name is the name of the definition: "adamw".
	Name() string
	// Kernel returns the loop that carries the update out. It may depend on
	// the hyperparameters: [ACClip] needs no power for alpha 1 or 2.
	Kernel() *Kernel
	// Coef derives the constants of a step.
	Coef(Step) Coef
}

// A Scaler is an update whose gradients are first multiplied by a function of
// their global norm: the norm of all gradients of the group, in tensor order.
type Scaler interface {
	Update
	// Scale returns the map from the squared norm to the factor, or nil where
	// the hyperparameters ask for none.
	Scale() Map
}

// A Role says what a slot holds.
type Role uint8

const (
	Parameter Role = iota
	Gradient
	State        // zero before the first step, of either sign
	SecondMoment // a state that is never negative, such as an average of squares
	Threshold    // given by the caller, zero or more
	Scratch      // of the backend: written by one pass for the next
	Input        // of an objective: its point, or data of its own
	Output       // of an objective: the gradient
	Neighbour    // of an objective: its point, moved along the array
)

// A Slot is one array of a tensor.
type Slot struct {
	Name string
	Role Role
}

// Access is what a pass does with a slot.
type Access uint8

const (
	None      Access = 0
	Read      Access = 1
	Write     Access = 2
	ReadWrite Access = Read | Write
)

// A Kernel is the loop of an update over the slots of a tensor. It has one of
// two shapes: elementwise, a single pass; or tensor norms, a pass that sums, a
// scalar per tensor made from the sums, and a pass that applies it.
type Kernel struct {
	Name   string // stem of every file and symbol that implements it
	Slots  []Slot
	Passes []Pass

	// Scalar makes c[CoefTensor] of a tensor from the sums of its first pass.
	// It is nil for elementwise kernels.
	Scalar func(c *Coef, sums []float64) float64

	// Resident, if not nil, is the same kernel for tensors that stay in a cache
	// between its passes: the first stores in one more slot, of role Scratch, what
	// the second would otherwise compute again.
	Resident *Kernel

	// Scaled, if not nil, is the same kernel of a noise with one more slot, whose
	// elements multiply the numbers that it draws.
	Scaled *Kernel
}

// A Pass is one run over memory. It updates first, if it does; what it sums are
// terms of the arrays as they then are in memory, so that a later pass that
// computes such a term again finds the same bits.
type Pass struct {
	Name     string   // "" for the only pass; else "norms", "apply"
	Access   []Access // of each slot
	Update32 Loop[float32]
	Update64 Loop[float64]
	Draw32   Drawing[float32] // in place of an update, of a noise
	Draw64   Drawing[float64]
	Sums     int // sums that the pass produces
	Terms32  Terms[float32]
	Terms64  Terms[float64]
}

// A Loop updates slots of equal length, element by element.
type Loop[T Real] func(c *[MaxCoef]T, s [][]T)

// Terms adds the terms of element i to acc[k][i%Lanes] for each sum k, over
// slots of equal length of at most [Unit]. It may write slots of role Scratch.
type Terms[T Real] func(c *[MaxCoef]T, s [][]T, acc [][Lanes]T)

// elementwise makes a kernel of one pass.
func elementwise(name string, slots []Slot, access []Access, f32 Loop[float32], f64 Loop[float64]) *Kernel {
	return defineKernel(Kernel{Name: name, Slots: slots, Passes: []Pass{
		{Access: access, Update32: f32, Update64: f64},
	}})
}

// A Definition is an update by name, with what is needed to list and test it.
type Definition struct {
	Name   string
	Title  string   // one line: what it is
	Source string   // the paper
	Cases  []Update // hyperparameters that tests must cover; Cases[0] is the default
}

var (
	definitions []*Definition
	loops       []*Kernel
)

func define(d Definition) *Definition {
	definitions = append(definitions, &d)
	return &d
}

func defineKernel(k Kernel) *Kernel {
	loops = append(loops, &k)
	return &k
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

// Kernels returns every kernel, those of reductions included, sorted by name.
// Each must exist for every instruction set and device.
func Kernels() []*Kernel {
	return slices.SortedFunc(slices.Values(loops), func(a, b *Kernel) int { return cmp.Compare(a.Name, b.Name) })
}

// The slots that most updates share.
var (
	slotP = Slot{"p", Parameter}
	slotG = Slot{"g", Gradient}
	slotM = Slot{"m", State}
	slotV = Slot{"v", SecondMoment}
)

// sqrt is correctly rounded in either type: for float32, rounding the float64
// root a second time is exact because float64 has more than twice its digits.
func sqrt[T Real](x T) T { return T(math.Sqrt(float64(x))) }

func abs[T Real](x T) T { return T(math.Abs(float64(x))) }

// oneMinusPows returns 1-beta^t of two betas. It doubles and increments the exponents
// of 1-beta^t itself, where all terms are positive, so that nothing cancels for
// beta near 1; and it uses no library function, whose last bit may depend on
// the architecture. Both at once take hardly longer than one: each is a chain of
// operations that wait for one another.
func oneMinusPows(beta1, beta2 float64, t int) (q1, q2 float64) {
	d1, d2 := 1-beta1, 1-beta2
	for bit := bits.Len(uint(t)) - 1; bit >= 0; bit-- {
		q1, q2 = float64(q1*(2-q1)), float64(q2*(2-q2)) // of the leading bits of t
		if t>>bit&1 == 1 {
			q1 += float64((1 - q1) * d1)
			q2 += float64((1 - q2) * d2)
		}
	}
	return q1, q2
}

// StepPow returns t^y for a step t of 1 or more and y of 0 or more; +Inf beyond
// float64. Like [oneMinusPows] it uses no library function, whose last bit may
// depend on the architecture. The relative error is below 1e-15 * (1 + y*log2(t)).
func StepPow(t int, y float64) float64 {
	// log2(t) = e + log2(m) with m in [sqrt(1/2), sqrt(2)): log(m) is twice the
	// series of atanh((m-1)/(m+1)).
	m, e := math.Frexp(float64(t))
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	var series float64
	for k := 23; k >= 1; k -= 2 {
		series = float64(series*square) + 1/float64(k)
	}
	w := float64(y * (float64(e) + float64(float64(2*s)*float64(series*math.Log2E))))
	if w > 1024 {
		return math.Inf(1)
	}

	// 2^w = 2^k * exp(f*log(2)) with |f| <= 1/2, by the series of exp.
	k := math.Round(w)
	f := float64((w - k) * math.Ln2)
	exp := 1.0
	for n := 16.0; n >= 1; n-- {
		exp = 1 + float64(exp*f)/n
	}
	return math.Ldexp(exp, int(k))
}
