package kernels

import "math"

// Phi4 is the Ginzburg-Landau energy of a grid, (sum of (p-p')^2)/2 over its edges
// plus Lambda/4 * sum((p^2-1)^2), with the rows of [Poisson] and closed round: the
// last point is beside the first. It is 0 where all p are 1 or all are -1. At 0 is a
// strict saddle, whose least curvature is -Lambda along the mean and which runs
// start beside: how long they take to leave it grows with the logarithm of the
// dimension. From there domains of either sign form, and walls between them are
// slow to go.
type Phi4 struct {
	Lambda float64 `json:"lambda" range:"(0,inf)"`
	Width  int     `json:"width" range:"[0,inf)"`
}

func (Phi4) Name() string          { return "phi4" }
func (Phi4) Kernel() *Kernel       { return phi4Kernel }
func (o Phi4) Coef(int, Step) Coef { return Coef{1: o.Lambda, 2: o.Lambda / 4} }
func (o Phi4) Facts(n int) (Facts, error) {
	width, err := rowWidth(o.Width, n)
	if err != nil {
		return Facts{}, err
	}
	return Facts{L: 8 + 2*o.Lambda, Spread: math.Ldexp(1, -10), Reach: gridReach(width), Periodic: true}, nil
}

var phi4Kernel = objectiveKernel("phi4", grid, phi4[float32], phi4[float64])

// The value counts the edges to the left and up of each point, and so every edge
// once.
func phi4[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, left, right, up, down := s[0], s[1], s[2], s[3], s[4], s[5]
	for i := range p {
		l, u := p[i]-left[i], p[i]-up[i]
		q := T(p[i]*p[i]) - 1
		g[i] = ((l + (p[i] - right[i])) + (u + (p[i] - down[i]))) + T(c[1]*T(q*p[i]))
		acc[0][i%Lanes] += T(0.5*(T(l*l)+T(u*u))) + T(c[2]*T(q*q))
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "phi4",
	Title:  "sum((p-p')^2)/2 over a grid + lambda/4*sum((p^2-1)^2)",
	Source: "Ginzburg, Landau 1950: a large strict saddle",
	Cases:  []Objective{Phi4{Lambda: 1}, Phi4{Lambda: 0.1, Width: 3}},
})
