package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// pow is kernels.Pow32 in every lane, with the exponent that was declared by
// the place of its high part. It works in float64, half a vector at a time.
func (v *vec) pow(x VecVirtual, exponent int) VecVirtual {
	y := v.wide[exponent]
	lo, hi := v.powHalf(v.half(x, 0), y), v.powHalf(v.half(x, 1), y)
	d := v.new()
	if v.zmm() {
		VCVTPD2PS(lo, lo.AsY())
		VCVTPD2PS(hi, hi.AsY())
		VINSERTF64X4(Imm(1), hi.AsY(), lo, d)
	} else {
		VCVTPD2PSY(lo, lo.AsX())
		VCVTPD2PSY(hi, hi.AsX())
		VINSERTF128(Imm(1), hi.AsX(), lo, d)
	}
	return v.where(unordered, x, x, x, d)
}

// half widens the lower or upper lanes of x to float64.
func (v *vec) half(x VecVirtual, which uint64) VecVirtual {
	d := v.new()
	if v.zmm() {
		if which == 0 {
			VCVTPS2PD(x.AsY(), d)
			return d
		}
		VEXTRACTF64X4(Imm(which), x, d.AsY())
		VCVTPS2PD(d.AsY(), d)
		return d
	}
	if which == 0 {
		VCVTPS2PD(x.AsX(), d)
		return d
	}
	VEXTRACTF128(Imm(which), x, d.AsX())
	VCVTPS2PD(d.AsX(), d)
	return d
}

// powHalf follows kernels.Pow32 line by line.
func (v *vec) powHalf(b VecVirtual, y Op) VecVirtual {
	const shifter = 1<<52 + 1<<51
	t := &kernels.PowTables

	u, z, e := v.new(), v.new(), v.new()
	VPADDQ(wide("powOffset", t.Offset), b, u)
	if v.zmm() {
		VPANDQ(wide("powExponent", 0xfff0000000000000), u, z)
	} else {
		VPAND(wide("powExponent", 0xfff0000000000000), u, z)
	}
	VPSUBQ(z, b, z)
	VPADDQ(wide("powOne", math.Float64bits(1)), z, z)
	VPSRLQ(Imm(52), u, e)
	if v.zmm() {
		VPORQ(wide("powInteger", 0x433<<52), e, e)
	} else {
		VPOR(wide("powInteger", 0x433<<52), e, e)
	}
	VSUBPD(wideFloat("powBias", 1<<52+1023), e, e)
	VPSRLQ(Imm(49), u, u)

	var inv, log [8]float64
	for j := range inv {
		inv[j], log[j] = t.Inv[j], t.Log2[0]+t.Log[j]
	}
	r := v.lookup("powInv", inv, u)
	VFMADD213PD(wideFloat("powMinusOne", -1), z, r)
	VADDPD(v.lookup("powLog", log, u), e, e)

	l := v.new()
	VMOVUPD(wideFloat("powLog5", t.Log2[5]), l)
	for i := 4; i > 0; i-- {
		VFMADD213PD(wideFloat(fmt.Sprintf("powLog%d", i), t.Log2[i]), r, l)
	}
	VFMADD213PD(e, r, l)

	w, s, f := v.new(), v.new(), v.new()
	VMULPD(y, l, w)
	VMINPD(wideFloat("powMax", t.Limit), w, w)
	VMAXPD(wideFloat("powMin", -t.Limit), w, w)
	VADDPD(wideFloat("powShifter", shifter), w, s)
	VSUBPD(wideFloat("powShifter", shifter), s, f)
	VSUBPD(f, w, f)

	q := v.new()
	VMOVUPD(wideFloat("powExp6", t.Exp2[6]), q)
	for i := 5; i >= 0; i-- {
		VFMADD213PD(wideFloat(fmt.Sprintf("powExp%d", i), t.Exp2[i]), f, q)
	}
	VPSLLQ(Imm(52), s, s)
	VPADDQ(s, q, q)
	return q
}

// lookup returns table[j & 7] in every lane.
func (v *vec) lookup(name string, table [8]float64, j VecVirtual) VecVirtual {
	var bits [8]uint64
	for i, x := range table {
		bits[i] = math.Float64bits(x)
	}
	m, d := quads(name, bits), v.new()
	if v.zmm() {
		VPERMPD(m, j, d)
		return d
	}
	index, ones, base := v.new(), v.new(), GP64()
	VPAND(wide("powIndex", 7), j, index)
	VMOVUPD(wide("powAll", math.MaxUint64), ones)
	VPXOR(d, d, d)
	LEAQ(m, base)
	VGATHERQPD(ones, Mem{Base: base, Index: index, Scale: 8}, d)
	return d
}

func wideFloat(name string, x float64) Mem { return wide(name, math.Float64bits(x)) }

// wide returns a 64-bit constant in every lane of the widest vector.
func wide(name string, bits uint64) Mem {
	return quads(name, [8]uint64{bits, bits, bits, bits, bits, bits, bits, bits})
}

// quads returns eight 64-bit words in read-only memory.
func quads(name string, bits [8]uint64) Mem {
	if _, ok := data[name]; !ok {
		data[name] = GLOBL(name, RODATA|NOPTR)
		for i, b := range bits {
			DATA(8*i, U64(b))
		}
	}
	return data[name]
}
