package dense

import (
	"iter"
	"math"
	"slices"

	"github.com/optbench/optbench/kernels"
)

// Sparse is a regression whose examples have one feature each, as words have:
//
//	f(x) = E loss(x_j - w_j) = sum_j p_j loss(x_j - w_j)    p_j ~ j^-Exponent
//
// The loss is a square, z^2/2, or the absolute value. Most coordinates are rarely
// in a batch: Adagrad's regret is to gradient descent's as sum_j sqrt(p_j) to
// sqrt(dim) (Duchi, Hazan, Singer 2011). The first point is 0, w is normal.
type Sparse struct {
	Exponent float64 `json:"exponent" range:"[0,10]"`
	Loss     string  `json:"loss" range:"absolute|square"`
}

func (Sparse) Name() string            { return "sparse" }
func (Sparse) Dim(n int) int           { return max(n, 1) }
func (Sparse) Numbers(dim int) float64 { return 5 * float64(dim) }

type sparse[T kernels.Real] struct {
	Sparse
	whole
	truth      []T
	p          []float64
	cumulative []float64 // sums of p up to and with a feature
}

func newSparse[T kernels.Real](s Sparse, dim int, seed uint64) Objective[T] {
	o := &sparse[T]{Sparse: s, whole: whole{dim}, truth: numbers[T](dim), p: make([]float64, dim), cumulative: make([]float64, dim)}
	normals(o.truth, 1, seed, forTruth)
	var total float64
	for j := range o.p {
		o.p[j] = math.Pow(float64(j+1), -s.Exponent)
		total += o.p[j]
	}
	var sum float64
	for j := range o.p {
		o.p[j] /= total
		sum += o.p[j]
		o.cumulative[j] = sum
	}
	return o
}

func (o *sparse[T]) Start(x []T, _ uint64) { clear(x) }
func (o *sparse[T]) Minimum() float64      { return 0 }

func (o *sparse[T]) Facts() Facts {
	if o.Loss == "absolute" {
		return Facts{}
	}
	return Facts{o.p[0], o.p[o.dim-1]}
}

// at returns the loss of feature j and its derivative.
func (o *sparse[T]) at(x []T, j int) (value, slope float64) {
	z := float64(x[j]) - float64(o.truth[j])
	switch {
	case o.Loss == "square":
		return z * z / 2, z
	case z == 0:
		return 0, 0
	}
	return math.Abs(z), math.Copysign(1, z)
}

func (o *sparse[T]) Value(x []T) float64 {
	return split(o.dim, grain, func(_, lo, hi int) float64 {
		var sum float64
		for j := lo; j < hi; j++ {
			value, _ := o.at(x, j)
			sum += o.p[j] * value
		}
		return sum
	})
}

func (o *sparse[T]) Gradient(x, g []T, s Sample) float64 {
	if s.Batch <= 0 {
		return split(o.dim, grain, func(_, lo, hi int) float64 {
			var sum float64
			for j := lo; j < hi; j++ {
				value, slope := o.at(x, j)
				sum += o.p[j] * value
				g[j] = T(o.p[j] * slope)
			}
			return sum
		})
	}
	clear(g)
	var sum float64
	for j := range o.features(s) {
		value, slope := o.at(x, j)
		sum += value
		g[j] += T(slope / float64(s.Batch))
	}
	return sum / float64(s.Batch)
}

// HessianVector counts the corners of absolute values as flat.
func (o *sparse[T]) HessianVector(_, d, out []T, s Sample) {
	clear(out)
	if o.Loss == "absolute" {
		return
	}
	if s.Batch <= 0 {
		for j, p := range o.p {
			out[j] = T(p * float64(d[j]))
		}
		return
	}
	for j := range o.features(s) {
		out[j] += T(float64(d[j]) / float64(s.Batch))
	}
}

// features goes through those of a batch.
func (o *sparse[T]) features(s Sample) iter.Seq[int] {
	return func(yield func(j int) bool) {
		r := s.source(0)
		for range s.Batch {
			j, _ := slices.BinarySearch(o.cumulative, r.Float64())
			if !yield(min(j, o.dim-1)) { // rounding may leave the last sum below 1
				return
			}
		}
	}
}

var _ = define("regression on rare features", "Duchi, Hazan, Singer 2011; McMahan, Streeter 2010, arXiv:1002.4908", sampled,
	newSparse[float32], newSparse[float64],
	Sparse{Exponent: 1.5, Loss: "absolute"}, Sparse{Exponent: 0, Loss: "square"}, Sparse{Exponent: 1, Loss: "square"})
