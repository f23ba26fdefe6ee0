package kernels

// Lion steps by the sign of an interpolation between momentum and gradient,
// with decoupled weight decay (Chen et al., NeurIPS 2023, arXiv:2302.06675,
// algorithm 2):
//
//	p = (1 - lr*weight_decay)*p - lr*sign(beta1*m + (1-beta1)*g)
//	m = beta2*m + (1-beta2)*g
type Lion struct {
	LR          float64 `json:"lr" range:"[0,inf)"`
	Beta1       float64 `json:"beta1" range:"[0,1)"`
	Beta2       float64 `json:"beta2" range:"[0,1)"`
	WeightDecay float64 `json:"weight_decay" range:"[0,inf)"`
}

const (
	lionC1    = 1 // 1-beta1
	lionC2    = 2 // 1-beta2
	lionLR    = 3
	lionDecay = 4 // 1-lr*weight_decay
)

func (Lion) Name() string    { return "lion" }
func (Lion) Kernel() *Kernel { return lionKernel }

func (u Lion) Coef(s Step) Coef {
	lr := float64(u.LR * s.LRScale)
	return Coef{
		CoefGrad:  s.GradScale,
		lionC1:    1 - u.Beta1,
		lionC2:    1 - u.Beta2,
		lionLR:    lr,
		lionDecay: 1 - float64(lr*u.WeightDecay),
	}
}

var lionKernel = elementwise("lion", momentumSlots, momentumAccess, lion[float32], lion[float64])

func lion[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m := s[0], s[1], s[2]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		u := m[i] + T(c[lionC1]*(gi-m[i]))
		d := u // not a number stays so; a zero of either sign moves nothing
		if u > 0 {
			d = c[lionLR]
		}
		if u < 0 {
			d = -c[lionLR]
		}
		p[i] = T(c[lionDecay]*p[i]) - d
		m[i] += T(c[lionC2] * (gi - m[i]))
	}
}

var _ = define(Definition{
	Name:   "lion",
	Title:  "Lion",
	Source: "Chen et al. 2023, arXiv:2302.06675",
	Cases: []Update{
		Lion{LR: 1e-4, Beta1: 0.9, Beta2: 0.99, WeightDecay: 1e-1},
		Lion{LR: 1e-2, Beta1: 0.95, Beta2: 0.98},
	},
})
