package dense

import (
	"math"
	"sync"

	"github.com/optbench/optbench/kernels"
)

// A linear objective is the mean of a loss of a_i.x over the examples i, and a
// penalty:
//
//	f(x) = mean_i loss(a_i.x, y_i) + decay*|x|^2/2
type linear[T kernels.Real] struct {
	whole
	examples matrix[T] // a_i in each row
	labels   []float64
	loss     loss
	decay    float64
	start    float64 // size of the first point
	minimum  func() float64
	facts    Facts

	chosen []int
	parts  matrix[T] // a gradient for each piece of the examples
}

// A loss returns its value for the product z and the label y, and its first and
// second derivative in z.
type loss func(z, y float64) (value, first, second float64)

// linearPieces bounds the memory that gradients of parts of the examples take.
const linearPieces = 16

// linearNumbers counts the examples and, where the minimum is computed, those of its
// like in float64.
func linearNumbers(examples float64, computed bool, dim int) float64 {
	n := (examples + linearPieces) * float64(dim)
	if computed {
		n *= 3
	}
	return n
}

func newLinear[T kernels.Real](dim, examples int, loss loss, decay float64) *linear[T] {
	return &linear[T]{
		whole: whole{dim}, examples: newMatrix[T](examples, dim), labels: make([]float64, examples),
		loss: loss, decay: decay,
	}
}

// spread makes the examples normal with independent coordinates whose variances
// fall geometrically from 1 to 1/condition.
func (o *linear[T]) spread(condition float64, seed uint64) {
	normals(o.examples.data, 1, seed, forData)
	scales := make([]T, o.dim)
	for j := range scales {
		scales[j] = T(float32(math.Sqrt(geometric(1, 1/condition, j, o.dim))))
	}
	split(o.examples.rows, max(1, grain/o.dim), func(_, lo, hi int) float64 {
		for i := lo; i < hi; i++ {
			for j, v := range o.examples.row(i) {
				o.examples.row(i)[j] = T(float32(v * scales[j]))
			}
		}
		return 0
	})
}

func (o *linear[T]) Start(x []T, seed uint64) {
	normals(x, o.start/math.Sqrt(float64(o.dim)), seed, forStart)
}

func (o *linear[T]) Minimum() float64 { return o.minimum() }
func (o *linear[T]) Facts() Facts     { return o.facts }

// each goes through the examples of a sample. Term is given a_i.x, a_i.d (0 where
// d is nil) and the label; each returns the mean of its values and, unless out is
// nil, sets out to the mean of its coefficients times a_i.
func (o *linear[T]) each(s Sample, x, d, out []T, term func(z, dz, y float64) (value, coefficient float64)) float64 {
	n := len(o.labels)
	if s.Batch > 0 {
		n = s.Batch
		o.chosen = s.choose(len(o.labels), o.chosen)
	}
	size := max((n+linearPieces-1)/linearPieces, 1+grain/o.dim)
	pieces := (n + size - 1) / size
	if out != nil && o.parts.rows < pieces {
		o.parts = newMatrix[T](pieces, o.dim)
	}
	value := split(n, size, func(piece, lo, hi int) float64 {
		if out != nil {
			clear(o.parts.row(piece))
		}
		var sum float64
		for i := lo; i < hi; i++ {
			k := i
			if s.Batch > 0 {
				k = o.chosen[i]
			}
			a, dz := o.examples.row(k), 0.0
			if d != nil {
				dz = dot(d, a)
			}
			v, c := term(dot(x, a), dz, o.labels[k])
			sum += v
			if out != nil {
				axpy(T(c), a, o.parts.row(piece))
			}
		}
		return sum
	})
	if out != nil {
		split(o.dim, grain, func(_, lo, hi int) float64 {
			clear(out[lo:hi])
			for piece := range pieces {
				axpy(1, o.parts.row(piece)[lo:hi], out[lo:hi])
			}
			for i := lo; i < hi; i++ {
				out[i] /= T(n)
			}
			return 0
		})
	}
	return value / float64(n)
}

func (o *linear[T]) Value(x []T) float64 {
	value := o.each(Sample{}, x, nil, nil, func(z, _, y float64) (float64, float64) {
		v, _, _ := o.loss(z, y)
		return v, 0
	})
	return o.penalise(value, x)
}

func (o *linear[T]) penalise(value float64, x []T) float64 {
	if o.decay == 0 {
		return value
	}
	return value + o.decay*product(x, x)/2
}

func (o *linear[T]) Gradient(x, g []T, s Sample) float64 {
	value := o.each(s, x, nil, g, func(z, _, y float64) (float64, float64) {
		v, c, _ := o.loss(z, y)
		return v, c
	})
	axpy(T(o.decay), x, g)
	return o.penalise(value, x)
}

func (o *linear[T]) HessianVector(x, d, out []T, s Sample) {
	o.each(s, x, d, out, func(z, dz, y float64) (float64, float64) {
		_, _, c := o.loss(z, y)
		return 0, c * dz
	})
	axpy(T(o.decay), d, out)
}

// moment returns the largest eigenvalue of the second moment of the rows of a, to
// about a thousandth, by the power method.
func moment[T kernels.Real](a matrix[T], seed uint64) (value float64) {
	v, next, along := newMatrix[T](1, a.cols), newMatrix[T](1, a.cols), newMatrix[T](1, a.rows)
	normals(v.data, 1, seed, forRotation)
	for range 40 {
		gemm(asIs, transposed, 1, v, a, 0, along)
		gemm(asIs, asIs, 1/T(a.rows), along, a, 0, next)
		last := value
		value = math.Sqrt(product(next.data, next.data) / product(v.data, v.data))
		if math.Abs(value-last) < 1e-4*value {
			break
		}
		for i := range next.data {
			next.data[i] /= T(value)
		}
		v, next = next, v
	}
	return value
}

// once finds the minimum of a convex objective, whose like in float64 new makes,
// at the first call.
func once(new func() Curved[float64]) func() float64 {
	return sync.OnceValue(func() float64 { return newton(new()) })
}
