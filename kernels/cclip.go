package kernels

import "math"

// CClip is gradient descent with every coordinate clipped to a threshold of
// its own, p -= lr * min(tau_k/|g|, 1) * g (Zhang et al., "Why are adaptive
// methods good for attention models?", NeurIPS 2020, arXiv:1912.03194,
// algorithm 1).
//
// The slot tau holds the thresholds B of the coordinates; at step k they are
// multiplied by k^(1/alpha), which the theorem asks for under noise with a
// finite alpha-th moment. Alpha 0 keeps them constant. A threshold of 0
// freezes its coordinate.
type CClip struct {
	LR    float64 `json:"lr" range:"[0,inf)"`
	Alpha float64 `json:"alpha" range:"[0,2]"`
}

const (
	cclipLR  = 1
	cclipTau = 2
)

func (CClip) Name() string    { return "cclip" }
func (CClip) Kernel() *Kernel { return cclipKernel }

func (u CClip) Coef(s Step) Coef {
	growth := 1.0
	if u.Alpha > 0 {
		// Bounded, for a threshold of 0 would no longer freeze if it met infinity.
		growth = min(StepPow(s.T, 1/u.Alpha), math.MaxFloat32)
	}
	return Coef{CoefGrad: s.GradScale, cclipLR: u.LR * s.LRScale, cclipTau: growth}
}

var cclipKernel = elementwise("cclip",
	[]Slot{slotP, slotG, {"tau", Threshold}}, []Access{ReadWrite, Read, Read}, cclip[float32], cclip[float64])

func cclip[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, tau := s[0], s[1], s[2]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		ti := T(c[cclipTau] * tau[i])
		u := gi
		if gi > ti {
			u = ti
		}
		if gi < -ti {
			u = -ti
		}
		p[i] -= T(c[cclipLR] * u)
	}
}

var _ = define(Definition{
	Name:   "cclip",
	Title:  "gradient descent clipped per coordinate",
	Source: "Zhang et al. 2020, arXiv:1912.03194",
	Cases:  []Update{CClip{LR: 1e-2, Alpha: 1.5}, CClip{LR: 0.1}},
})
