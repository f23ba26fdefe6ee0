package dense

import "github.com/optbench/optbench/kernels"

// A rotation Q is a product of Householder reflections, I-2vv'/v'v, of random
// vectors v. It takes memory and time in proportion to the dimension.
type rotation[T kernels.Real] struct {
	vectors matrix[T] // one a row
	factors []float64 // 2/v'v
}

func newRotation[T kernels.Real](dim, reflections int, seed uint64) rotation[T] {
	q := rotation[T]{newMatrix[T](reflections, dim), make([]float64, reflections)}
	normals(q.vectors.data, 1, seed, forRotation)
	for k := range q.factors {
		q.factors[k] = 2 / product(q.vectors.row(k), q.vectors.row(k))
	}
	return q
}

// apply turns x into Qx.
func (q rotation[T]) apply(x []T) {
	for k := len(q.factors) - 1; k >= 0; k-- {
		q.reflect(k, x)
	}
}

// undo turns x into Q'x.
func (q rotation[T]) undo(x []T) {
	for k := range q.factors {
		q.reflect(k, x)
	}
}

func (q rotation[T]) reflect(k int, x []T) {
	v := q.vectors.row(k)
	product := split(len(x), grain, func(_, lo, hi int) float64 { return dot(x[lo:hi], v[lo:hi]) })
	c := T(-q.factors[k] * product)
	split(len(x), grain, func(_, lo, hi int) float64 {
		axpy(c, v[lo:hi], x[lo:hi])
		return 0
	})
}
