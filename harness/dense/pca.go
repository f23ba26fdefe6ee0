package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// PCA finds a leading eigenvector without a constraint:
//
//	f(x) = -x'Ax/2 + |x|^4/4 + 1/4 = x'(I-A)x/2 + (|x|^2-1)^2/4    A = QDQ'
//
// The eigenvalues are 1, 1-Gap and from there geometrically down to 1/Condition.
// The minima, of value 0, are at +-v_1, the eigenvector of 1. Every other
// v_k*sqrt(lambda_k) is a strict saddle with k-1 directions of descent, and the
// origin is one with all of them. The first point is at distance Offset from the
// saddle with Saddle directions of descent, in a direction drawn uniformly.
type PCA struct {
	Condition float64 `json:"condition" range:"[1,inf)"`
	Gap       float64 `json:"gap" range:"(0,1)"`
	Saddle    int     `json:"saddle" range:"[1,inf)"`
	Offset    float64 `json:"offset" range:"(0,0.1]"`
}

func (PCA) Name() string            { return "pca" }
func (s PCA) Dim(n int) int         { return max(n, s.Saddle+1) }
func (PCA) Numbers(dim int) float64 { return 3 * float64(dim) }

type pca[T kernels.Real] struct {
	PCA
	whole
	q        rotation[T]
	spectrum []T
	y        []T
}

func newPCA[T kernels.Real](s PCA, dim int, seed uint64) Objective[T] {
	o := &pca[T]{
		PCA: s, whole: whole{dim}, q: newRotation[T](dim, 1, seed),
		spectrum: numbers[T](dim), y: numbers[T](dim),
	}
	o.spectrum[0] = 1
	for i := 1; i < dim; i++ {
		o.spectrum[i] = T(float32(geometric(1-s.Gap, min(1-s.Gap, 1/s.Condition), i-1, dim-1)))
	}
	return o
}

// saddle returns coordinate i of a critical point with k directions of descent:
// Q has one reflection.
func (o *pca[T]) saddle(k, i int) float64 {
	v := o.q.vectors.row(0)
	x := -o.q.factors[0] * float64(v[k]) * float64(v[i])
	if i == k {
		x++
	}
	return math.Sqrt(float64(o.spectrum[k])) * x
}

func (o *pca[T]) Start(x []T, seed uint64) {
	normals(x, 1, seed, forStart)
	scale := o.Offset / math.Sqrt(product(x, x))
	for i, v := range x {
		x[i] = T(float32(scale*float64(v) + o.saddle(o.Saddle, i)))
	}
}

func (o *pca[T]) Minimum() float64 { return 0 }

// Facts: the eigenvalues of the Hessian are at most 3|x|^2, and |x|^2 is at most
// 1 + 2 root of the value, of which the saddle's is (1-lambda^2)/4 and the first
// point's little more.
func (o *pca[T]) Facts() Facts {
	lambda := float64(o.spectrum[o.Saddle])
	far := math.Sqrt(lambda) + o.Offset
	value := (1-lambda*lambda)/4 + 3*far*far*o.Offset*o.Offset/2
	return Facts{Lipschitz: 3 + 6*math.Sqrt(value)}
}

func (o *pca[T]) Value(x []T) float64 {
	copy(o.y, x)
	o.q.undo(o.y)
	return o.scale(o.y)
}

func (o *pca[T]) Gradient(x, g []T, _ Sample) float64 {
	copy(g, x)
	o.q.undo(g)
	value := o.scale(g)
	o.q.apply(g)
	return value
}

// scale multiplies Q'x, in y, by |x|^2-D and returns the value.
func (o *pca[T]) scale(y []T) float64 {
	norm := product(y, y)
	return (norm-1)*(norm-1)/4 + split(len(y), grain, func(_, lo, hi int) float64 {
		var sum float64
		for i := lo; i < hi; i++ {
			yi, d := float64(y[i]), float64(o.spectrum[i])
			sum += (1 - d) * yi * yi / 2
			y[i] = T((norm - d) * yi)
		}
		return sum
	})
}

func (o *pca[T]) HessianVector(x, d, out []T, _ Sample) {
	norm, along := product(x, x), product(x, d)
	copy(out, d)
	o.q.undo(out)
	for i, v := range out {
		out[i] = T((norm - float64(o.spectrum[i])) * float64(v))
	}
	o.q.apply(out)
	axpy(T(2*along), x, out)
}

var _ = define("leading eigenvector, from near a saddle", "Jin et al. 2017, arXiv:1703.00887, on strict saddles", alone,
	newPCA[float32], newPCA[float64],
	PCA{Condition: 100, Gap: 0.1, Saddle: 1, Offset: 1e-3}, PCA{Condition: 10, Gap: 0.5, Saddle: 4, Offset: 1e-2})
