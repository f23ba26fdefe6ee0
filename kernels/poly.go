package kernels

import "math"

// Poly is sum(|p|^Power)/Power. From Power 3 on its curvature has no bound, but
// grows no faster than its gradient: it is (L0,L1)-smooth for any L1. From 3 on it is
// also flat about its minimum, so that no method with bounded steps is fast.
type Poly struct {
	Power int `json:"power" range:"[2,9]"`
}

func (Poly) Name() string    { return "poly" }
func (Poly) Kernel() *Kernel { return polyKernel }

// polyStart is the largest coordinate of a first point.
const polyStart = 2

func (o Poly) Facts(n int) (Facts, error) {
	f := Facts{L: float64(o.Power-1) * math.Pow(polyStart, float64(o.Power-2)), Spread: polyStart}
	if o.Power == 2 {
		f.Mu = 1
	}
	return f, atLeast(1, n)
}

// Coef has the bits of the power of |p| by which p is multiplied.
func (o Poly) Coef(int, Step) Coef {
	e := o.Power - 2
	return Coef{1: float64(e & 1), 2: float64(e >> 1 & 1), 3: float64(e >> 2 & 1), 4: 1 / float64(o.Power)}
}

var polyKernel = objectiveKernel("poly", nil, poly[float32], poly[float64])

func poly[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	factor := func(bit, x T) T {
		if bit > 0 {
			return x
		}
		return 1
	}
	p, g := s[0], s[1]
	for i := range p {
		a := abs(p[i])
		square := T(a * a)
		m := T(T(factor(c[1], a)*factor(c[2], square)) * factor(c[3], T(square*square)))
		gi := T(p[i] * m)
		g[i] = gi
		acc[0][i%Lanes] += T(c[4] * T(gi*p[i]))
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "poly",
	Title:  "sum(|p|^power)/power",
	Source: "(L0,L1)-smooth and not smooth; Zhang et al. 2020, 1905.11881",
	Cases:  []Objective{Poly{Power: 4}, Poly{Power: 2}, Poly{Power: 3}, Poly{Power: 9}},
})
