package kernels

// ACClipV is ACClip as its authors released it: the clipped momentum is divided
// by the root of a second moment as well (github.com/rivercold/ACClip-Pytorch,
// mod=1, its default). With v = beta2*v + (1-beta2)*g^2,
//
//	p -= lr * min(tau/(|m| + eps), 1) * m / (sqrt(beta2*v) + eps)
//
// It has one state more than [ACClip]: ta, then v.
type ACClipV struct {
	LR    float64 `json:"lr" range:"[0,inf)"`
	Beta1 float64 `json:"beta1" range:"[0,1)"`
	Beta2 float64 `json:"beta2" range:"[0,1)"`
	Eps   float64 `json:"eps" range:"[0,inf)"`
	Alpha float64 `json:"alpha" range:"[1,2]"`
}

func (ACClipV) Name() string       { return "acclip-v" }
func (u ACClipV) Coef(s Step) Coef { return ACClip(u).Coef(s) }

func (u ACClipV) Kernel() *Kernel {
	switch u.Alpha {
	case 1:
		return acclipV1Kernel
	case 2:
		return acclipV2Kernel
	}
	return acclipVKernel
}

var (
	acclipVSlots   = append(acclipSlots[:4:4], slotV)
	acclipVAccess  = append(acclipAccess[:4:4], ReadWrite)
	acclipV1Kernel = elementwise("acclip_v1", acclipVSlots, acclipVAccess, acclipV1[float32], acclipV1[float64])
	acclipV2Kernel = elementwise("acclip_v2", acclipVSlots, acclipVAccess, acclipV2[float32], acclipV2[float64])
	acclipVKernel  = elementwise("acclip_v", acclipVSlots, acclipVAccess, acclipV[float32], acclipV[float64])
)

// secondMoment is the step's denominator, sqrt(beta2*v) + eps.
func secondMoment[T Real](c *[MaxCoef]T, v T) T {
	return sqrt(T(c[acclipB2]*v)) + c[acclipEps]
}

func acclipV1[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, ta, v := s[0], s[1], s[2], s[3], s[4]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[acclipC1]*(gi-m[i]))
		ti := ta[i] + T(c[acclipC2]*(abs(gi)-ta[i]))
		vi := v[i] + T(c[acclipC2]*(T(gi*gi)-v[i]))
		u := T(clipFactor(ti, mi, c[acclipEps]) * mi)
		p[i] -= T(c[acclipLR]*u) / secondMoment(c, vi)
		m[i], ta[i], v[i] = mi, ti, vi
	}
}

func acclipV2[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, ta, v := s[0], s[1], s[2], s[3], s[4]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[acclipC1]*(gi-m[i]))
		ti := ta[i] + T(c[acclipC2]*(T(gi*gi)-ta[i]))
		vi := v[i] + T(c[acclipC2]*(T(gi*gi)-v[i]))
		u := T(clipFactor(sqrt(ti), mi, c[acclipEps]) * mi)
		p[i] -= T(c[acclipLR]*u) / secondMoment(c, vi)
		m[i], ta[i], v[i] = mi, ti, vi
	}
}

func acclipV[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, ta, v := s[0], s[1], s[2], s[3], s[4]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[acclipC1]*(gi-m[i]))
		ti := ta[i] + T(c[acclipC2]*(pow(abs(gi), c[acclipA], c[acclipALo])-ta[i]))
		vi := v[i] + T(c[acclipC2]*(T(gi*gi)-v[i]))
		tau := pow(ti, c[acclipIA], c[acclipIALo])
		u := T(clipFactor(tau, mi, c[acclipEps]) * mi)
		p[i] -= T(c[acclipLR]*u) / secondMoment(c, vi)
		m[i], ta[i], v[i] = mi, ti, vi
	}
}

var _ = define(Definition{
	Name:   "acclip-v",
	Title:  "ACClip over the root of a second moment",
	Source: "Zhang et al. 2020, arXiv:1912.03194, released code",
	Cases: []Update{
		ACClipV{LR: 1e-4, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 1.5},
		ACClipV{LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 1},
		ACClipV{LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 2},
	},
})
