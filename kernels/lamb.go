package kernels

import "math"

// LAMB is Adam with a trust ratio per tensor (You et al., ICLR 2020,
// arXiv:1904.00962, algorithm 2):
//
//	u  = m^/(sqrt(v^) + eps) + weight_decay*p
//	p -= lr * phi(|p|)/|u| * u
//
// where m^ and v^ are the corrected moments of [Adam]. The zero value of every
// option is the paper; the others are what implementations in use do. Where
// |p| or |u| is zero the ratio is 1, as everywhere but on paper: taken
// literally, a tensor that starts at zero never moves.
//
// A tensor with a norm that is not finite keeps its parameters for that step, but
// its moments, written before the norms are known, have taken the gradient, and
// what is not finite in them stays: the tensor is skipped from then on. Where
// gradients may overflow, set PreClip or clip by the global norm: a norm that is
// not finite then leaves everything as it was. In float32 a gradient above 1.8e19
// makes v infinite while both norms are finite; as in Adam, its coordinate then
// follows the decay alone.
type LAMB struct {
	LR          float64 `json:"lr" range:"[0,inf)"`
	Beta1       float64 `json:"beta1" range:"[0,1)"`
	Beta2       float64 `json:"beta2" range:"[0,1)"`
	Eps         float64 `json:"eps" range:"[0,inf)"`
	WeightDecay float64 `json:"weight_decay" range:"[0,inf)"`

	// NoDebias leaves m and v uncorrected, as version 3 of the paper.
	NoDebias bool `json:"no_debias"`
	// PhiMax above zero makes phi(z) = min(max(z, PhiMin), PhiMax).
	PhiMin float64 `json:"phi_min" range:"[0,inf)"`
	PhiMax float64 `json:"phi_max" range:"[0,inf)"`
	// EpsInside takes sqrt(v^ + eps), as MXNet.
	EpsInside bool `json:"eps_inside"`
	// DecayedOnly keeps the ratio at 1 where WeightDecay is 0, as NVLAMB.
	DecayedOnly bool `json:"decayed_only"`
	// PreClip above zero limits the global norm of the gradients, as NVLAMB.
	PreClip float64 `json:"pre_clip" range:"[0,inf)"`
}

// The constants of LAMB besides those of Adam. The last four are for the
// scalar alone.
const (
	lambEpsInside = 5
	lambDecay     = 6
	lambLR        = 7
	lambPhiMin    = 8
	lambPhiMax    = 9
	lambAdapt     = 10
)

func (LAMB) Name() string    { return "lamb" }
func (LAMB) Kernel() *Kernel { return lambKernel }

func (u LAMB) Scale() Map {
	if u.PreClip == 0 {
		return nil
	}
	return ClipNorm{Max: u.PreClip}
}

func (u LAMB) Coef(s Step) Coef {
	adam := Adam{LR: 1, Beta1: u.Beta1, Beta2: u.Beta2, Eps: u.Eps}
	if u.NoDebias {
		adam.Correction = Uncorrected
	}
	c := adam.Coef(Step{T: s.T, LRScale: 1, GradScale: s.GradScale})
	if u.EpsInside {
		c[adamEps] = 0
		c[lambEpsInside] = u.Eps
		if !u.NoDebias {
			_, c2 := oneMinusPows(u.Beta1, u.Beta2, s.T)
			c[lambEpsInside] *= c2
		}
	}
	c[lambDecay] = u.WeightDecay
	c[lambLR] = u.LR * s.LRScale
	c[lambPhiMin], c[lambPhiMax] = u.PhiMin, u.PhiMax
	if u.WeightDecay != 0 || !u.DecayedOnly {
		c[lambAdapt] = 1
	}
	return c
}

var lambKernel = defineKernel(Kernel{
	Name:  "lamb",
	Slots: adamSlots,
	Passes: []Pass{
		{
			Name: "norms", Access: []Access{Read, Read, ReadWrite, ReadWrite}, Sums: 2,
			Update32: lambMoments[float32], Update64: lambMoments[float64],
			Terms32: lambTerms[float32], Terms64: lambTerms[float64],
		},
		{
			Name: "apply", Access: []Access{ReadWrite, None, Read, Read},
			Update32: lambApply[float32], Update64: lambApply[float64],
		},
	},
	Scalar:   lambScalar,
	Resident: lambResident,
})

// lambResident keeps u between the passes.
var lambResident = defineKernel(Kernel{
	Name:  "lamb_resident",
	Slots: append(adamSlots[:4:4], Slot{"u", Scratch}),
	Passes: []Pass{
		{
			Name: "norms", Access: []Access{Read, Read, ReadWrite, ReadWrite, Write}, Sums: 2,
			Update32: lambMoments[float32], Update64: lambMoments[float64],
			Terms32: lambTerms[float32], Terms64: lambTerms[float64],
		},
		{
			Name: "apply", Access: []Access{ReadWrite, None, None, None, Read},
			Update32: lambTake[float32], Update64: lambTake[float64],
		},
	},
	Scalar: lambScalar,
})

// lambScalar is lr times the trust ratio.
func lambScalar(c *Coef, sums []float64) float64 {
	p, u := math.Sqrt(sums[0]), math.Sqrt(sums[1])
	if c[lambAdapt] == 0 || p == 0 || u == 0 {
		return c[lambLR]
	}
	if c[lambPhiMax] > 0 {
		if p < c[lambPhiMin] {
			p = c[lambPhiMin]
		}
		if p > c[lambPhiMax] {
			p = c[lambPhiMax]
		}
	}
	return float64(c[lambLR]*p) / u
}

// lambUpdate is u, a function of the stored moments alone: keeping it or
// computing it again gives the same bits.
func lambUpdate[T Real](c *[MaxCoef]T, p, m, v T) T {
	return T(c[adamStep]*m)/(sqrt(v+c[lambEpsInside])+c[adamEps]) + T(c[lambDecay]*p)
}

func lambMoments[T Real](c *[MaxCoef]T, s [][]T) {
	g, m, v := s[1], s[2], s[3]
	for i := range g {
		gi := T(c[CoefGrad] * g[i])
		m[i] += T(c[adamC1] * (gi - m[i]))
		v[i] += T(c[adamC2] * (T(gi*gi) - v[i]))
	}
}

func lambTerms[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, m, v := s[0], s[2], s[3]
	for i := range p {
		u := lambUpdate(c, p[i], m[i], v[i])
		if len(s) > 4 {
			s[4][i] = u
		}
		acc[0][i%Lanes] += T(p[i] * p[i])
		acc[1][i%Lanes] += T(u * u)
	}
}

func lambApply[T Real](c *[MaxCoef]T, s [][]T) {
	p, m, v := s[0], s[2], s[3]
	for i := range p {
		p[i] -= T(c[CoefTensor] * lambUpdate(c, p[i], m[i], v[i]))
	}
}

func lambTake[T Real](c *[MaxCoef]T, s [][]T) {
	p, u := s[0], s[4]
	for i := range p {
		p[i] -= T(c[CoefTensor] * u[i])
	}
}

var _ = define(Definition{
	Name:   "lamb",
	Title:  "LAMB",
	Source: "You et al. 2020, arXiv:1904.00962",
	Cases: []Update{
		LAMB{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-6, WeightDecay: 1e-2},
		LAMB{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-6, NoDebias: true, PhiMin: 0.5, PhiMax: 10},
		LAMB{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-6, WeightDecay: 1e-2, EpsInside: true},
		LAMB{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-6, DecayedOnly: true, PreClip: 1},
	},
})
