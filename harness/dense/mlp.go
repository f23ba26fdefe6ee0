package dense

import "github.com/optbench/optbench/kernels"

// MLP is a network of fully connected layers that learns the probabilities which
// another of the same shape, the teacher, gives to the classes of normal inputs:
//
//	f(x) = mean_i KL(teacher(z_i) | softmax(network(z_i)))
//
// So the minimum is 0, at the teacher's parameters among others. There are Layers
// hidden layers of Hidden units, or of as many as the dimension asks for if that is
// 0. Norm puts batch normalisation (Ioffe, Szegedy 2015) before their activation,
// with the statistics of the batch at hand; the whole objective is over one batch
// of all examples. Margin multiplies the teacher's last layer: the greater, the
// surer it is. Init is how the network starts, see [initialise]; the teacher's
// weights are those of "he".
type MLP struct {
	Inputs     int     `json:"inputs" range:"[1,1e6]"`
	Hidden     int     `json:"hidden" range:"[0,1e6]"`
	Layers     int     `json:"layers" range:"[1,1000]"`
	Classes    int     `json:"classes" range:"[2,1e6]"`
	Examples   int     `json:"examples" range:"[1,1e9]"`
	Margin     float64 `json:"margin" range:"(0,inf)"`
	Activation string  `json:"activation" range:"relu|tanh"`
	Norm       bool    `json:"norm"`
	Init       string  `json:"init" range:"zeros|scaled|xavier|he"`
}

// normEps is added to variances by batch normalisation, as in the frameworks.
const normEps = 1e-5

func (MLP) Name() string { return "mlp" }

func (s MLP) Dim(n int) int {
	if s.Hidden > 0 {
		return s.dim(s.Hidden)
	}
	return nearest(n, s.dim)
}

// dim returns the number of parameters with that many hidden units in a layer.
func (s MLP) dim(hidden int) (n int) {
	for _, l := range s.shapes(hidden) {
		n += l.size()
	}
	return n
}

func (s MLP) Numbers(dim int) float64 {
	units := float64(s.hidden(dim)) * float64(s.Layers)
	return float64(s.Examples)*(3*float64(s.Inputs)+8*float64(s.Classes)+6*units) + 4*float64(dim)
}

// hidden returns the width that makes the dimension.
func (s MLP) hidden(dim int) int {
	return widest(dim, s.dim)
}

// shapes returns those of the layers.
func (s MLP) shapes(hidden int) []shape {
	var shapes []shape
	inputs := s.Inputs
	for range s.Layers {
		shapes = append(shapes, shape{inputs, hidden, s.Norm})
		inputs = hidden
	}
	return append(shapes, shape{inputs, s.Classes, false})
}

type mlp[T kernels.Real] struct {
	MLP
	classification[T]
	seed     uint64
	x, d     []T // copies of the callers' vectors
	layers   []*layer[T]
	tangents []*tangent[T]
}

func newMLP[T kernels.Real](s MLP, dim int, seed uint64) Objective[T] {
	o := newNetwork[T](s, dim, seed)
	teacher := newNetwork[float64](s, dim, seed)
	teacher.teach(teacher.forward(teacher.truth(), teacher.inputs))
	o.targets = teacher.targets
	return o
}

// newNetwork returns one that has not been taught.
func newNetwork[T kernels.Real](s MLP, dim int, seed uint64) *mlp[T] {
	o := &mlp[T]{
		MLP: s, classification: newClassification[T](s.Examples, s.Inputs, s.Classes, seed),
		seed: seed, x: numbers[T](dim), d: numbers[T](dim),
	}
	rest := o.x
	for i, shape := range s.shapes(s.hidden(dim)) {
		l := &layer[T]{shape: shape}
		if i < s.Layers {
			l.activation = s.Activation
		}
		l.weights, rest = view(shape, rest)
		o.layers = append(o.layers, l)
	}
	for _, v := range o.views(o.d) {
		o.tangents = append(o.tangents, &tangent[T]{weights: v})
	}
	return o
}

// views returns the weights of the layers that a vector holds.
func (o *mlp[T]) views(x []T) []weights[T] {
	views := make([]weights[T], len(o.layers))
	for i, l := range o.layers {
		views[i], x = view(l.shape, x)
	}
	return views
}

func (o *mlp[T]) Sizes() (sizes []int) {
	for _, v := range o.views(o.x) {
		sizes = append(sizes, len(v.w.data))
		if v.scale != nil {
			sizes = append(sizes, len(v.scale))
		}
		sizes = append(sizes, len(v.bias))
	}
	return sizes
}

func (o *mlp[T]) Start(x []T, seed uint64) {
	for i, v := range o.views(x) {
		v.initialise(o.Init, seed, layerStart(i))
	}
}

// truth returns the parameters of the teacher.
func (o *mlp[T]) truth() []T {
	x := numbers[T](len(o.x))
	views := o.views(x)
	for i, v := range views {
		v.initialise("he", o.seed, layerTruth(i))
	}
	last := views[o.Layers].w.data
	for i, w := range last {
		last[i] = T(float32(o.Margin * float64(w)))
	}
	return x
}

func (o *mlp[T]) Minimum() float64 { return 0 }
func (o *mlp[T]) Facts() Facts     { return Facts{} }

// forward returns the logits of a batch of inputs.
func (o *mlp[T]) forward(x []T, inputs matrix[T]) matrix[T] {
	copy(o.x, x)
	for _, l := range o.layers {
		inputs = l.forward(inputs)
	}
	return inputs
}

func (o *mlp[T]) Value(x []T) float64 {
	return o.divergence(o.forward(x, o.batch(Sample{})))
}

func (o *mlp[T]) Gradient(x, g []T, s Sample) float64 {
	slope := o.forward(x, o.batch(s))
	value := o.divergence(slope)
	views := o.views(g)
	for i := len(views) - 1; i >= 0; i-- {
		slope = o.layers[i].backward(slope, views[i], i > 0)
	}
	return value
}

func (o *mlp[T]) HessianVector(x, d, out []T, s Sample) {
	slope := o.forward(x, o.batch(s))
	copy(o.d, d)
	var change matrix[T] // inputs do not move
	for i, t := range o.tangents {
		change = t.forward(o.layers[i], change)
	}
	curve(slope, change)
	o.divergence(slope)
	views := o.views(out)
	for i := len(views) - 1; i >= 0; i-- {
		slope, change = o.tangents[i].backward(o.layers[i], slope, change, views[i], i > 0)
	}
}

var _ = define("multilayer perceptron that learns from another", "Rumelhart, Hinton, Williams 1986; Ioffe, Szegedy 2015, arXiv:1502.03167", sampled,
	newMLP[float32], newMLP[float64],
	MLP{Inputs: 32, Layers: 2, Classes: 10, Examples: 1024, Margin: 3, Activation: "relu", Init: "he"},
	MLP{Inputs: 5, Layers: 1, Classes: 3, Examples: 40, Margin: 1, Activation: "tanh", Norm: true, Init: "xavier"},
	MLP{Inputs: 4, Hidden: 6, Layers: 3, Classes: 2, Examples: 30, Margin: 2, Activation: "relu", Norm: true, Init: "he"},
	MLP{Inputs: 6, Layers: 2, Classes: 4, Examples: 50, Margin: 2, Activation: "tanh", Init: "scaled"})
