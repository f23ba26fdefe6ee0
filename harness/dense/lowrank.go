package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// LowRank is a quadratic with a few large eigenvalues, as Hessians of networks
// have them:
//
//	f(x) = x'(D + UU')x/2
//
// D is diagonal and falls geometrically from 1 to 1/Condition. The Rank columns of
// U are orthogonal; the eigenvalues of UU' fall geometrically from Spike to 1.
type LowRank struct {
	Condition float64 `json:"condition" range:"[1,inf)"`
	Rank      int     `json:"rank" range:"[1,1024]"`
	Spike     float64 `json:"spike" range:"[1,inf)"`
}

func (LowRank) Name() string              { return "low-rank" }
func (s LowRank) Dim(n int) int           { return max(n, s.Rank) }
func (s LowRank) Numbers(dim int) float64 { return float64(3*s.Rank+1) * float64(dim) }

type lowRank[T kernels.Real] struct {
	LowRank
	whole
	spectrum []T
	u        matrix[T] // a column of U in each row
}

func newLowRank[T kernels.Real](s LowRank, dim int, seed uint64) Objective[T] {
	o := &lowRank[T]{
		LowRank: s, whole: whole{dim},
		spectrum: numbers[T](dim), u: newMatrix[T](s.Rank, dim),
	}
	for i := range o.spectrum {
		o.spectrum[i] = T(float32(geometric(1, 1/s.Condition, i, dim)))
	}
	for i, v := range orthogonal(s.Rank, dim, seed, forTruth).data {
		o.u.data[i] = T(float32(math.Sqrt(geometric(s.Spike, 1, i/dim, s.Rank)) * v))
	}
	return o
}

func (o *lowRank[T]) Start(x []T, seed uint64) { normals(x, 1, seed, forStart) }
func (o *lowRank[T]) Minimum() float64         { return 0 }

// Facts: the condition number is between Spike and (1+Spike) times Condition,
// which UU' does not reach where Rank is below the dimension.
func (o *lowRank[T]) Facts() Facts { return Facts{1 + o.Spike, 1 / o.Condition} }

func (o *lowRank[T]) Value(x []T) float64 {
	value, _ := o.products(x)
	return value
}

// products returns the value and U'x.
func (o *lowRank[T]) products(x []T) (float64, []float64) {
	value := split(len(x), grain, func(_, lo, hi int) float64 {
		var sum float64
		for i := lo; i < hi; i++ {
			sum += float64(o.spectrum[i]) * float64(x[i]) * float64(x[i]) / 2
		}
		return sum
	})
	along := make([]float64, o.Rank)
	for k := range along {
		u := o.u.row(k)
		along[k] = split(len(x), grain, func(_, lo, hi int) float64 { return dot(x[lo:hi], u[lo:hi]) })
		value += along[k] * along[k] / 2
	}
	return value, along
}

func (o *lowRank[T]) Gradient(x, g []T, _ Sample) float64 {
	value, along := o.products(x)
	split(len(x), grain, func(_, lo, hi int) float64 {
		for i := lo; i < hi; i++ {
			g[i] = T(o.spectrum[i] * x[i])
		}
		for k, c := range along {
			axpy(T(c), o.u.row(k)[lo:hi], g[lo:hi])
		}
		return 0
	})
	return value
}

func (o *lowRank[T]) HessianVector(_, d, out []T, s Sample) { o.Gradient(d, out, s) }

var _ = define("quadratic with a few large eigenvalues", "Sagun et al. 2017, arXiv:1706.04454, on spectra of networks", alone,
	newLowRank[float32], newLowRank[float64],
	LowRank{Condition: 100, Rank: 16, Spike: 100}, LowRank{Condition: 1, Rank: 3, Spike: 10})
