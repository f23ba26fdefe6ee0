package kernels

import "math"

// LARS is momentum with a learning rate per tensor (You, Gitman, Ginsburg
// 2017, arXiv:1708.03888, algorithm 1):
//
//	r  = trust*|p| / (|g| + weight_decay*|p| + eps)
//	m  = beta*m + lr*r*(g + weight_decay*p)
//	p -= m
//
// Where |p| or |g| is zero, r is 1. A tensor with a norm that is not finite is
// left as it was for that step.
type LARS struct {
	LR          float64 `json:"lr" range:"[0,inf)"`
	Beta        float64 `json:"beta" range:"[0,1)"`
	WeightDecay float64 `json:"weight_decay" range:"[0,inf)"`
	Trust       float64 `json:"trust" range:"(0,inf)"`
	Eps         float64 `json:"eps" range:"[0,inf)"`
}

const (
	larsBeta  = 1
	larsDecay = 2
	larsLR    = 3 // this and the rest for the scalar alone
	larsTrust = 4
	larsEps   = 5
)

func (LARS) Name() string    { return "lars" }
func (LARS) Kernel() *Kernel { return larsKernel }

func (u LARS) Coef(s Step) Coef {
	return Coef{
		CoefGrad:  s.GradScale,
		larsBeta:  u.Beta,
		larsDecay: u.WeightDecay,
		larsLR:    u.LR * s.LRScale,
		larsTrust: u.Trust,
		larsEps:   u.Eps,
	}
}

var larsKernel = defineKernel(Kernel{
	Name:  "lars",
	Slots: momentumSlots,
	Passes: []Pass{
		{
			Name: "norms", Access: []Access{Read, Read, None}, Sums: 2,
			Terms32: larsTerms[float32], Terms64: larsTerms[float64],
		},
		{
			Name: "apply", Access: momentumAccess,
			Update32: larsApply[float32], Update64: larsApply[float64],
		},
	},
	Scalar: func(c *Coef, sums []float64) float64 {
		p, g := math.Sqrt(sums[0]), math.Sqrt(sums[1])
		if p == 0 || g == 0 {
			return c[larsLR]
		}
		return float64(float64(c[larsLR]*c[larsTrust])*p) / (g + float64(c[larsDecay]*p) + c[larsEps])
	},
})

func larsTerms[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g := s[0], s[1]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		acc[0][i%Lanes] += T(p[i] * p[i])
		acc[1][i%Lanes] += T(gi * gi)
	}
}

func larsApply[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m := s[0], s[1], s[2]
	for i := range p {
		gi := T(c[CoefGrad]*g[i]) + T(c[larsDecay]*p[i])
		mi := T(c[larsBeta]*m[i]) + T(c[CoefTensor]*gi)
		p[i] -= mi
		m[i] = mi
	}
}

var _ = define(Definition{
	Name:   "lars",
	Title:  "LARS",
	Source: "You, Gitman, Ginsburg 2017, arXiv:1708.03888",
	Cases: []Update{
		LARS{LR: 1, Beta: 0.9, WeightDecay: 1e-4, Trust: 1e-3, Eps: 1e-8},
		LARS{LR: 0.1, Beta: 0.5, Trust: 1},
	},
})
