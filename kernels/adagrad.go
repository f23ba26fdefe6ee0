package kernels

// Adagrad is the diagonal form, v += g^2, p -= lr*g/(sqrt(v) + eps), with eps
// outside the root (Duchi, Hazan, Singer, JMLR 2011). A coordinate whose
// gradients have all been zero needs eps above zero to stay where it is.
type Adagrad struct {
	LR  float64 `json:"lr" range:"[0,inf)"`
	Eps float64 `json:"eps" range:"[0,inf)"`
}

const (
	adagradLR  = 1
	adagradEps = 2
)

func (Adagrad) Name() string    { return "adagrad" }
func (Adagrad) Kernel() *Kernel { return adagradKernel }

func (u Adagrad) Coef(s Step) Coef {
	return Coef{CoefGrad: s.GradScale, adagradLR: u.LR * s.LRScale, adagradEps: u.Eps}
}

var adagradKernel = elementwise("adagrad",
	[]Slot{slotP, slotG, slotV}, []Access{ReadWrite, Read, ReadWrite}, adagrad[float32], adagrad[float64])

func adagrad[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, v := s[0], s[1], s[2]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		vi := v[i] + T(gi*gi)
		p[i] -= T(c[adagradLR]*gi) / (sqrt(vi) + c[adagradEps])
		v[i] = vi
	}
}

var _ = define(Definition{
	Name:   "adagrad",
	Title:  "Adagrad, diagonal",
	Source: "Duchi, Hazan, Singer 2011",
	Cases:  []Update{Adagrad{LR: 1e-2, Eps: 1e-10}, Adagrad{LR: 1, Eps: 1e-3}},
})
