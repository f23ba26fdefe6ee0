package dense

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/optbench/optbench/kernels"
)

// gonum sums the products of two float32 vectors from a boundary of 16 bytes on, of
// the second: the bits of a dot product depend on where that one lies. So it is
// the objective's own, here and in gemm wherever the second operand is transposed,
// and [numbers] keeps its place. The callers' vectors may lie anywhere.

// numbers returns n zeros that begin at a boundary of 16 bytes: Go places what
// takes 32 bytes so.
func numbers[T kernels.Real](n int) []T { return make([]T, n, max(n, 8)) }

// dot returns the product of x and own, the objective's, summed in float64.
func dot[T kernels.Real](x, own []T) float64 {
	if narrow, ok := any(x).([]float32); ok {
		return blas32.DDot(vector32(narrow), vector32(any(own).([]float32)))
	}
	return blas64.Dot(vector64(any(x).([]float64)), vector64(any(own).([]float64)))
}

// axpy adds a*x to y.
func axpy[T kernels.Real](a T, x, y []T) {
	switch x := any(x).(type) {
	case []float32:
		blas32.Axpy(float32(a), vector32(x), vector32(any(y).([]float32)))
	case []float64:
		blas64.Axpy(float64(a), vector64(x), vector64(any(y).([]float64)))
	}
}

// A matrix has its rows one after the other.
type matrix[T kernels.Real] struct {
	rows, cols int
	data       []T
}

func newMatrix[T kernels.Real](rows, cols int) matrix[T] {
	return matrix[T]{rows, cols, numbers[T](rows * cols)}
}

func (m matrix[T]) row(i int) []T { return m.data[i*m.cols : (i+1)*m.cols] }

// resize gives m another shape. What it holds is lost.
func (m *matrix[T]) resize(rows, cols int) {
	if n := rows * cols; cap(m.data) < n {
		*m = newMatrix[T](rows, cols)
	} else {
		*m = matrix[T]{rows, cols, m.data[:n]}
	}
}

// widened returns m in float64.
func widened[T kernels.Real](m matrix[T]) matrix[float64] {
	w := newMatrix[float64](m.rows, m.cols)
	for i, v := range m.data {
		w.data[i] = float64(v)
	}
	return w
}

// rounded returns m in T, rounded to float32.
func rounded[T kernels.Real](m matrix[float64]) matrix[T] {
	r := newMatrix[T](m.rows, m.cols)
	for i, v := range m.data {
		r.data[i] = T(float32(v))
	}
	return r
}

// Whether gemm takes an operand as it is or transposed.
const (
	asIs       = blas.NoTrans
	transposed = blas.Trans
)

// gemm sets c to alpha*a*b + beta*c.
func gemm[T kernels.Real](ta, tb blas.Transpose, alpha T, a, b matrix[T], beta T, c matrix[T]) {
	switch a := any(a).(type) {
	case matrix[float32]:
		blas32.Gemm(ta, tb, float32(alpha), general32(a), general32(any(b).(matrix[float32])), float32(beta), general32(any(c).(matrix[float32])))
	case matrix[float64]:
		blas64.Gemm(ta, tb, float64(alpha), general64(a), general64(any(b).(matrix[float64])), float64(beta), general64(any(c).(matrix[float64])))
	}
}

func vector32(x []float32) blas32.Vector { return blas32.Vector{N: len(x), Data: x, Inc: 1} }
func vector64(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Data: x, Inc: 1} }

func general32(m matrix[float32]) blas32.General {
	return blas32.General{Rows: m.rows, Cols: m.cols, Data: m.data, Stride: m.cols}
}

func general64(m matrix[float64]) blas64.General {
	return blas64.General{Rows: m.rows, Cols: m.cols, Data: m.data, Stride: m.cols}
}
