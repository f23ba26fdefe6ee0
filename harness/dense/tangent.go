package dense

import "github.com/optbench/optbench/kernels"

// A tangent is how a layer's passes change as its weights move: what products of
// the Hessian of a network are made of (Pearlmutter 1994). The letters are those of
// the layer; a quantity and its tangent have the same name.
type tangent[T kernels.Real] struct {
	weights[T]
	in, z, out, back matrix[T]
	inverse          []float64
}

// forward takes the tangent of the inputs, without rows for none, after the forward
// pass of the layer.
func (t *tangent[T]) forward(l *layer[T], in matrix[T]) matrix[T] {
	t.in = in
	t.out.resize(l.in.rows, l.outputs)
	gemm(asIs, transposed, 1, l.in, t.w, 0, t.out)
	if in.rows > 0 {
		gemm(asIs, transposed, 1, in, l.w, 1, t.out)
	}
	if l.norm {
		t.normalise(l)
	}
	l.rows(func(i int) {
		out := t.out.row(i)
		for j, b := range t.bias {
			out[j] += b
		}
	})
	l.activate(t.out)
	return t.out
}

// normalise sets z and inverse, and out to the tangent of scale*z.
func (t *tangent[T]) normalise(l *layer[T]) {
	n := float64(l.in.rows)
	t.z.resize(l.in.rows, l.outputs)
	t.inverse = make([]float64, l.outputs)
	l.columns(func(lo, hi int) {
		mean, along := make([]float64, hi-lo), make([]float64, hi-lo)
		for i := range l.in.rows {
			for j, y := range t.out.row(i)[lo:hi] {
				mean[j] += float64(y) / n
				along[j] += float64(y) * float64(l.z.row(i)[lo+j]) / n
			}
		}
		for j := lo; j < hi; j++ {
			t.inverse[j] = -l.inverse[j] * l.inverse[j] * along[j-lo]
		}
		for i := range l.in.rows {
			z, dz, out := l.z.row(i), t.z.row(i), t.out.row(i)
			for j := lo; j < hi; j++ {
				dz[j] = T(l.inverse[j] * (float64(out[j]) - mean[j-lo] - float64(z[j])*along[j-lo]))
				out[j] = T(t.scale[j]*z[j]) + T(l.scale[j]*dz[j])
			}
		}
	})
}

// backward takes the derivative in the outputs and its tangent, overwrites both,
// sets h to the tangent of that in the weights and returns those of the inputs, if
// they are wanted.
func (t *tangent[T]) backward(l *layer[T], slope, change matrix[T], h weights[T], wanted bool) (matrix[T], matrix[T]) {
	l.activate(change)
	if l.activation == "tanh" {
		// The second derivative is -2out times the first, which is in t.out.
		l.rows(func(i int) {
			for j, y := range l.out.row(i) {
				change.row(i)[j] -= 2 * y * t.out.row(i)[j] * slope.row(i)[j]
			}
		})
	}
	l.activate(slope)
	n := float64(l.in.rows)
	l.columns(func(lo, hi int) {
		type sums struct{ slope, along, change, alongChange float64 }
		total := make([]sums, hi-lo)
		for i := range l.in.rows {
			for j := lo; j < hi; j++ {
				s := &total[j-lo]
				a, da := float64(slope.row(i)[j]), float64(change.row(i)[j])
				s.slope += a
				s.change += da
				if l.norm {
					z, dz := float64(l.z.row(i)[j]), float64(t.z.row(i)[j])
					s.along += a * z
					s.alongChange += da*z + a*dz
				}
			}
		}
		for j := lo; j < hi; j++ {
			h.bias[j] = T(total[j-lo].change)
			if l.norm {
				h.scale[j] = T(total[j-lo].alongChange)
			}
		}
		for i := range l.in.rows {
			if !l.norm {
				break
			}
			for j := lo; j < hi; j++ {
				s := total[j-lo]
				z, dz := float64(l.z.row(i)[j]), float64(t.z.row(i)[j])
				centred := float64(slope.row(i)[j]) - (s.slope+z*s.along)/n
				moved := float64(change.row(i)[j]) - (s.change+dz*s.along+z*s.alongChange)/n
				factor := float64(l.scale[j]) * l.inverse[j]
				slope.row(i)[j] = T(factor * centred)
				change.row(i)[j] = T(factor*moved + (float64(t.scale[j])*l.inverse[j]+float64(l.scale[j])*t.inverse[j])*centred)
			}
		}
	})
	gemm(transposed, asIs, 1, change, l.in, 0, h.w)
	if t.in.rows > 0 {
		gemm(transposed, asIs, 1, slope, t.in, 1, h.w)
	}
	if !wanted {
		return matrix[T]{}, matrix[T]{}
	}
	t.back.resize(l.in.rows, l.inputs)
	gemm(asIs, asIs, 1, change, l.w, 0, t.back)
	gemm(asIs, asIs, 1, slope, t.w, 1, t.back)
	l.back.resize(l.in.rows, l.inputs)
	gemm(asIs, asIs, 1, slope, l.w, 0, l.back)
	return l.back, t.back
}
