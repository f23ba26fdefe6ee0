package kernels

// DoubleWell is sum((p^2-1)^2/4 + Tilt*p), less its minimum. Each coordinate has a
// well near -1 and one near 1, as deep where Tilt is 0 and else a local minimum,
// and a saddle between them: of the 3^n stationary points 2^n are minima.
type DoubleWell struct {
	Tilt float64 `json:"tilt" range:"[0,0.38]"`
}

func (DoubleWell) Name() string    { return "double-well" }
func (DoubleWell) Kernel() *Kernel { return doubleWellKernel }

// bottom is the deeper minimum of a coordinate: the least root of x^3 - x + Tilt.
func (o DoubleWell) bottom() float64 {
	x := -1.25 // below it, so that Newton's method comes from one side
	for range 10 {
		x -= (float64(x*float64(x*x)) - x + o.Tilt) / (float64(3*float64(x*x)) - 1)
	}
	return x
}

func (o DoubleWell) Coef(int, Step) Coef {
	a := o.bottom()
	return Coef{1: a, 2: float64(a*a) - 1, 3: 2 * (float64(a*a) - 1)}
}

func (o DoubleWell) Facts(n int) (Facts, error) {
	a := o.bottom()
	return Facts{L: float64(3*a*a) - 1, Spread: 1}, atLeast(1, n)
}

var doubleWellKernel = objectiveKernel("double_well", nil, doubleWell[float32], doubleWell[float64])

// With the bottom a, a double root, the terms are (p-a)^2 ((p+a)^2 + 2(a^2-1)) / 4,
// in which nothing cancels near the minimum.
func doubleWell[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g := s[0], s[1]
	for i := range p {
		d, e := p[i]-c[1], p[i]+c[1]
		g[i] = T(d * (T(p[i]*e) + c[2]))
		acc[0][i%Lanes] += T(T(0.25*T(d*d)) * (T(e*e) + c[3]))
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "double-well",
	Title:  "sum((p^2-1)^2/4 + tilt*p), less its minimum",
	Source: "2^n minima among 3^n stationary points; Lee et al. 2016",
	Cases:  []Objective{DoubleWell{}, DoubleWell{Tilt: 0.2}},
})
