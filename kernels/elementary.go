package kernels

import "math"

// The functions of this file are those of definitions that need more than + - * /
// and square roots: objectives with a cosh or a cosine, noise laws. For float64
// they are the library's. For float32 each is one polynomial, whose multiply-adds
// are fused by definition, over the tables of [Pow32] where it can; on a device it
// is the same line by line.

// log2 returns the logarithm to base 2 of a normal number above zero. For float32
// its error is below 0.9 units in the last place of the larger of it and 1/2
// (TestLog2).
func log2[T Real](x T) T {
	if x32, ok := any(x).(float32); ok {
		h, l := log2Parts(x32, 127)
		return T(h + l)
	}
	return T(math.Log2(float64(x)))
}

// exp2 returns 2^x for any x; NaN for NaN. For float32 its error is below 0.9 ulp
// (TestExp2).
func exp2[T Real](x T) T {
	x32, ok := any(x).(float32)
	if !ok {
		return T(math.Exp2(float64(x)))
	}
	if x32 > Exp2Most {
		x32 = Exp2Most
	}
	if x32 < Exp2Least {
		x32 = Exp2Least
	}
	return T(exp2Parts(x32, 0))
}

// Beyond these a float32 power of two is infinite, or zero.
const (
	Exp2Most  = 130
	Exp2Least = -160
)

// sincos returns the sine and the cosine of x turns: of the angle 2*pi*x. For
// float32 both errors are below 1.6 ulp for any x (TestSincos). What is no number,
// or infinite, gives NaN.
func sincos[T Real](x T) (sin, cos T) {
	x32, ok := any(x).(float32)
	if !ok {
		x -= T(math.RoundToEven(float64(x)))
		s, c := math.Sincos(float64(2 * math.Pi * float64(x)))
		return T(s), T(c)
	}
	const whole = 0x1.8p23      // added to it, a small number is rounded to an integer
	x32 -= rint(x32)            // exact, as is all that follows
	t := float32(4*x32) + whole // in its lowest bits, the number of quarter turns
	f := x32 - float32(0.25*(t-whole))
	s, c := nearZero(f)
	s, c = quarterTurns(s, c, math.Float32bits(t)<<30)
	return T(s), T(c)
}

func rint(x float32) float32 { return float32(math.RoundToEven(float64(x))) }

// TurnTables are the polynomials behind [sincos], for those who implement it on a
// device: minimax fits with coefficients of float32, for at most an eighth of a
// turn, sin(2*pi*f)/f within a relative 2^-25 and cos(2*pi*f) within 2^-31.
var TurnTables = struct {
	Sin [4]float32 // coefficients of sin(2*pi*f)/f in f^2, the constant first
	Cos [4]float32 // of (cos(2*pi*f)-1)/f^2
}{
	Sin: [4]float32{0x1.921fb6p+2, -0x1.4abc24p+5, 0x1.4680a4p+6, -0x1.331990p+6},
	Cos: [4]float32{-0x1.3bd3ccp+4, 0x1.03c1b0p+6, -0x1.55b2b6p+6, 0x1.d4f7eep+5},
}

// nearZero returns the sine and the cosine of f turns, an eighth of a turn or less.
func nearZero(f float32) (sin, cos float32) {
	t := &TurnTables
	q := float32(f * f)
	s, c := t.Sin[3], t.Cos[3]
	for i := 2; i >= 0; i-- {
		s, c = fma32(s, q, t.Sin[i]), fma32(c, q, t.Cos[i])
	}
	return float32(s * f), fma32(c, q, 1)
}

// quarterTurns adds to an angle as many quarter turns as the two highest bits of
// word say.
func quarterTurns(sin, cos float32, word uint32) (float32, float32) {
	if word>>30&1 == 1 {
		sin, cos = cos, sin
	}
	return negateIf(sin, word), negateIf(cos, word^word<<1)
}

// negateIf negates x if the highest bit of word is set.
func negateIf(x float32, word uint32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ word&(1<<31))
}
