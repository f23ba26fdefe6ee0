package kernels

import "math"

// Sums have one order on every device, for any number of workers, any grid and
// any run. The unit is [Unit] consecutive elements of a tensor. Element i of a
// unit goes to accumulator i mod [Lanes], of the arithmetic type; [Fold] adds
// the accumulators pairwise; [Total] adds the units in float64, in index order,
// in blocks of [UnitBlock].
const (
	Unit      = 1024
	Lanes     = 32
	UnitBlock = 4096
)

// Units returns the number of units of a tensor of n elements.
func Units(n int) int { return (n + Unit - 1) / Unit }

// Fold adds the accumulators of a unit: j with j+16, then j+8, +4, +2, +1.
// It overwrites acc.
func Fold[T Real](acc *[Lanes]T) T {
	for w := Lanes / 2; w > 0; w /= 2 {
		for j := range w {
			acc[j] += acc[j+w]
		}
	}
	return acc[0]
}

// Total adds sum k of a tensor over its units. Sums of a unit are adjacent:
// units[u*stride+k].
func Total[T Real](units []T, stride, k int) float64 {
	var total float64
	for len(units) > 0 {
		block := units[:min(len(units), UnitBlock*stride)]
		var sum float64
		for i := k; i < len(block); i += stride {
			sum += float64(block[i])
		}
		total += sum
		units = units[len(block):]
	}
	return total
}

// SquaredNorm is the reduction behind global norms: the sum of g*g over a
// tensor, of gradients already multiplied by c[CoefGrad].
var SquaredNorm = defineKernel(Kernel{
	Name:  "sumsq",
	Slots: []Slot{slotG},
	Passes: []Pass{{
		Access: []Access{Read}, Sums: 1,
		Terms32: sumsq[float32], Terms64: sumsq[float64],
	}},
})

func sumsq[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	for i, x := range s[0] {
		g := T(c[CoefGrad] * x)
		acc[0][i%Lanes] += T(g * g)
	}
}

// InnerProduct is the reduction of two arrays to the sum of x*y.
var InnerProduct = defineKernel(Kernel{
	Name:  "dot",
	Slots: []Slot{{"x", Input}, {"y", Input}},
	Passes: []Pass{{
		Access: []Access{Read, Read}, Sums: 1,
		Terms32: dot[float32], Terms64: dot[float64],
	}},
})

func dot[T Real](_ *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	x, y := s[0], s[1]
	for i := range x {
		acc[0][i%Lanes] += T(x[i] * y[i])
	}
}

// A Map is a scalar function of scalars, evaluated in float64 where the data
// is, between a reduction and the update that uses its result.
type Map interface {
	// Name is the stem of the kernels that implement it.
	Name() string
	// Coef derives the constants of a step.
	Coef(Step) Coef
	// Eval is the definition: + - * / square root and comparisons alone.
	Eval(c *Coef, in []float64) float64
}

// Eval evaluates m. Where an input is not finite the result is NaN, and an
// update whose gradient factor is not finite leaves everything as it was.
func Eval(m Map, c *Coef, in []float64) float64 {
	for _, x := range in {
		if !finite(x) {
			return math.NaN()
		}
	}
	return m.Eval(c, in)
}

// ClipNorm maps the squared norm of the gradients to the factor that limits
// the norm: min(1, Max/norm). A norm of zero gives 1.
type ClipNorm struct {
	Max float64 `json:"max" range:"(0,inf)"`
}

func (ClipNorm) Name() string { return "clip_norm" }

func (m ClipNorm) Coef(Step) Coef { return Coef{1: m.Max} }

func (ClipNorm) Eval(c *Coef, in []float64) float64 {
	if n := math.Sqrt(in[0]); n > c[1] {
		return c[1] / n
	}
	return 1
}

// InverseNorm maps the squared norm of the gradients to 1/(norm+Eps). A norm
// of zero with Eps zero gives 0: there is nowhere to go.
type InverseNorm struct {
	Eps float64 `json:"eps" range:"[0,inf)"`
}

func (InverseNorm) Name() string { return "inverse_norm" }

func (m InverseNorm) Coef(Step) Coef { return Coef{1: m.Eps} }

func (InverseNorm) Eval(c *Coef, in []float64) float64 {
	d := math.Sqrt(in[0]) + c[1]
	if d == 0 {
		return 0
	}
	return 1 / d
}
