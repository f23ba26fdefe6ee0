package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// Softmax is the regression of several classes on synthetic examples, with a
// penalty:
//
//	f(X) = mean_i -log softmax(X a_i)[y_i] + Decay*|X|^2/2
//
// X has a row for each of the Classes; the a_i are normal. A label is drawn with
// the probabilities that the model W gives, whose W a_i have the standard deviation
// Margin. The first point is 0.
type Softmax struct {
	Classes  int     `json:"classes" range:"[2,1e6]"`
	Examples int     `json:"examples" range:"[1,1e9]"`
	Margin   float64 `json:"margin" range:"[0,inf)"`
	Decay    float64 `json:"decay" range:"(0,inf)"`
}

func (Softmax) Name() string    { return "softmax" }
func (s Softmax) Dim(n int) int { return multiple(n, s.Classes) }

func (s Softmax) Numbers(dim int) float64 {
	return 3 * (float64(s.Examples)*float64(dim/s.Classes+4*s.Classes) + 2*float64(dim))
}

type softmax[T kernels.Real] struct {
	Softmax
	whole
	classification[T]
	x, d           matrix[T] // copies of the callers' vectors
	logits, change matrix[T]
	minimum        func() float64
	facts          Facts
}

func newSoftmax[T kernels.Real](s Softmax, dim int, seed uint64) Objective[T] {
	features := dim / s.Classes
	o := &softmax[T]{
		Softmax: s, whole: whole{dim},
		classification: newClassification[T](s.Examples, features, s.Classes, seed),
		x:              newMatrix[T](s.Classes, features), d: newMatrix[T](s.Classes, features),
	}
	w := newMatrix[float64](s.Classes, features)
	normals(w.data, s.Margin/math.Sqrt(float64(features)), seed, forTruth)
	logits := newMatrix[float64](s.Examples, s.Classes)
	gemm(asIs, transposed, 1, widened(o.inputs), w, 0, logits)
	o.teach(logits)
	o.label(seed)
	// The Hessian of the loss in the logits is at most half the identity.
	o.facts = Facts{moment(o.inputs, seed)/2 + s.Decay, s.Decay}
	o.minimum = once(func() Curved[float64] { return newSoftmax[float64](s, dim, seed).(Curved[float64]) })
	return o
}

func (o *softmax[T]) Start(x []T, _ uint64) { clear(x) }
func (o *softmax[T]) Minimum() float64      { return o.minimum() }

func (o *softmax[T]) Facts() Facts { return o.facts }

// forward sets the logits to those of the examples in a.
func (o *softmax[T]) forward(x []T, a matrix[T]) {
	copy(o.x.data, x)
	o.logits.resize(a.rows, o.Classes)
	gemm(asIs, transposed, 1, a, o.x, 0, o.logits)
}

func (o *softmax[T]) Value(x []T) float64 {
	o.forward(x, o.batch(Sample{}))
	return o.divergence(o.logits) + o.Decay*product(x, x)/2
}

func (o *softmax[T]) Gradient(x, g []T, s Sample) float64 {
	a := o.batch(s)
	o.forward(x, a)
	value := o.divergence(o.logits) + o.Decay*product(x, x)/2
	gemm(transposed, asIs, 1, o.logits, a, 0, matrix[T]{o.Classes, a.cols, g})
	axpy(T(o.Decay), x, g)
	return value
}

func (o *softmax[T]) HessianVector(x, d, out []T, s Sample) {
	a := o.batch(s)
	o.forward(x, a)
	copy(o.d.data, d)
	o.change.resize(a.rows, o.Classes)
	gemm(asIs, transposed, 1, a, o.d, 0, o.change)
	curve(o.logits, o.change)
	gemm(transposed, asIs, 1, o.change, a, 0, matrix[T]{o.Classes, a.cols, out})
	axpy(T(o.Decay), o.d.data, out)
}

// curve turns changes of logits into those of the derivatives of the divergence.
func curve[T kernels.Real](logits, change matrix[T]) {
	n := float64(logits.rows)
	split(logits.rows, 1+grain/64/logits.cols, func(_, lo, hi int) float64 {
		q := make([]float64, logits.cols)
		for i := lo; i < hi; i++ {
			logSoftmax(logits.row(i), q)
			var mean float64
			for c, dz := range change.row(i) {
				q[c] = math.Exp(q[c])
				mean += q[c] * float64(dz)
			}
			for c, dz := range change.row(i) {
				change.row(i)[c] = T(q[c] * (float64(dz) - mean) / n)
			}
		}
		return 0
	})
}

var _ = define("softmax regression on synthetic examples", "Bohning 1992; Bottou, Curtis, Nocedal 2018, arXiv:1606.04838", sampled,
	newSoftmax[float32], newSoftmax[float64],
	Softmax{Classes: 10, Examples: 2048, Margin: 3, Decay: 1e-3}, Softmax{Classes: 3, Examples: 60, Margin: 1, Decay: 0.1})
