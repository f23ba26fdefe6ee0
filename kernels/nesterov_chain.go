package kernels

import "math"

// NesterovChain is the quadratic (sum over i from 0 to n of (p_(i+1)-p_i)^2)/2, whose
// ends p_0 and p_(n+1) are held at 1. Its gradient tells each coordinate of its
// neighbours alone: from a first point at 0, what is known at the ends travels one
// coordinate per gradient, so that no first-order method is fast (Nesterov,
// Lectures on Convex Optimization, 2018, section 2.1.2, with both ends held).
type NesterovChain struct{}

func (NesterovChain) Name() string        { return "nesterov-chain" }
func (NesterovChain) Kernel() *Kernel     { return nesterovChainKernel }
func (NesterovChain) Coef(int, Step) Coef { return Coef{} }

func (NesterovChain) Facts(n int) (Facts, error) {
	low := math.Sin(math.Pi / 2 / float64(n+1))
	return Facts{L: 4, Mu: 4 * low * low, Reach: []int{-1, 1}, Boundary: 1}, atLeast(2, n)
}

var nesterovChainKernel = objectiveKernel("nesterov_chain",
	[]Slot{{"before", Neighbour}, {"after", Neighbour}}, nesterovChain[float32], nesterovChain[float64])

// The value is that of any quadratic: half of the gradient times the way to the
// minimum, at which every coordinate is 1.
func nesterovChain[T Real](_ *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, before, after := s[0], s[1], s[2], s[3]
	for i := range p {
		gi := (p[i] - before[i]) + (p[i] - after[i])
		g[i] = gi
		acc[0][i%Lanes] += T(T(0.5*gi) * (p[i] - 1))
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "nesterov-chain",
	Title:  "sum((p'-p)^2)/2 over neighbours, both ends held at 1",
	Source: "Nesterov 2018, section 2.1.2",
	Cases:  []Objective{NesterovChain{}},
})
