package dense

import "math"

// newton returns the minimum of a strongly convex objective, by Newton's method
// with conjugate gradients (Dembo, Eisenstat, Steihaug 1982) and halved steps. It
// ends where strong convexity shows that the value is the minimum to 15 digits, or
// where rounding hides any further descent.
func newton(o Curved[float64]) float64 {
	dim := 0
	for _, n := range o.Sizes() {
		dim += n
	}
	x, g, step, next := make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim)
	o.Start(x, 0)
	value := o.Gradient(x, g, Sample{})
	for product(g, g) > 2e-15*math.Abs(value)*o.Facts().StrongConvexity {
		conjugate(o, x, g, step)
		better := false
		for scale := 1.0; scale > 1e-6 && !better; scale /= 2 {
			for i := range next {
				next[i] = x[i] + scale*step[i]
			}
			better = o.Value(next) < value
		}
		if !better {
			break
		}
		x, next = next, x
		value = o.Gradient(x, g, Sample{})
	}
	return value
}

// conjugate solves Hs = -g for the Hessian at x, to a hundredth of |g|: what more
// it could do, it does as well from the next point.
func conjugate(o Curved[float64], x, g, s []float64) {
	r, d, hd := make([]float64, len(g)), make([]float64, len(g)), make([]float64, len(g))
	clear(s)
	for i := range g {
		r[i], d[i] = -g[i], -g[i]
	}
	rr := product(r, r)
	for enough := 1e-4 * rr; rr > enough; {
		o.HessianVector(x, d, hd, Sample{})
		a := rr / product(d, hd)
		axpy(a, d, s)
		axpy(-a, hd, r)
		last := rr
		rr = product(r, r)
		for i := range d {
			d[i] = r[i] + rr/last*d[i]
		}
	}
}
