package kernels

// Momentum is Polyak's heavy ball, m = beta*m + g, p -= lr*m, with an L2
// penalty in g. There is no factor 1-beta: the step that m settles to is
// lr/(1-beta) times the gradient (Polyak 1964; Sutskever et al. 2013).
type Momentum struct {
	LR          float64 `json:"lr" range:"[0,inf)"`
	Beta        float64 `json:"beta" range:"[0,1)"`
	WeightDecay float64 `json:"weight_decay" range:"[0,inf)"`
}

const (
	momentumLR     = 1
	momentumBeta   = 2
	momentumWeight = 3
)

func (Momentum) Name() string    { return "momentum" }
func (Momentum) Kernel() *Kernel { return momentumKernel }

func (u Momentum) Coef(s Step) Coef {
	return Coef{
		CoefGrad:       s.GradScale,
		momentumLR:     u.LR * s.LRScale,
		momentumBeta:   u.Beta,
		momentumWeight: u.WeightDecay,
	}
}

var (
	momentumSlots  = []Slot{slotP, slotG, slotM}
	momentumAccess = []Access{ReadWrite, Read, ReadWrite}
	momentumKernel = elementwise("momentum", momentumSlots, momentumAccess, momentum[float32], momentum[float64])
)

func momentum[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m := s[0], s[1], s[2]
	for i := range p {
		gi := T(c[CoefGrad]*g[i]) + T(c[momentumWeight]*p[i])
		mi := T(c[momentumBeta]*m[i]) + gi
		p[i] -= T(c[momentumLR] * mi)
		m[i] = mi
	}
}

var _ = define(Definition{
	Name:   "momentum",
	Title:  "heavy-ball momentum",
	Source: "Polyak 1964",
	Cases:  []Update{Momentum{LR: 1e-2, Beta: 0.9, WeightDecay: 1e-4}, Momentum{LR: 0.1, Beta: 0.5}},
})
