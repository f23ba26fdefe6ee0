package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// Factorization finds two thin factors of a square matrix that has their rank:
//
//	f(U,V) = |UV' - AB'|^2/2
//
// The singular values of AB' fall geometrically from 1 to 1/Condition. The minimum
// is 0 and every other critical point a strict saddle, the origin one of them (Ge,
// Jin, Zheng 2017); the first point is normal, near it, of deviation Scale over the
// root of the matrix's order. A batch is of entries of the matrix: the square of
// each, times their number, stands for the whole.
//
// The matrix is never formed. What is computed are products of Rank columns, in
// float64, because UV' and AB' cancel.
type Factorization struct {
	Rank      int     `json:"rank" range:"[1,1024]"`
	Condition float64 `json:"condition" range:"[1,inf)"`
	Scale     float64 `json:"scale" range:"[0,inf)"`
}

func (Factorization) Name() string { return "factorization" }

// Dim returns the nearest multiple of 2Rank that gives an order of at least Rank.
func (s Factorization) Dim(n int) int { return multiple(max(n, 2*s.Rank*s.Rank), 2*s.Rank) }

func (Factorization) Numbers(dim int) float64 { return 9 * float64(dim) }

type factorization[T kernels.Real] struct {
	Factorization
	order  int
	truth  [2]matrix[float64] // A, B
	x, d   [2]matrix[float64] // U, V, and a direction
	result [2]matrix[float64]

	own, cross [2]matrix[float64] // U'U, V'V; U'A, V'B
	constant   float64            // |AB'|^2/2
}

func newFactorization[T kernels.Real](s Factorization, dim int, seed uint64) Objective[T] {
	o := &factorization[T]{Factorization: s, order: dim / 2 / s.Rank}
	for side := range 2 {
		o.truth[side] = o.factor()
		o.x[side], o.d[side], o.result[side] = o.factor(), o.factor(), o.factor()
		columns := orthogonal(s.Rank, o.order, seed, layerTruth(side))
		for k := range s.Rank {
			root := math.Sqrt(geometric(1, 1/s.Condition, k, s.Rank))
			for i, v := range columns.row(k) {
				o.truth[side].row(i)[k] = float64(float32(root * v))
			}
		}
	}
	o.constant = product(o.gram(o.truth[0], o.truth[0]).data, o.gram(o.truth[1], o.truth[1]).data) / 2
	return o
}

func (o *factorization[T]) factor() matrix[float64] { return newMatrix[float64](o.order, o.Rank) }

func (o *factorization[T]) Sizes() []int { return []int{o.order * o.Rank, o.order * o.Rank} }

func (o *factorization[T]) Start(x []T, seed uint64) {
	normals(x, o.Scale/math.Sqrt(float64(o.order)), seed, forStart)
}

func (o *factorization[T]) Minimum() float64 { return 0 }
func (o *factorization[T]) Facts() Facts     { return Facts{} }

// split sets the two factors to those in x.
func (o *factorization[T]) split(x []T, to *[2]matrix[float64]) {
	for side := range 2 {
		m := to[side].data
		for i, v := range x[side*len(m):][:len(m)] {
			m[i] = float64(v)
		}
	}
}

// join sets out to the result.
func (o *factorization[T]) join(out []T) {
	for side := range 2 {
		m := o.result[side].data
		for i, v := range m {
			out[side*len(m)+i] = T(v)
		}
	}
}

// gram returns a'b.
func (o *factorization[T]) gram(a, b matrix[float64]) matrix[float64] {
	m := newMatrix[float64](o.Rank, o.Rank)
	gemm(transposed, asIs, 1, a, b, 0, m)
	return m
}

// grams sets those of the factors in x, and returns the value: the trace of
// U'UV'V/2 - U'AB'V + A'AB'B/2.
func (o *factorization[T]) grams(x []T) float64 {
	o.split(x, &o.x)
	for side := range 2 {
		o.own[side] = o.gram(o.x[side], o.x[side])
		o.cross[side] = o.gram(o.x[side], o.truth[side])
	}
	return max(0, product(o.own[0].data, o.own[1].data)/2-product(o.cross[0].data, o.cross[1].data)+o.constant)
}

func (o *factorization[T]) Value(x []T) float64 { return o.grams(x) }

func (o *factorization[T]) Gradient(x, g []T, s Sample) float64 {
	defer o.join(g)
	if s.Batch > 0 {
		o.split(x, &o.x)
		return o.entries(s, nil)
	}
	value := o.grams(x)
	for side := range 2 {
		gemm(asIs, asIs, 1, o.x[side], o.own[1-side], 0, o.result[side])
		gemm(asIs, transposed, -1, o.truth[side], o.cross[1-side], 1, o.result[side])
	}
	return value
}

// HessianVector is the derivative of Gradient along d, term by term.
func (o *factorization[T]) HessianVector(x, d, out []T, s Sample) {
	o.split(x, &o.x)
	o.split(d, &o.d)
	defer o.join(out)
	if s.Batch > 0 {
		o.entries(s, &o.d)
		return
	}
	for side := range 2 {
		u, v, a, b := o.x[side], o.x[1-side], o.truth[side], o.truth[1-side]
		du, dv, h := o.d[side], o.d[1-side], o.result[side]
		gemm(asIs, asIs, 1, du, o.gram(v, v), 0, h)
		gemm(asIs, asIs, 1, u, o.gram(dv, v), 1, h)
		gemm(asIs, asIs, 1, u, o.gram(v, dv), 1, h)
		gemm(asIs, asIs, -1, a, o.gram(b, dv), 1, h)
	}
}

// entries sets the result to the gradient over the entries of a batch, or with
// directions to the Hessian times those, and returns the value.
func (o *factorization[T]) entries(s Sample, d *[2]matrix[float64]) (value float64) {
	clear(o.result[0].data)
	clear(o.result[1].data)
	r := s.source(0)
	weight := float64(o.order) * float64(o.order) / float64(s.Batch)
	for range s.Batch {
		i, j := int(r.Uint64N(uint64(o.order))), int(r.Uint64N(uint64(o.order)))
		u, v, gu, gv := o.x[0].row(i), o.x[1].row(j), o.result[0].row(i), o.result[1].row(j)
		residual := weight * (product(u, v) - product(o.truth[0].row(i), o.truth[1].row(j)))
		value += residual * residual / weight / 2
		if d == nil {
			axpy(residual, v, gu)
			axpy(residual, u, gv)
			continue
		}
		du, dv := d[0].row(i), d[1].row(j)
		change := weight * (product(du, v) + product(u, dv))
		axpy(change, v, gu)
		axpy(residual, dv, gu)
		axpy(change, u, gv)
		axpy(residual, du, gv)
	}
	return value
}

var _ = define("factorization of a matrix", "Ge, Jin, Zheng 2017, arXiv:1704.00708", sampled,
	newFactorization[float32], newFactorization[float64],
	Factorization{Rank: 8, Condition: 10, Scale: 1e-2}, Factorization{Rank: 1, Condition: 1, Scale: 1})
