package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// A shape is that of a layer of a network.
type shape struct {
	inputs, outputs int
	norm            bool
}

// size returns the number of parameters.
func (s shape) size() int {
	n := s.outputs * (s.inputs + 1)
	if s.norm {
		n += s.outputs
	}
	return n
}

// weights are the parameters of a layer. There is no scale without normalisation.
type weights[T kernels.Real] struct {
	w           matrix[T] // a row for each output
	scale, bias []T
}

// view returns the weights that a vector begins with, and the rest of it.
func view[T kernels.Real](s shape, x []T) (v weights[T], rest []T) {
	take := func(n int) (taken []T) {
		taken, x = x[:n:n], x[n:]
		return taken
	}
	v.w = matrix[T]{s.outputs, s.inputs, take(s.outputs * s.inputs)}
	if s.norm {
		v.scale = take(s.outputs)
	}
	v.bias = take(s.outputs)
	return v, x
}

// initialise sets scales to 1, biases to 0 and w to what [initialise] says.
func (v weights[T]) initialise(init string, seed uint64, p purpose) {
	initialise(init, v.w, seed, p)
	clear(v.bias)
	for j := range v.scale {
		v.scale[j] = 1
	}
}

// A layer computes activation(W in + bias), or with normalisation
// activation(scale*z + bias), where z is W in less its mean over the batch, divided
// by its deviation.
type layer[T kernels.Real] struct {
	shape
	activation string // "" for none
	weights[T]

	in, z, out, back matrix[T] // of the batch at hand
	inverse          []float64 // 1/deviation
}

func (l *layer[T]) forward(in matrix[T]) matrix[T] {
	l.in = in
	l.out.resize(in.rows, l.outputs)
	gemm(asIs, transposed, 1, in, l.w, 0, l.out)
	if l.norm {
		l.normalise()
	}
	l.rows(func(i int) {
		out := l.out.row(i)
		for j, b := range l.bias {
			out[j] += b
		}
		switch l.activation {
		case "relu":
			for j, y := range out {
				if y < 0 {
					out[j] = 0
				}
			}
		case "tanh":
			for j, y := range out {
				out[j] = T(math.Tanh(float64(y)))
			}
		}
	})
	return l.out
}

// rows calls f for every row of the batch.
func (l *layer[T]) rows(f func(i int)) {
	split(l.in.rows, 1+grain/l.outputs, func(_, lo, hi int) float64 {
		for i := lo; i < hi; i++ {
			f(i)
		}
		return 0
	})
}

// columns calls f for some outputs at a time, from lo to hi.
func (l *layer[T]) columns(f func(lo, hi int)) {
	split(l.outputs, 1+grain/l.in.rows, func(_, lo, hi int) float64 {
		f(lo, hi)
		return 0
	})
}

// normalise sets z, and out to scale*z.
func (l *layer[T]) normalise() {
	n := float64(l.in.rows)
	l.z.resize(l.in.rows, l.outputs)
	l.inverse = make([]float64, l.outputs)
	l.columns(func(lo, hi int) {
		mean, square := make([]float64, hi-lo), make([]float64, hi-lo)
		for i := range l.in.rows {
			for j, y := range l.out.row(i)[lo:hi] {
				mean[j] += float64(y) / n
			}
		}
		for i := range l.in.rows {
			for j, y := range l.out.row(i)[lo:hi] {
				square[j] += (float64(y) - mean[j]) * (float64(y) - mean[j]) / n
			}
		}
		for j := range square {
			l.inverse[lo+j] = 1 / math.Sqrt(square[j]+normEps)
		}
		for i := range l.in.rows {
			z, out := l.z.row(i), l.out.row(i)
			for j := lo; j < hi; j++ {
				z[j] = T((float64(out[j]) - mean[j-lo]) * l.inverse[j])
				out[j] = l.scale[j] * z[j]
			}
		}
	})
}

// backward takes the derivative in the outputs, which it overwrites, sets g to that
// in the weights and returns that in the inputs, if it is wanted.
func (l *layer[T]) backward(slope matrix[T], g weights[T], wanted bool) matrix[T] {
	l.activate(slope)
	n := float64(l.in.rows)
	l.columns(func(lo, hi int) {
		sum, along := make([]float64, hi-lo), make([]float64, hi-lo) // of slope, slope*z
		for i := range l.in.rows {
			for j, d := range slope.row(i)[lo:hi] {
				sum[j] += float64(d)
				if l.norm {
					along[j] += float64(d) * float64(l.z.row(i)[lo+j])
				}
			}
		}
		for j := lo; j < hi; j++ {
			g.bias[j] = T(sum[j-lo])
			if l.norm {
				g.scale[j] = T(along[j-lo])
			}
		}
		for i := range l.in.rows {
			if !l.norm {
				break
			}
			d, z := slope.row(i), l.z.row(i)
			for j := lo; j < hi; j++ {
				d[j] = T(float64(l.scale[j]) * l.inverse[j] * (float64(d[j]) - sum[j-lo]/n - float64(z[j])*along[j-lo]/n))
			}
		}
	})
	gemm(transposed, asIs, 1, slope, l.in, 0, g.w)
	if !wanted {
		return matrix[T]{}
	}
	l.back.resize(l.in.rows, l.inputs)
	gemm(asIs, asIs, 1, slope, l.w, 0, l.back)
	return l.back
}

// activate multiplies slope by the derivative of the activation.
func (l *layer[T]) activate(slope matrix[T]) {
	if l.activation == "" {
		return
	}
	l.rows(func(i int) {
		d := slope.row(i)
		for j, y := range l.out.row(i) {
			switch {
			case l.activation == "tanh":
				d[j] *= 1 - y*y
			case y <= 0:
				d[j] = 0
			}
		}
	})
}
