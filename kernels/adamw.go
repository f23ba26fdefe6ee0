package kernels

// AdamW is [Adam] with decoupled weight decay: before the step of Adam,
// p *= 1 - lr*weight_decay (Loshchilov, Hutter, ICLR 2019, arXiv:1711.05101).
type AdamW struct {
	LR          float64 `json:"lr" range:"[0,inf)"`
	Beta1       float64 `json:"beta1" range:"[0,1)"`
	Beta2       float64 `json:"beta2" range:"[0,1)"`
	Eps         float64 `json:"eps" range:"[0,inf)"`
	WeightDecay float64 `json:"weight_decay" range:"[0,inf)"`
}

func (AdamW) Name() string    { return "adamw" }
func (AdamW) Kernel() *Kernel { return adamwKernel }

func (u AdamW) Coef(s Step) Coef {
	step, eps := Adam{LR: u.LR, Beta1: u.Beta1, Beta2: u.Beta2, Eps: u.Eps}.corrected(s)
	return Coef{CoefGrad: s.GradScale, adamC1: 1 - u.Beta1, adamC2: 1 - u.Beta2, adamStep: step, adamEps: eps,
		adamDecay: 1 - float64(float64(u.LR*s.LRScale)*u.WeightDecay)}
}

var adamwKernel = elementwise("adamw", adamSlots, adamAccess, adamw[float32], adamw[float64])

func adamw[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, v := s[0], s[1], s[2], s[3]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[adamC1]*(gi-m[i]))
		vi := v[i] + T(c[adamC2]*(T(gi*gi)-v[i]))
		p[i] = T(c[adamDecay]*p[i]) - T(c[adamStep]*mi)/(sqrt(vi)+c[adamEps])
		m[i], v[i] = mi, vi
	}
}

var _ = define(Definition{
	Name:   "adamw",
	Title:  "Adam with decoupled weight decay",
	Source: "Loshchilov, Hutter 2019, arXiv:1711.05101",
	Cases: []Update{
		AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 1e-2},
		AdamW{LR: 1e-1, Beta1: 0.95, Beta2: 0.99, Eps: 1e-6},
	},
})
