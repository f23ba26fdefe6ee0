package kernels

import "math"

// PseudoHuber is sum(Delta^2*(sqrt(1+(p/Delta)^2)-1)): a parabola near 0, and far
// away a slope of Delta at most.
type PseudoHuber struct {
	Delta float64 `json:"delta" range:"(0,inf)"`
}

func (PseudoHuber) Name() string          { return "pseudo-huber" }
func (PseudoHuber) Kernel() *Kernel       { return pseudoHuberKernel }
func (o PseudoHuber) Coef(int, Step) Coef { return Coef{1: 1 / o.Delta} }

func (o PseudoHuber) Facts(n int) (Facts, error) {
	const far = 3 // the largest coordinate of a first point
	q := far / o.Delta
	s := 1 / math.Sqrt(1+float64(q*q))
	return Facts{L: 1, Mu: s * s * s, Spread: far}, atLeast(1, n)
}

var pseudoHuberKernel = objectiveKernel("pseudo_huber", nil, pseudoHuber[float32], pseudoHuber[float64])

// With s the root, Delta^2*(s-1) is p^2/(s+1), in which nothing cancels. The inverse
// of s*(s+1) serves for both of its factors.
func pseudoHuber[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g := s[0], s[1]
	for i := range p {
		q := T(c[1] * p[i])
		root := sqrt(1 + T(q*q))
		more := 1 + root
		inverse := 1 / T(root*more)
		g[i] = T(p[i] * T(more*inverse))
		acc[0][i%Lanes] += T(T(p[i]*p[i]) * T(root*inverse))
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "pseudo-huber",
	Title:  "sum(delta^2*(sqrt(1+(p/delta)^2)-1)): slopes of delta at most",
	Source: "Charbonnier et al. 1997",
	Cases:  []Objective{PseudoHuber{Delta: 1}, PseudoHuber{Delta: 0.1}},
})
