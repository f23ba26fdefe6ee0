package kernels

// ACClip clips a momentum to an adaptive threshold per coordinate (Zhang et
// al., NeurIPS 2020, arXiv:1912.03194, algorithm 2):
//
//	m     = beta1*m     + (1-beta1)*g
//	tau^a = beta2*tau^a + (1-beta2)*|g|^a
//	p    -= lr * min(tau/(|m| + eps), 1) * m
//
// The state ta holds tau^alpha. There is no bias correction, as in the paper;
// the first steps are short. Alpha 1 and 2 need no power and run kernels of
// their own.
type ACClip struct {
	LR    float64 `json:"lr" range:"[0,inf)"`
	Beta1 float64 `json:"beta1" range:"[0,1)"`
	Beta2 float64 `json:"beta2" range:"[0,1)"`
	Eps   float64 `json:"eps" range:"[0,inf)"`
	Alpha float64 `json:"alpha" range:"[1,2]"`
}

const (
	acclipC1   = 1 // 1-beta1
	acclipC2   = 2 // 1-beta2
	acclipLR   = 3
	acclipEps  = 4
	acclipA    = 5 // alpha, and what float32 loses of it
	acclipALo  = 6
	acclipIA   = 7 // 1/alpha, likewise
	acclipIALo = 8
	acclipB2   = 9 // beta2, in the second-moment form
)

func (ACClip) Name() string { return "acclip" }

func (u ACClip) Kernel() *Kernel {
	switch u.Alpha {
	case 1:
		return acclip1Kernel
	case 2:
		return acclip2Kernel
	}
	return acclipKernel
}

func (u ACClip) Coef(s Step) Coef {
	c := Coef{
		CoefGrad:  s.GradScale,
		acclipC1:  1 - u.Beta1,
		acclipC2:  1 - u.Beta2,
		acclipLR:  u.LR * s.LRScale,
		acclipEps: u.Eps,
		acclipB2:  u.Beta2,
	}
	c[acclipA], c[acclipALo] = splitExponent(u.Alpha)
	c[acclipIA], c[acclipIALo] = splitExponent(1 / u.Alpha)
	return c
}

var (
	acclipSlots   = []Slot{slotP, slotG, slotM, {"ta", SecondMoment}}
	acclipAccess  = []Access{ReadWrite, Read, ReadWrite, ReadWrite}
	acclip1Kernel = elementwise("acclip1", acclipSlots, acclipAccess, acclip1[float32], acclip1[float64])
	acclip2Kernel = elementwise("acclip2", acclipSlots, acclipAccess, acclip2[float32], acclip2[float64])
	acclipKernel  = elementwise("acclip", acclipSlots, acclipAccess, acclip[float32], acclip[float64])
)

// clipFactor is min(tau/(|m|+eps), 1); not a number where the quotient is not.
func clipFactor[T Real](tau, m, eps T) T {
	f := tau / (abs(m) + eps)
	if f > 1 {
		f = 1
	}
	return f
}

func acclip1[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, ta := s[0], s[1], s[2], s[3]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[acclipC1]*(gi-m[i]))
		ti := ta[i] + T(c[acclipC2]*(abs(gi)-ta[i]))
		p[i] -= T(c[acclipLR] * T(clipFactor(ti, mi, c[acclipEps])*mi))
		m[i], ta[i] = mi, ti
	}
}

func acclip2[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, ta := s[0], s[1], s[2], s[3]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[acclipC1]*(gi-m[i]))
		ti := ta[i] + T(c[acclipC2]*(T(gi*gi)-ta[i]))
		p[i] -= T(c[acclipLR] * T(clipFactor(sqrt(ti), mi, c[acclipEps])*mi))
		m[i], ta[i] = mi, ti
	}
}

func acclip[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, ta := s[0], s[1], s[2], s[3]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[acclipC1]*(gi-m[i]))
		ti := ta[i] + T(c[acclipC2]*(pow(abs(gi), c[acclipA], c[acclipALo])-ta[i]))
		tau := pow(ti, c[acclipIA], c[acclipIALo])
		p[i] -= T(c[acclipLR] * T(clipFactor(tau, mi, c[acclipEps])*mi))
		m[i], ta[i] = mi, ti
	}
}

var _ = define(Definition{
	Name:   "acclip",
	Title:  "momentum clipped to an adaptive threshold",
	Source: "Zhang et al. 2020, arXiv:1912.03194",
	Cases: []Update{
		ACClip{LR: 1e-4, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 1.5},
		ACClip{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 1},
		ACClip{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 2},
		ACClip{LR: 1e-2, Beta1: 0.5, Beta2: 0.9, Eps: 0, Alpha: 1.1},
	},
})
