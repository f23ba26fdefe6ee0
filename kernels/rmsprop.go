package kernels

// RMSProp divides by the root of an average of squares,
// v = beta*v + (1-beta)*g^2, p -= lr*g/(sqrt(v) + eps), without bias
// correction: the first step is lr/sqrt(1-beta) long (Tieleman, Hinton,
// lecture 6.5, 2012).
type RMSProp struct {
	LR   float64 `json:"lr" range:"[0,inf)"`
	Beta float64 `json:"beta" range:"[0,1)"`
	Eps  float64 `json:"eps" range:"[0,inf)"`
}

const (
	rmspropLR  = 1
	rmspropC   = 2 // 1-beta
	rmspropEps = 3
)

func (RMSProp) Name() string    { return "rmsprop" }
func (RMSProp) Kernel() *Kernel { return rmspropKernel }

func (u RMSProp) Coef(s Step) Coef {
	return Coef{CoefGrad: s.GradScale, rmspropLR: u.LR * s.LRScale, rmspropC: 1 - u.Beta, rmspropEps: u.Eps}
}

var rmspropKernel = elementwise("rmsprop",
	[]Slot{slotP, slotG, slotV}, []Access{ReadWrite, Read, ReadWrite}, rmsprop[float32], rmsprop[float64])

func rmsprop[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, v := s[0], s[1], s[2]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		vi := v[i] + T(c[rmspropC]*(T(gi*gi)-v[i]))
		p[i] -= T(c[rmspropLR]*gi) / (sqrt(vi) + c[rmspropEps])
		v[i] = vi
	}
}

var _ = define(Definition{
	Name:   "rmsprop",
	Title:  "RMSProp",
	Source: "Tieleman, Hinton 2012",
	Cases:  []Update{RMSProp{LR: 1e-3, Beta: 0.99, Eps: 1e-8}, RMSProp{LR: 1e-2, Beta: 0.9, Eps: 1e-3}},
})
