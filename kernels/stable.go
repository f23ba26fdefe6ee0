package kernels

import "math"

// Stable is the alpha-stable law with skewness Beta and mean zero, times Scale, or
// that of the mean of Batch such numbers, which is one of them: S(alpha, beta) with
// the characteristic function exp(-|t|^alpha * (1 - i*beta*sign(t)*tan(pi*alpha/2)))
// (Chambers, Mallows, Stuck 1976). Its moments below Alpha exist; for Alpha 2 it is
// the normal law with variance 2.
type Stable struct {
	Scale float64 `json:"scale" range:"[0,inf)"`
	Alpha float64 `json:"alpha" range:"(1,2]"`
	Beta  float64 `json:"beta" range:"[-1,1]"`
	Batch int     `json:"batch" range:"[1,inf)"`
}

const (
	stableAlpha   = 2
	stableShift   = 3 // alpha*B, in turns
	stableInverse = 4 // 1/alpha
)

func (Stable) Name() string    { return "stable" }
func (Stable) Kernel() *Kernel { return stableKernel }

func (u Stable) Coef(_ int, s Sample) Coef {
	skew := 0.0 // tan(pi*2/2) is 0, but rounding would not make it so
	if u.Alpha < 2 {
		skew = u.Beta * math.Tan(math.Pi*u.Alpha/2)
	}
	size := math.Pow(1+float64(skew*skew), 1/(2*u.Alpha)) / StepPow(u.Batch, 1-1/u.Alpha)
	c := s.coef(u.Scale * size)
	c[stableAlpha] = u.Alpha
	c[stableShift] = math.Atan(skew) / (2 * math.Pi)
	c[stableInverse] = 1 / u.Alpha
	return c
}

var stableKernel = noiseKernel("stable", 2, stable[float32], stable[float64])

func stable[T Real](c *[MaxCoef]T, w [8]uint32) (x [4]T) {
	for i := range x {
		x[i] = stableNumber(c, w[i], w[4+i])
	}
	return x
}

// stableNumber is the formula of Chambers, Mallows and Stuck
//
//	sin(a) / cos(V)^(1/alpha) * (cos(V-a)/W)^((1-alpha)/alpha),  a = alpha*(V+B)
//
// with V uniform in (-1/4, 1/4) turns and W exponential, written as q*sin(a) times
// a single power, (q*cos(V))^(-1/alpha), with q = W/cos(V-a). V is drawn by its
// distance from the ends: there its cosine is small, and the numbers large.
func stableNumber[T Real](c *[MaxCoef]T, word, other uint32) T {
	rest := T(0.25 * uniform[T](word))
	cosV, sinV := sincos(rest)
	sinV = withSign(sinV, word)
	a := T(c[stableAlpha]*withSign(0.25-rest, word)) + c[stableShift]
	sinA, cosA := sincos(a)
	cos := T(cosV*cosA) + T(sinV*sinA)
	if !(cos > 0x1p-24) {
		cos = 0x1p-24 // at the end of V where a law of one side has its edge
	}
	exponential := T(-math.Ln2 * log2(uniform[T](other)))
	if !(exponential > 0x1p-26) {
		exponential = 0x1p-26
	}
	q := exponential / cos
	return T(T(q*sinA) * exp2(T(-c[stableInverse]*log2(T(q*cosV)))))
}

var _ = defineNoise(NoiseDefinition{
	Name:   "stable",
	Title:  "alpha-stable with mean zero, or the mean of a batch of such",
	Source: "Chambers, Mallows, Stuck 1976",
	Cases: []Noise{
		Stable{Scale: 1, Alpha: 1.5, Batch: 1},
		Stable{Scale: 0.1, Alpha: 1.2, Beta: 1, Batch: 16},
		Stable{Scale: 1, Alpha: 2, Batch: 1},
	},
})
