package main

import (
	. "github.com/mmcloughlin/avo/build"
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
	t := &kernels.PowTables
	special := v.outside(x, 1, infinity-1)

	z, bias := v.normal(x)
	u := v.intAdd(z, lit(t.Offset))
	z = v.intAdd(v.and(u, fraction), one-lit(t.Offset))
	e := v.sub(v.fromInt(v.right(u, 23)), bias)
	u = v.right(u, 20)
	r := v.lookup(t.Inv, u)
	v.fmaInto(r, z, number(-1))
	l := v.all(number(t.Log2[3]))
	for i := 2; i >= 0; i-- {
		v.fmaInto(l, r, number(t.Log2[i]))
	}
	l = v.mul(l, r)

	h := v.add(v.lookup(t.Log, u), e)
	w := v.mul(h, hi)
	y := v.copy(w)
	v.minusInto(y, h, hi)
	v.plusProduct(y, h, lo)
	v.plusProduct(y, l, hi)

	k := v.round(v.add(w, y))
	f := v.add(v.sub(w, k), y)
	q := v.all(number(t.Exp2[5]))
	for i := 4; i >= 0; i-- {
		v.fmaInto(q, f, number(t.Exp2[i]))
	}
	v.fmaInto(q, f, one)
	return v.pick(special, x, v.scaled(q, k))
}

// normal returns x, times 2^24 where it is denormal, and the bias of its
// exponent.
func (v *vec) normal(x val) (z, bias val) {
	small := v.when(less, x, least)
	if v.zmm() {
		z, bias = v.copy(x), v.all(number(127))
		for j, k := range small.k {
			VMULPS_BCST(word(number(0x1p24)), z[j], k, z[j])
			VADDPS_BCST(word(number(24)), bias[j], k, bias[j])
		}
		return z, bias
	}
	return v.pick(small, v.mul(x, number(0x1p24)), x), v.add(v.and(small.x, number(24)), number(127))
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
