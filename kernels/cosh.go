package kernels

import "math"

// Cosh is L0/L1^2 * sum(cosh(L1*p)-1), whose curvature is L0 + L1*|gradient| at
// most and grows without bound: (L0,L1)-smooth and not smooth. At the first point,
// the same for all coordinates, the gradient of each is Slope: a fixed step must be
// short enough for it all along, and clipped steps need not.
type Cosh struct {
	L0    float64 `json:"l0" range:"(0,inf)"`
	L1    float64 `json:"l1" range:"(0,inf)"`
	Slope float64 `json:"slope" range:"(0,inf)"`
}

func (Cosh) Name() string          { return "cosh" }
func (Cosh) Kernel() *Kernel       { return coshChainKernel }
func (o Cosh) Coef(int, Step) Coef { return coshCoef(o.L0, o.L1) }

func coshCoef(l0, l1 float64) Coef { return Coef{1: l1 / 2, 2: 2 * l0 / l1, 3: 2 * l0 / (l1 * l1)} }

// coshStart is where the slope of a coordinate is slope, and the curvature there.
func coshStart(l0, l1, slope float64) (start, curvature float64) {
	s := slope * l1 / l0
	return math.Asinh(s) / l1, l0 * math.Sqrt(1+float64(s*s))
}

func (o Cosh) Facts(n int) (Facts, error) {
	start, curvature := coshStart(o.L0, o.L1, o.Slope)
	return Facts{L: curvature, Mu: o.L0, Start: start}, atLeast(1, n)
}

var coshChainKernel = objectiveKernel("cosh_chain", nil, coshChain[float32], coshChain[float64])

func coshChain[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g := s[0], s[1]
	for i := range p {
		slope, value := coshPart(T(c[1] * p[i]))
		g[i] = T(c[2] * slope)
		acc[0][i%Lanes] += T(c[3] * value)
	}
}

// coshPart returns sinh(2x)/2 and (cosh(2x)-1)/2. Both are products of sinh(x), in
// which nothing cancels near 0.
func coshPart[T Real](x T) (slope, value T) {
	h := sinh(x)
	q := T(h * h)
	return T(h * sqrt(1+q)), q
}

// SinhSeries are the coefficients of sinh(x)/x in x^2, from that of x^2 on: of the
// series, which for |x| up to 1 is then exact to 2^-25.
var SinhSeries = [4]float32{1. / 6, 1. / 120, 1. / 5040, 1. / 362880}

// sinh returns the hyperbolic sine. For float64 it is the library's. For float32
// its error is below 3 + 5|x|/4 ulp (TestSinh).
func sinh[T Real](x T) T {
	x32, ok := any(x).(float32)
	if !ok {
		return T(math.Sinh(float64(x)))
	}
	if a := abs(x32); a > 1 {
		e := exp2(float32(math.Log2E * a))
		y := float32(0.5*e) - 0.5/e
		return T(math.Copysign(float64(y), float64(x32)))
	}
	q := float32(x32 * x32)
	s := SinhSeries[3]
	for i := 2; i >= 0; i-- {
		s = float32(s*q) + SinhSeries[i]
	}
	return T(x32 + float32(x32*float32(q*s)))
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "cosh",
	Title:  "l0/l1^2*sum(cosh(l1*p)-1), from where its slopes are slope",
	Source: "(L0,L1)-smooth and not smooth; Zhang et al. 2020, 1905.11881",
	Cases:  []Objective{Cosh{L0: 1, L1: 1, Slope: 100}, Cosh{L0: 0.5, L1: 2, Slope: 1}},
})
