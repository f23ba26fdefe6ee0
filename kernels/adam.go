package kernels

import (
	"fmt"
	"math"
	"slices"
)

// Adam is algorithm 1 of Kingma and Ba (ICLR 2015, arXiv:1412.6980):
//
//	m  = beta1*m + (1-beta1)*g      m^ = m/(1-beta1^t)
//	v  = beta2*v + (1-beta2)*g^2    v^ = v/(1-beta2^t)
//	p -= lr * m^/(sqrt(v^) + eps)
//
// The corrected moments are temporaries: corrected in place, as some slides
// print it, they compound and overflow float32 at step 20. Here both
// corrections are folded into two constants of the step, see [Correction].
//
// A coordinate whose gradients have all been zero needs eps above zero to stay
// where it is; so it is for every update that divides by a root of squares.
type Adam struct {
	LR         float64    `json:"lr" range:"[0,inf)"`
	Beta1      float64    `json:"beta1" range:"[0,1)"`
	Beta2      float64    `json:"beta2" range:"[0,1)"`
	Eps        float64    `json:"eps" range:"[0,inf)"`
	Correction Correction `json:"correction"`
}

// Correction says what Adam does about moments that start at zero.
type Correction uint8

const (
	// Corrected divides by 1-beta^t: algorithm 1 of the paper.
	Corrected Correction = iota
	// Uncorrected uses the moments as they are; the first step is
	// (1-beta1)/sqrt(1-beta2) times lr.
	Uncorrected
	// EpsilonHat corrects the step size and leaves eps alone, as in the
	// paper's remark before section 2.1 and in TensorFlow: the eps that
	// algorithm 1 would need is larger by 1/sqrt(1-beta2^t).
	EpsilonHat
)

var correctionNames = [...]string{"corrected", "uncorrected", "epsilon-hat"}

func (c Correction) String() string {
	if int(c) >= len(correctionNames) {
		return fmt.Sprintf("correction %d", uint8(c))
	}
	return correctionNames[c]
}

// UnmarshalText sets c from its name.
func (c *Correction) UnmarshalText(text []byte) error {
	i := slices.Index(correctionNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("correction is %q, want one of %v", text, correctionNames)
	}
	*c = Correction(i)
	return nil
}

// The constants of [Adam], [AdamW] and, but for the last, [LAMB].
const (
	adamC1    = 1 // 1-beta1
	adamC2    = 2 // 1-beta2
	adamStep  = 3 // lr*sqrt(1-beta2^t)/(1-beta1^t)
	adamEps   = 4 // eps*sqrt(1-beta2^t)
	adamDecay = 5 // AdamW: 1-lr*weight_decay
)

func (Adam) Name() string    { return "adam" }
func (Adam) Kernel() *Kernel { return adamKernel }

func (u Adam) Coef(s Step) Coef {
	step, eps := u.corrected(s)
	return Coef{CoefGrad: s.GradScale, adamC1: 1 - u.Beta1, adamC2: 1 - u.Beta2, adamStep: step, adamEps: eps}
}

// corrected returns the step size and eps with the corrections folded in.
func (u Adam) corrected(s Step) (step, eps float64) {
	step, eps = u.LR*s.LRScale, u.Eps
	if u.Correction == Uncorrected {
		return step, eps
	}
	c1, c2 := oneMinusPows(u.Beta1, u.Beta2, s.T)
	root := math.Sqrt(c2)
	if u.Correction == Corrected {
		eps *= root
	}
	return float64(step*root) / c1, eps
}

var (
	adamSlots  = []Slot{slotP, slotG, slotM, slotV}
	adamAccess = []Access{ReadWrite, Read, ReadWrite, ReadWrite}
	adamKernel = elementwise("adam", adamSlots, adamAccess, adam[float32], adam[float64])
)

func adam[T Real](c *[MaxCoef]T, s [][]T) {
	p, g, m, v := s[0], s[1], s[2], s[3]
	for i := range p {
		gi := T(c[CoefGrad] * g[i])
		mi := m[i] + T(c[adamC1]*(gi-m[i]))
		vi := v[i] + T(c[adamC2]*(T(gi*gi)-v[i]))
		p[i] -= T(c[adamStep]*mi) / (sqrt(vi) + c[adamEps])
		m[i], v[i] = mi, vi
	}
}

var _ = define(Definition{
	Name:   "adam",
	Title:  "Adam",
	Source: "Kingma, Ba 2015, arXiv:1412.6980",
	Cases: []Update{
		Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8},
		Adam{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-6, Correction: Uncorrected},
		Adam{LR: 1e-2, Beta1: 0.5, Beta2: 0.999, Eps: 1e-3, Correction: EpsilonHat},
	},
})
