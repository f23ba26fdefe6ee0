package kernels

import "math"

// pow returns x^(hi+lo) for x of 0 or more and an exponent in [1/2, 2]. The
// exponent comes in two parts because one float32 would lose, far from x = 1,
// more digits than the power itself; see splitExponent.
//
// For float64 it is the library's. For float32 it is [Pow32].
func pow[T Real](x, hi, lo T) T {
	if x32, ok := any(x).(float32); ok {
		return T(Pow32(x32, float64(hi)+float64(lo)))
	}
	return T(math.Pow(float64(x), float64(hi)+float64(lo)))
}

// splitExponent returns y as a float32 and a rest, so that the two constants
// add up to y (to 48 bits) after each was rounded to either arithmetic type.
func splitExponent(y float64) (hi, lo float64) {
	hi = float64(float32(y))
	return hi, y - hi
}

// PowTables are the constants of [Pow32], for those who implement it on a
// device. They are minimax fits: log2(1+r) on |r| < 0.0546 with an error
// below 2^-32, 2^f on |f| <= 1/2 with a relative error below 2^-29.
var PowTables = struct {
	Offset uint64     // moves the split of a binade from 1 to 0.734375
	Inv    [8]float64 // about the inverse of the middle of each eighth of a binade
	Log    [8]float64 // -log2(Inv)
	Log2   [6]float64 // coefficients of log2(1+r), constant first
	Exp2   [7]float64 // coefficients of 2^f, constant first
	Limit  float64    // log2 of the result is clamped here; float32 has long run out
}{
	Offset: 0x0008800000000000,
	Inv: [8]float64{
		0x1.4e4p+0, 0x1.354p+0, 0x1.1f8p+0, 0x1.0c8p+0,
		0x1.edp-1, 0x1.bbp-1, 0x1.8f8p-1, 0x1.6cp-1,
	},
	Log: [8]float64{
		-0x1.8a04c05abb957p-2, -0x1.172c43298e5b4p-2, -0x1.56df5328d58c5p-3, -0x1.19b74069f5f0ap-4,
		0x1.beec9151aac2ep-5, 0x1.abb2ca9ec7472p-3, 0x1.6e8a004221b1fp-2, 0x1.f804ae8d0cd02p-2,
	},
	Log2: [6]float64{
		-0x1.b2e735aa22678p-33, 0x1.7154765717bcdp+0, -0x1.71544e21c5cefp-1,
		0x1.ec700c2b4d561p-2, -0x1.726e12950b654p-2, 0x1.28b8d7b659a79p-2,
	},
	Exp2: [7]float64{
		0x1.00000002614f8p+0, 0x1.62e430c7e8fafp-1, 0x1.ebfbdadcb1bcep-3, 0x1.c6aed4b98241ap-5,
		0x1.3b2dbbc08f82cp-7, 0x1.5f456a784f2dfp-10, 0x1.41d333a2e39d1p-13,
	},
	Limit: 1000,
}

// Pow32 returns x^y, rounded from a float64 computation whose multiply-adds are
// fused by definition, so that every device with float64 gives the same bits.
// The error is below 0.6 ulp (TestPow32). x must be 0 or more, y in [1/2, 2];
// 0 gives 0, +Inf gives +Inf and NaN gives NaN.
//
// The fused operations are kept in a function of their own, so that a search
// of the compiled package for any other finds none.
//
//go:noinline
func Pow32(x float32, y float64) float32 {
	if x != x {
		return x
	}
	const (
		one      = 0x3ff0000000000000
		exponent = 0xfff0000000000000
		shifter  = 1<<52 + 1<<51 // adding it rounds to an integer in the low bits
	)
	t := &PowTables

	// x = 2^e * z with z in [0.734, 1.469); z = (1+r)/Inv[j].
	b := math.Float64bits(float64(x))
	u := b + t.Offset
	z := math.Float64frombits(b - u&exponent + one)
	e := math.Float64frombits(u>>52|0x433<<52) - (1<<52 + 1023)
	j := u >> 49 & 7
	r := math.FMA(z, t.Inv[j], -1)
	l := t.Log2[5]
	for i := 4; i > 0; i-- {
		l = math.FMA(l, r, t.Log2[i])
	}
	l = math.FMA(l, r, t.Log2[0]+t.Log[j]+e)

	w := float64(l * y)
	if w > t.Limit {
		w = t.Limit
	}
	if w < -t.Limit {
		w = -t.Limit
	}

	// 2^w = 2^k * 2^f with |f| <= 1/2.
	s := w + shifter
	f := w - (s - shifter)
	q := t.Exp2[6]
	for i := 5; i >= 0; i-- {
		q = math.FMA(q, f, t.Exp2[i])
	}
	k := math.Float64bits(s) << 52
	return float32(math.Float64frombits(math.Float64bits(q) + k))
}
