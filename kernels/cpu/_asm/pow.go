package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// The constants of kernels.Pow32.
const (
	one      = 0x3f800000
	fraction = 0x007fffff
	least    = 0x00800000 // of the normal numbers
	infinity = 0x7f800000
)

// pow is kernels.Pow32 in every lane, line by line. The exponent is the sum of
// two constants.
func (v *vec) pow(x VecVirtual, hi, lo Op) VecVirtual {
	t := &kernels.PowTables
	special := v.outside(x, 1, infinity-1)

	z, bias := v.normalised(x)
	u := v.new()
	v.spread(VPADDD, VPADDD_BCST, "powOffset", t.Offset, z, u)
	v.spread(variadic(VPAND), VPANDD_BCST, "powFraction", fraction, u, z)
	v.spread(VPADDD, VPADDD_BCST, "powOne", one-t.Offset, z, z)
	e := v.new()
	VPSRLD(Imm(23), u, e)
	VCVTDQ2PS(e, e)
	VSUBPS(bias, e, e)
	VPSRLD(Imm(20), u, u)

	r := v.lookup("powInv", t.Inv, u)
	v.spread(VFMADD213PS, VFMADD213PS_BCST, "minusOne", math.Float32bits(-1), z, r)
	l := v.new()
	VBROADCASTSS(word("powLog3", math.Float32bits(t.Log2[3])), l)
	for i := 2; i >= 0; i-- {
		v.spread(VFMADD213PS, VFMADD213PS_BCST, fmt.Sprintf("powLog%d", i), math.Float32bits(t.Log2[i]), r, l)
	}
	VMULPS(r, l, l)

	h := v.lookup("powLog", t.Log, u)
	VADDPS(e, h, h)
	w, y := v.mul(h, hi), v.new()
	VMOVAPS(hi, y)
	VFMSUB213PS(w, h, y)
	VFMADD231PS(lo, h, y)
	VFMADD231PS(hi, l, y)

	k, f := v.add(w, y), v.new()
	if v.zmm() {
		VRNDSCALEPS(Imm(0), k, k)
	} else {
		VROUNDPS(Imm(0), k, k)
	}
	VSUBPS(k, w, f)
	VADDPS(y, f, f)
	q := v.new()
	VBROADCASTSS(word("powExp5", math.Float32bits(t.Exp2[5])), q)
	for i := 4; i >= 0; i-- {
		v.spread(VFMADD213PS, VFMADD213PS_BCST, fmt.Sprintf("powExp%d", i), math.Float32bits(t.Exp2[i]), f, q)
	}
	v.spread(VFMADD213PS, VFMADD213PS_BCST, "one", one, f, q)
	return v.choose(special, x, v.scaled(q, k))
}

// normalised returns x, times 2^24 where it is denormal, and the bias of its
// exponent.
func (v *vec) normalised(x VecVirtual) (z, bias VecVirtual) {
	z, bias = v.new(), v.new()
	if v.zmm() {
		k := K()
		VCMPPS_BCST(Imm(less), word("powLeast", least), x, k)
		VMOVAPS(x, z)
		VMULPS_BCST(word("powLift", math.Float32bits(0x1p24)), z, k, z)
		VBROADCASTSS(word("powBias", math.Float32bits(127)), bias)
		VADDPS_BCST(word("powShift", math.Float32bits(24)), bias, k, bias)
		return z, bias
	}
	all := func(name string, x uint32) Mem { return words(name+"x8", x, x, x, x, x, x, x, x) }
	small := v.new()
	VCMPPS(Imm(less), all("powLeast", least), x, small)
	VMULPS(all("powLift", math.Float32bits(0x1p24)), x, z)
	VBLENDVPS(small, z, x, z)
	VANDPS(all("powShift", math.Float32bits(24)), small, bias)
	VADDPS(all("powBias", math.Float32bits(127)), bias, bias)
	return z, bias
}

// scaled returns q * 2^k for q near 1, rounded once, and an integer k.
func (v *vec) scaled(q, k VecVirtual) VecVirtual {
	if v.zmm() {
		VSCALEFPS(k, q, q)
		return q
	}
	// In two factors, of which the first is exact. Beyond 160 there is nothing
	// but zero and infinity.
	most := math.Float32bits(160)
	v.spread(VMINPS, nil, "powMost", most, k, k)
	v.spread(VMAXPS, nil, "powLow", most|1<<31, k, k)
	a, b := v.new(), v.new()
	VCVTPS2DQ(k, k)
	VPSRAD(Imm(1), k, a)
	VPSUBD(a, k, b)
	for _, x := range []VecVirtual{a, b} {
		v.spread(VPADDD, nil, "powUnit", 127, x, x)
		VPSLLD(Imm(23), x, x)
		VMULPS(x, q, q)
	}
	return q
}

// lookup returns table[j & 7] in every lane.
func (v *vec) lookup(name string, table [8]float32, j VecVirtual) VecVirtual {
	var bits []uint32
	for range 2 {
		for _, x := range table {
			bits = append(bits, math.Float32bits(x))
		}
	}
	m, d := words(name, bits...), v.new()
	VPERMPS(m, j, d)
	return d
}

// A selection is a set of lanes: a mask, or all ones in a vector.
type selection struct {
	k OpmaskVirtual
	x VecVirtual
}

// outside selects the lanes whose bits, as an unsigned number, are not in
// [from, to].
func (v *vec) outside(x VecVirtual, from, to uint32) selection {
	d := v.new()
	name := fmt.Sprintf("bits%x", from)
	v.spread(VPSUBD, VPSUBD_BCST, name, from, x, d)
	first := fmt.Sprintf("bits%x", to-from+1)
	if v.zmm() {
		k := K()
		VPCMPUD_BCST(Imm(5), word(first, to-from+1), d, k)
		return selection{k: k}
	}
	m := v.new()
	v.spread(VPMAXUD, nil, first, to-from+1, d, m)
	VPCMPEQD(m, d, m)
	return selection{x: m}
}

// choose returns yes in the selected lanes, else no.
func (v *vec) choose(s selection, yes, no VecVirtual) VecVirtual {
	d := v.new()
	if v.zmm() {
		VBLENDMPS(yes, no, s.k, d)
	} else {
		VBLENDVPS(s.x, yes, no, d)
	}
	return d
}
