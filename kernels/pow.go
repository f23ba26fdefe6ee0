package kernels

import "math"

// pow returns x^(hi+lo) for x of 0 or more and an exponent in [1/2, 2]. The
// exponent comes in two parts because one float32 would lose, far from x = 1,
// more digits than the power itself; see splitExponent.
//
// For float64 it is the library's. For float32 it is [Pow32].
func pow[T Real](x, hi, lo T) T {
	if x32, ok := any(x).(float32); ok {
		return T(Pow32(x32, float32(hi), float32(lo)))
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
// device. The inverses are those near the middle of their interval whose
// logarithm has 15 fractional bits, to within 2^-28, so that it adds to the
// exponent exactly. The polynomials are minimax fits with coefficients of
// float32: log2(1+r) for r in
// [-0.0595, 0.0582] within 2^-26, 2^f for |f| <= 1/2
// within a relative 2^-28.
var PowTables = struct {
	Offset uint32     // moves the split of a binade from 1 to 3/4
	Inv    [8]float32 // about the inverse of the middle of each eighth of a binade
	Log    [8]float32 // -log2(Inv)
	Log2   [4]float32 // coefficients of log2(1+r), that of r first
	Exp2   [6]float32 // coefficients of 2^f - 1, that of f first
}{
	Offset: 1 << 22,
	Inv: [8]float32{
		0x1.47ef8cp+0, 0x1.2f47b2p+0, 0x1.1a83bap+0, 0x1.086bbap+0, 0x1.e190f8p-1, 0x1.af7108p-1, 0x1.86390ap-1, 0x1.63f2d4p-1,
	},
	Log: [8]float32{
		-0x1.6dd8p-2, -0x1.f4cp-3, -0x1.233p-3, -0x1.7e8p-5, 0x1.6a2p-4, 0x1.f9dp-3, 0x1.914p-2, 0x1.0c88p-1,
	},
	Log2: [4]float32{0x1.715464p+0, -0x1.71542cp-1, 0x1.edb828p-2, -0x1.73252ap-2},
	Exp2: [6]float32{0x1.62e430p-1, 0x1.ebfbdcp-3, 0x1.c6af7cp-5, 0x1.3b2de0p-7, 0x1.5f0830p-10, 0x1.416b5cp-13},
}

// Pow32 returns x^(hi+lo). Its multiply-adds are fused by definition. The error
// is below 1.5 ulp (TestPow32). x must be 0 or more, the exponent in [1/2, 2];
// 0 gives 0, +Inf gives +Inf and NaN gives NaN.
func Pow32(x, hi, lo float32) float32 {
	const normal = 0x1p-126
	if b := math.Float32bits(x); b-1 >= 0x7f7fffff {
		return x // zero, infinite or no number
	}
	bias := float32(127)
	if x < normal {
		x *= 0x1p24
		bias += 24
	}
	h, l := log2Parts(x, bias)

	// log2(x) is h+l, and w+v its product with the exponent.
	w := float32(hi * h)
	v := fma32(hi, l, fma32(lo, h, fma32(hi, h, -w)))
	return exp2Parts(w, v)
}

// log2Parts returns two numbers whose sum is the logarithm of a normal number, of
// which the first is exact. The exponent of x has the bias given.
func log2Parts(x, bias float32) (h, l float32) {
	const (
		one      = 0x3f800000
		fraction = 0x007fffff
	)
	t := &PowTables

	// x = 2^e * z with z in [3/4, 3/2); z = (1+r)/Inv[j].
	u := math.Float32bits(x) + t.Offset
	z := math.Float32frombits(u&fraction + (one - t.Offset))
	e := float32(u>>23) - bias
	j := u >> 20 & 7
	r := fma32(z, t.Inv[j], -1)
	l = t.Log2[3]
	for i := 2; i >= 0; i-- {
		l = fma32(l, r, t.Log2[i])
	}
	return e + t.Log[j], float32(l * r)
}

// exp2Parts returns 2^(w+v).
func exp2Parts(w, v float32) float32 {
	t := &PowTables

	// 2^(w+v) = 2^k * 2^f with |f| <= 1/2.
	k := float32(math.RoundToEven(float64(w + v)))
	f := (w - k) + v
	q := t.Exp2[5]
	for i := 4; i >= 0; i-- {
		q = fma32(q, f, t.Exp2[i])
	}
	q = fma32(q, f, 1)
	return float32(math.Ldexp(float64(q), int(k)))
}

// fma32 returns x*y + z for finite arguments, rounded once. The product is exact
// in float64; its sum with z is rounded to odd, which a second rounding to fewer
// than half the digits cannot tell from the exact sum (Boldo, Melquiond 2008,
// "Emulation of FMA and correctly rounded sums").
func fma32(x, y, z float32) float32 {
	p, a := float64(float64(x)*float64(y)), float64(z)
	s := p + a
	b := s - p
	rest := (p - (s - b)) + (a - b)
	if bits := math.Float64bits(s); rest != 0 && bits&1 == 0 {
		if (rest > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}
