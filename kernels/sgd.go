package kernels

// SGD is stochastic gradient descent with an L2 penalty:
// p -= lr*(g + weight_decay*p).
type SGD struct {
	LR          float64 `json:"lr" range:"[0,inf)"`
	WeightDecay float64 `json:"weight_decay" range:"[0,inf)"`
}

const (
	sgdLR    = 1
	sgdDecay = 2
)

func (SGD) Name() string    { return "sgd" }
func (SGD) Kernel() *Kernel { return sgdKernel }

func (u SGD) Coef(s Step) Coef {
	lr := float64(u.LR * s.LRScale)
	return Coef{CoefGrad: s.GradScale, sgdLR: lr, sgdDecay: 1 - float64(lr*u.WeightDecay)}
}

var sgdKernel = elementwise("sgd", []Slot{slotP, slotG}, []Access{ReadWrite, Read}, sgd[float32], sgd[float64])

func sgd[T Real](c *[MaxCoef]T, s [][]T) {
	p, g := s[0], s[1]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		p[i] = T(c[sgdDecay]*p[i]) - T(c[sgdLR]*gi)
	}
}

var _ = define(Definition{
	Name:   "sgd",
	Title:  "gradient descent with an L2 penalty",
	Source: "Robbins, Monro 1951",
	Cases:  []Update{SGD{LR: 1e-2, WeightDecay: 1e-4}, SGD{LR: 0.5}},
})
