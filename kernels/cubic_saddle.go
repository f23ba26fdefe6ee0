package kernels

import "math"

// CubicSaddle is a saddle at 0 with one way out: of its first coordinate it is
// -Gamma*p^2/2 + Rho*|p|^3/6, less its minimum, and of every other Stiffness*p^2/2. Its
// second derivative changes by Rho times the way exactly. Runs start beside the
// saddle, where only noise or time leads away; noise on gradients is smaller by
// Anisotropy along the way out.
type CubicSaddle struct {
	Gamma     float64 `json:"gamma" range:"(0,inf)"`
	Rho       float64 `json:"rho" range:"(0,inf)"`
	Stiffness float64 `json:"stiffness" range:"(0,inf)"`

	Anisotropy float64 `json:"anisotropy" range:"[1,inf)"`
}

func (CubicSaddle) Name() string    { return "cubic-saddle" }
func (CubicSaddle) Kernel() *Kernel { return cubicSaddleKernel }

func (o CubicSaddle) Coef(int, Step) Coef {
	a := 2 * o.Gamma / o.Rho // where its minima are
	return Coef{1: o.Rho / 2, 2: a, 3: o.Rho / 6, 4: a / 2}
}

func (o CubicSaddle) Facts(n int) (Facts, error) {
	f := Facts{
		L:      max(o.Stiffness, o.Gamma),
		Spread: math.Ldexp(1, -10),
		Data: func(_, i int) float64 {
			if i == 0 {
				return 0
			}
			return o.Stiffness
		},
	}
	if o.Anisotropy > 1 {
		f.Noise = func(i int) float64 {
			if i == 0 {
				return 1 / o.Anisotropy
			}
			return 1
		}
	}
	return f, atLeast(1, n)
}

// The coordinate without stiffness is the way out.
var cubicSaddleKernel = objectiveKernel("cubic_saddle", []Slot{{"stiffness", Input}}, cubicSaddle[float32], cubicSaddle[float64])

// With its minima at -a and a the terms are Rho/6 (|p|-a)^2 (|p|+a/2), in which
// nothing cancels near them.
func cubicSaddle[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, h := s[0], s[1], s[2]
	for i := range p {
		gi := T(h[i] * p[i])
		vi := T(T(0.5*gi) * p[i])
		if a := abs(p[i]); !(h[i] > 0) {
			d := a - c[2]
			gi = T(c[1] * T(p[i]*d))
			vi = T(c[3] * T(T(d*d)*(a+c[4])))
		}
		g[i] = gi
		acc[0][i%Lanes] += vi
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "cubic-saddle",
	Title:  "-gamma*p^2/2 + rho*|p|^3/6 of one p, stiffness*p^2/2 of the others",
	Source: "a Hessian that is Lipschitz with constant rho",
	Cases: []Objective{
		CubicSaddle{Gamma: 1, Rho: 1, Stiffness: 1, Anisotropy: 1},
		CubicSaddle{Gamma: 0.1, Rho: 1, Stiffness: 0.05, Anisotropy: 100},
	},
})
