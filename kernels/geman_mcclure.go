package kernels

// GemanMcClure is sum(p^2/(1+p^2)): a minimum at 0, and far from it a gradient
// that vanishes.
type GemanMcClure struct{}

func (GemanMcClure) Name() string        { return "geman-mcclure" }
func (GemanMcClure) Kernel() *Kernel     { return gemanMcClureKernel }
func (GemanMcClure) Coef(int, Step) Coef { return Coef{} }

func (GemanMcClure) Facts(n int) (Facts, error) {
	return Facts{L: 2, Spread: 2}, atLeast(1, n)
}

var gemanMcClureKernel = objectiveKernel("geman_mcclure", nil, gemanMcClure[float32], gemanMcClure[float64])

func gemanMcClure[T Real](_ *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g := s[0], s[1]
	for i := range p {
		q := T(p[i] * p[i])
		inverse := 1 / (1 + q)
		slope := T(p[i] * inverse)
		g[i] = T(T(slope+slope) * inverse)
		acc[0][i%Lanes] += T(q * inverse)
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "geman-mcclure",
	Title:  "sum(p^2/(1+p^2)): gradients vanish far away",
	Source: "Geman, McClure 1985",
	Cases:  []Objective{GemanMcClure{}},
})
