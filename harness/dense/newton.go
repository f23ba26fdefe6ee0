package dense

import "math"

// newton returns the minimum of a strongly convex objective, by Newton's method
// with conjugate gradients (Dembo, Eisenstat, Steihaug 1982) and halved steps. It
// ends where the decrease that it foresees is lost in the value's rounding.
func newton(o Curved[float64]) float64 {
	dim := 0
	for _, n := range o.Sizes() {
		dim += n
	}
	x, g, step, next := make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim)
	o.Start(x)
	value := o.Gradient(x, g, Sample{})
	for range 100 {
		decrease := conjugate(o, x, g, step)
		if !(decrease > 1e-16*math.Abs(value)) {
			break
		}
		better := false
		for scale := 1.0; scale > 1e-6 && !better; scale /= 2 {
			for i := range next {
				next[i] = x[i] + scale*step[i]
			}
			v := o.Value(next)
			better = v < value
		}
		if !better {
			break
		}
		x, next = next, x
		value = o.Gradient(x, g, Sample{})
	}
	return value
}

// conjugate solves Hs = -g for the Hessian at x, to a residual that falls with
// |g|, and returns the decrease that the quadratic model foresees.
func conjugate(o Curved[float64], x, g, s []float64) (decrease float64) {
	r, d, hd := make([]float64, len(g)), make([]float64, len(g)), make([]float64, len(g))
	clear(s)
	for i := range g {
		r[i], d[i] = -g[i], -g[i]
	}
	rr := product(r, r)
	enough := rr * min(1e-4, rr)
	for range 10 * len(g) {
		if !(rr > enough) {
			break
		}
		o.HessianVector(x, d, hd, Sample{})
		a := rr / product(d, hd)
		axpy(a, d, s)
		axpy(-a, hd, r)
		decrease += a * rr / 2
		last := rr
		rr = product(r, r)
		for i := range d {
			d[i] = r[i] + rr/last*d[i]
		}
	}
	return decrease
}
