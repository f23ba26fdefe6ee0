package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// The bits of some float32.
const (
	one      lit = 0x3f800000
	fraction lit = 0x007fffff
	least    lit = 0x00800000 // of the normal numbers
	infinity lit = 0x7f800000
)

// pow is kernels.Pow32 in every lane, line by line. The exponent is the sum of
// two constants.
func (v *vec) pow(x, hi, lo val) val {
	h, l := v.log2Parts(v.split(x, true))
	w := v.mul(h, hi)
	y := v.copy(w)
	v.minusInto(y, h, hi)
	v.plusProduct(y, h, lo)
	v.plusProduct(y, l, hi)

	k := v.round(v.add(w, y))
	return v.special(x, v.exp2Near(v.add(v.sub(w, k), y), k))
}

// log2Parts returns two numbers whose sum is the logarithm of what was split.
func (v *vec) log2Parts(z, e, u val) (h, l val) {
	t := &kernels.PowTables
	r := v.lookup(t.Inv, u)
	v.fmaInto(r, z, number(-1))
	l = v.polynomial(t.Log2[:], r)
	return v.add(v.lookup(t.Log, u), e), v.mul(l, r)
}

// exp2Near is 2^(k+f), for an integer k and |f| <= 1/2.
func (v *vec) exp2Near(f, k val) val {
	q := v.polynomial(kernels.PowTables.Exp2[:], f)
	v.fmaInto(q, f, one)
	return v.scaled(q, k)
}

// polynomial is that of x with the coefficients c, the constant first.
func (v *vec) polynomial(c []float32, x val) val {
	last := len(c) - 1
	y := v.all(number(c[last]))
	for i := last - 1; i >= 0; i-- {
		v.fmaInto(y, x, number(c[i]))
	}
	return y
}

// special returns y, or x where that is zero, infinite, negative or no number.
func (v *vec) special(x, y val) val {
	if !v.zmm() {
		return v.pick(v.outside(x, 1, infinity-1), x, y)
	}
	// By class of x, from NaN in the lowest four bits on: quiet NaN, signalling NaN,
	// zero, one, -Inf, +Inf, below zero, above zero. 0 keeps y, 1 takes x, 2 takes x
	// as a quiet NaN.
	const table lit = 0x01110122
	for j := range y {
		VFIXUPIMMPS_BCST(Imm(0), word(table), x[j], y[j])
	}
	return y
}

// split returns z in [3/4, 3/2) and e with x = 2^e * z, and the number of the
// eighth of a binade that z is in, in its low bits. AVX-512 has instructions for
// that, which know denormals, and counts eighths from 1 on.
func (v *vec) split(x val, denormals bool) (z, e, eighth val) {
	t := &kernels.PowTables
	if v.zmm() {
		exponent := func(x val) val { return v.each(func(j int, d VecVirtual) { VGETEXPPS(x[j], d) }) }
		z = v.each(func(j int, d VecVirtual) { VGETMANTPS(Imm(3), x[j], d) })
		e = v.sub(exponent(x), exponent(z))
		return z, e, v.right(z, 20)
	}
	bias := arg(number(127))
	if denormals {
		small := v.when(less, x, least)
		x = v.pick(small, v.mul(x, number(0x1p24)), x)
		bias = v.add(v.and(small.x, number(24)), number(127))
	}
	u := v.intAdd(x, lit(t.Offset))
	z = v.intAdd(v.and(u, fraction), one-lit(t.Offset))
	return z, v.sub(v.fromInt(v.right(u, 23)), bias), v.right(u, 20)
}

// scaled returns q * 2^k for q near 1, rounded once, and an integer k.
func (v *vec) scaled(q, k val) val {
	if v.zmm() {
		return v.each(func(j int, d VecVirtual) { VSCALEFPS(k[j], q[j], d) })
	}
	// In two factors, of which the first is exact. Beyond 160 there is nothing
	// but zero and infinity.
	k = v.toInt(v.op(iMax, v.op(iMin, k, number(160)), number(-160)))
	half := v.signed(k, 1)
	for _, x := range []val{half, v.intSub(k, half)} {
		q = v.mul(q, v.left(v.intAdd(x, lit(127)), 23))
	}
	return q
}
