package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// DeepLinear is the regression of a linear map by a product of square matrices, the
// layers, on inputs that are normal:
//
//	f(W) = E |W_Layers ... W_1 z - M z|^2/2 = |W_Layers ... W_1 - M|^2/2
//
// The singular values of M fall geometrically from 1 to 1/Condition. The minimum is
// 0 and no other minimum is local, but the saddle where all layers are 0 is strict
// with two of them only. A batch is of inputs drawn for it alone.
type DeepLinear struct {
	Layers    int     `json:"layers" range:"[1,1024]"`
	Condition float64 `json:"condition" range:"[1,inf)"`
	Init      string  `json:"init" range:"zeros|scaled|xavier|he"`
}

func (DeepLinear) Name() string { return "deep-linear" }

// Dim returns the nearest of Layers*width^2.
func (s DeepLinear) Dim(n int) int {
	return nearest(n, func(width int) int { return s.Layers * width * width })
}

func (s DeepLinear) Numbers(dim int) float64 { return float64(dim) * (4 + 11/float64(s.Layers)) }

type deepLinear[T kernels.Real] struct {
	DeepLinear
	width           int
	target          matrix[T]
	layers, moves   []matrix[T] // copies of the callers' vectors
	prefix, changes []matrix[T] // W_l ... W_1, and how it changes along the moves
	inputs, outputs matrix[T]   // of a batch, one a row
	back, backMove  [2]matrix[T]
}

func newDeepLinear[T kernels.Real](s DeepLinear, dim int, seed uint64) Objective[T] {
	o := &deepLinear[T]{DeepLinear: s}
	o.width = int(math.Round(math.Sqrt(float64(dim / s.Layers))))
	square := func() matrix[T] { return newMatrix[T](o.width, o.width) }
	for range s.Layers {
		o.layers, o.moves = append(o.layers, square()), append(o.moves, square())
		o.prefix, o.changes = append(o.prefix, square()), append(o.changes, square())
	}
	for i := range o.back {
		o.back[i], o.backMove[i] = square(), square()
	}
	// M = U'SV: rows of U and V are singular vectors.
	u, v := orthogonal(o.width, o.width, seed, forTruth), orthogonal(o.width, o.width, seed, forRotation)
	for k := range o.width {
		for i := range u.row(k) {
			u.row(k)[i] *= geometric(1, 1/s.Condition, k, o.width)
		}
	}
	m := newMatrix[float64](o.width, o.width)
	gemm(transposed, asIs, 1, u, v, 0, m)
	o.target = rounded[T](m)
	return o
}

func (o *deepLinear[T]) Sizes() []int {
	sizes := make([]int, o.Layers)
	for l := range sizes {
		sizes[l] = o.width * o.width
	}
	return sizes
}

func (o *deepLinear[T]) Start(x []T, seed uint64) {
	for l, w := range o.views(x) {
		initialise(o.Init, w, seed, layerStart(l))
	}
}

func (o *deepLinear[T]) Minimum() float64 { return 0 }
func (o *deepLinear[T]) Facts() Facts     { return Facts{} }

// views returns the layers that a vector holds.
func (o *deepLinear[T]) views(x []T) []matrix[T] {
	views := make([]matrix[T], o.Layers)
	for l := range views {
		n := o.width * o.width
		views[l] = matrix[T]{o.width, o.width, x[l*n : (l+1)*n]}
	}
	return views
}

// forward sets the prefixes to those of the layers in x.
func (o *deepLinear[T]) forward(x []T) {
	for l, w := range o.views(x) {
		copy(o.layers[l].data, w.data)
		if l == 0 {
			copy(o.prefix[0].data, w.data)
		} else {
			gemm(asIs, asIs, 1, o.layers[l], o.prefix[l-1], 0, o.prefix[l])
		}
	}
}

// weigh turns a matrix R into R E[zz'], for the inputs z of a sample, and returns
// E|Rz|^2/2.
func (o *deepLinear[T]) weigh(r matrix[T], s Sample) float64 {
	if s.Batch <= 0 {
		return product(r.data, r.data) / 2
	}
	o.inputs.resize(s.Batch, o.width)
	o.outputs.resize(s.Batch, o.width)
	drawExamples(s, o.inputs)
	gemm(asIs, transposed, 1, o.inputs, r, 0, o.outputs)
	gemm(transposed, asIs, 1/T(s.Batch), o.outputs, o.inputs, 0, r)
	return product(o.outputs.data, o.outputs.data) / 2 / float64(s.Batch)
}

func (o *deepLinear[T]) Value(x []T) float64 {
	o.forward(x)
	return o.residual(Sample{})
}

// residual sets back[0] to the derivative in the product, and returns the value.
func (o *deepLinear[T]) residual(s Sample) float64 {
	r := o.back[0]
	for i, p := range o.prefix[o.Layers-1].data {
		r.data[i] = p - o.target.data[i]
	}
	return o.weigh(r, s)
}

func (o *deepLinear[T]) Gradient(x, g []T, s Sample) float64 {
	o.forward(x)
	value := o.residual(s)
	views := o.views(g)
	for l := o.Layers - 1; l > 0; l-- {
		gemm(asIs, transposed, 1, o.back[0], o.prefix[l-1], 0, views[l])
		gemm(transposed, asIs, 1, o.layers[l], o.back[0], 0, o.back[1])
		o.back[0], o.back[1] = o.back[1], o.back[0]
	}
	copy(views[0].data, o.back[0].data)
	return value
}

// HessianVector is the derivative of Gradient along d, term by term.
func (o *deepLinear[T]) HessianVector(x, d, out []T, s Sample) {
	o.forward(x)
	for l, move := range o.views(d) {
		copy(o.moves[l].data, move.data)
		if l == 0 {
			copy(o.changes[0].data, move.data)
		} else {
			gemm(asIs, asIs, 1, o.moves[l], o.prefix[l-1], 0, o.changes[l])
			gemm(asIs, asIs, 1, o.layers[l], o.changes[l-1], 1, o.changes[l])
		}
	}
	o.residual(s)
	copy(o.backMove[0].data, o.changes[o.Layers-1].data)
	o.weigh(o.backMove[0], s)
	views := o.views(out)
	for l := o.Layers - 1; l > 0; l-- {
		gemm(asIs, transposed, 1, o.backMove[0], o.prefix[l-1], 0, views[l])
		gemm(asIs, transposed, 1, o.back[0], o.changes[l-1], 1, views[l])
		gemm(transposed, asIs, 1, o.layers[l], o.backMove[0], 0, o.backMove[1])
		gemm(transposed, asIs, 1, o.moves[l], o.back[0], 1, o.backMove[1])
		gemm(transposed, asIs, 1, o.layers[l], o.back[0], 0, o.back[1])
		o.back[0], o.back[1] = o.back[1], o.back[0]
		o.backMove[0], o.backMove[1] = o.backMove[1], o.backMove[0]
	}
	copy(views[0].data, o.backMove[0].data)
}

var _ = define("deep linear network", "Kawaguchi 2016, arXiv:1605.07110; Saxe, McClelland, Ganguli 2014, arXiv:1312.6120", sampled,
	newDeepLinear[float32], newDeepLinear[float64],
	DeepLinear{Layers: 3, Condition: 10, Init: "xavier"}, DeepLinear{Layers: 1, Condition: 1, Init: "zeros"},
	DeepLinear{Layers: 5, Condition: 3, Init: "he"})
