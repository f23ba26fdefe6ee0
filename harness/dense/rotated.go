package dense

import "github.com/optbench/optbench/kernels"

// Rotated is a quadratic whose axes are not the coordinates:
//
//	f(x) = x'Ax/2    A = QDQ'    Q a product of Householder reflections
//
// The eigenvalues in D fall geometrically from 1 to 1/Condition. A reflection
// changes a diagonal quadratic by a matrix of rank two, which scaling the
// coordinates does not undo. After one, a few thousand scaled steps are still ahead
// of plain ones; after eight they gain next to nothing.
type Rotated struct {
	Condition   float64 `json:"condition" range:"[1,inf)"`
	Reflections int     `json:"reflections" range:"[1,64]"`
}

func (Rotated) Name() string              { return "rotated" }
func (Rotated) Dim(n int) int             { return max(n, 1) }
func (s Rotated) Numbers(dim int) float64 { return float64(s.Reflections+2) * float64(dim) }

type rotated[T kernels.Real] struct {
	Rotated
	whole
	q        rotation[T]
	spectrum []T
	y        []T
}

func newRotated[T kernels.Real](s Rotated, dim int, seed uint64) Objective[T] {
	o := &rotated[T]{
		Rotated: s, whole: whole{dim}, q: newRotation[T](dim, s.Reflections, seed),
		spectrum: numbers[T](dim), y: numbers[T](dim),
	}
	for i := range o.spectrum {
		o.spectrum[i] = T(float32(geometric(1, 1/s.Condition, i, dim)))
	}
	return o
}

func (o *rotated[T]) Start(x []T, seed uint64) { normals(x, 1, seed, forStart) }
func (o *rotated[T]) Minimum() float64         { return 0 }
func (o *rotated[T]) Facts() Facts             { return Facts{1, 1 / o.Condition} }

// Value is the sum of D(Q'x)^2/2: no term is below zero and nothing cancels.
func (o *rotated[T]) Value(x []T) float64 {
	copy(o.y, x)
	o.q.undo(o.y)
	return o.scale(o.y)
}

// scale multiplies Q'x, in y, by D and returns the value.
func (o *rotated[T]) scale(y []T) float64 {
	return split(len(y), grain, func(_, lo, hi int) float64 {
		var sum float64
		for i := lo; i < hi; i++ {
			d := float64(o.spectrum[i])
			sum += d * float64(y[i]) * float64(y[i]) / 2
			y[i] = T(d * float64(y[i]))
		}
		return sum
	})
}

func (o *rotated[T]) Gradient(x, g []T, _ Sample) float64 {
	copy(g, x)
	o.q.undo(g)
	value := o.scale(g)
	o.q.apply(g)
	return value
}

func (o *rotated[T]) HessianVector(_, d, out []T, s Sample) { o.Gradient(d, out, s) }

var _ = define("quadratic with rotated axes", "Householder 1958; Hansen et al. 2009, on why benchmarks rotate", alone,
	newRotated[float32], newRotated[float64],
	Rotated{Condition: 1e4, Reflections: 8}, Rotated{Condition: 10, Reflections: 1})
