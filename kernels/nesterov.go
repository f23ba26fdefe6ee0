package kernels

// Nesterov is accelerated gradient descent in the form of Sutskever et al.
// 2013: the stored parameter is the point at which the gradient is taken, so
// one evaluation per step suffices. m = beta*m + g, p -= lr*(g + beta*m), with
// an L2 penalty in g.
type Nesterov struct {
	LR          float64 `json:"lr" range:"[0,inf)"`
	Beta        float64 `json:"beta" range:"[0,1)"`
	WeightDecay float64 `json:"weight_decay" range:"[0,inf)"`
}

func (Nesterov) Name() string       { return "nesterov" }
func (Nesterov) Kernel() *Kernel    { return nesterovKernel }
func (u Nesterov) Coef(s Step) Coef { return Momentum(u).Coef(s) }

var nesterovKernel = elementwise("nesterov", momentumSlots, momentumAccess, nesterov[float32], nesterov[float64])

func nesterov[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m := s[0], s[1], s[2]
	for i := range p {
		gi := T(c[CoefGrad]*g[i]) + T(c[momentumWeight]*p[i])
		mi := T(c[momentumBeta]*m[i]) + gi
		p[i] -= T(c[momentumLR] * (gi + T(c[momentumBeta]*mi)))
		m[i] = mi
	}
}

var _ = define(Definition{
	Name:   "nesterov",
	Title:  "Nesterov's accelerated gradient",
	Source: "Nesterov 1983; Sutskever et al. 2013",
	Cases:  []Update{Nesterov{LR: 1e-2, Beta: 0.9, WeightDecay: 1e-4}, Nesterov{LR: 0.1, Beta: 0.5}},
})
