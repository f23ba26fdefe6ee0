package method

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// heldBy are the two ways to hold a step in check: what radius is, and what the value
// of the model has beside its quadratic part. Steps beyond the ball have no value.
func heldByCubic(m float64) (radius, beside func(float64) float64) {
	return func(mu float64) float64 { return 2 * mu / m }, func(r float64) float64 { return m * r * r * r / 6 }
}

func heldByBall(size float64) (radius, beside func(float64) float64) {
	return func(float64) float64 { return size }, func(r float64) float64 {
		if r > size*(1+1e-12) {
			return math.Inf(1)
		}
		return 0
	}
}

func modelValue(values, c, y []float64, beside func(float64) float64) float64 {
	v := beside(norm(y))
	for i := range y {
		v += c[i]*y[i] + values[i]*y[i]*y[i]/2
	}
	return v
}

// someModel draws eigenvalues over several decades, of which some are equal and some
// are 0, and slopes, of which some are 0: the hard case among them.
func someModel(r *rand.Rand, n int) (values, c []float64) {
	scale, steep := math.Exp(4*r.NormFloat64()), math.Exp(4*r.NormFloat64())
	for range n {
		values = append(values, scale*r.NormFloat64())
		c = append(c, steep*r.NormFloat64())
	}
	if n > 1 && r.IntN(3) == 0 {
		values[1] = values[0]
	}
	if r.IntN(3) == 0 {
		values[r.IntN(n)] = 0
	}
	if r.IntN(4) == 0 { // nothing below zero
		for i := range values {
			values[i] = math.Abs(values[i])
		}
	}
	slices.Sort(values)
	for i := range c {
		if r.IntN(3) == 0 {
			c[i] = 0
		}
	}
	switch r.IntN(4) {
	case 0:
		c[0] = 0 // hard, if what is left is short
	case 1:
		c[0] = 1e-200 * steep // all but hard
	}
	return values, c
}

// TestSecular: what it returns satisfies the conditions that a global minimum alone
// satisfies (Nesterov, Polyak 2006, Theorem 10; More, Sorensen 1983), and no point of
// many that are tried is lower.
func TestSecular(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	hard := 0
	for range 4000 {
		values, c := someModel(r, 1+r.IntN(6))
		size := math.Exp(4 * r.NormFloat64())
		radius, beside := heldByCubic(size)
		ball := r.IntN(2) == 0
		if ball {
			radius, beside = heldByBall(size)
		}
		y, mu := secular(values, c, radius)
		length := norm(y)
		if mu < 0 || mu < -values[0] || !finite(y) {
			t.Fatalf("values %v, slope %v: mu is %v, y %v", values, c, mu, y)
		}
		for i := range y {
			bend := (values[i] + mu) * y[i]
			if off := math.Abs(bend + c[i]); off > 1e-11*(math.Abs(c[i])+(math.Abs(values[i])+mu)*math.Abs(y[i])) {
				t.Fatalf("values %v, slope %v, mu %v: y[%d] is %v, at which the slope is off by %.2g", values, c, mu, i, y[i], off)
			}
		}
		interior := ball && mu == 0 && length <= size
		if want := radius(mu); !interior && math.Abs(length-want) > 1e-9*want {
			t.Fatalf("values %v, slope %v, mu %v: |y| is %v, want %v", values, c, mu, length, want)
		}
		if c[0] == 0 && y[0] != 0 {
			hard++
		}
		least := modelValue(values, c, y, beside)
		for range 100 {
			z, far := slices.Clone(y), math.Exp(2*r.NormFloat64())*length
			for i := range z {
				z[i] = y[i]*float64(r.IntN(2)) + far*math.Exp(-6*r.Float64())*r.NormFloat64()
			}
			if ball {
				scale(min(1, size/norm(z)), z)
			}
			if v := modelValue(values, c, z, beside); v < least-1e-9*math.Abs(least) {
				t.Fatalf("values %v, slope %v: at %v the model is %v, at %v only %v", values, c, y, least, z, v)
			}
		}
	}
	if hard < 100 {
		t.Errorf("%d of the models were of the hard case, which tests little", hard)
	}
}

// TestSecularHard: in the hard case the step leaves along the lowest eigenvector.
func TestSecularHard(t *testing.T) {
	cubic, _ := heldByCubic(1)
	ball, _ := heldByBall(3)
	for _, c := range []struct {
		values, c []float64
		radius    func(float64) float64
		want      []float64
		mu        float64
	}{
		{[]float64{-1, 2}, []float64{0, 1}, cubic, []float64{math.Sqrt(4 - 1.0/9), -1.0 / 3}, 1},
		{[]float64{-1, 2}, []float64{0, 0}, cubic, []float64{2, 0}, 1},
		{[]float64{-1, 2}, []float64{0, 1}, ball, []float64{math.Sqrt(9 - 1.0/9), -1.0 / 3}, 1},
		{[]float64{-1, -1}, []float64{0, 0}, ball, []float64{3, 0}, 1},
		{[]float64{0, 2}, []float64{0, 1}, ball, []float64{0, -0.5}, 0},
		{[]float64{0, 2}, []float64{1, 0}, ball, []float64{-3, 0}, 1.0 / 3},
		{[]float64{1, 2}, []float64{0, 0}, cubic, []float64{0, 0}, 0},
		{[]float64{1, 2}, []float64{1, 4}, ball, []float64{-1, -2}, 0},
	} {
		y, mu := secular(c.values, c.c, c.radius)
		off := slices.Clone(y)
		axpy(-1, c.want, off)
		if norm(off) > 1e-14 || math.Abs(mu-c.mu) > 1e-14 {
			t.Errorf("values %v, slope %v: y is %v, mu %v, want %v, %v", c.values, c.c, y, mu, c.want, c.mu)
		}
	}
}
