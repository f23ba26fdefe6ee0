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
	v.quad(VPADDQ, VPADDQ_BCST, "powOffset", t.Offset, b, u)
	v.quad(variadic(VPAND), VPANDQ_BCST, "powExponent", 0xfff0000000000000, u, z)
	VPSUBQ(z, b, z)
	v.quad(VPADDQ, VPADDQ_BCST, "powOne", math.Float64bits(1), z, z)
	VPSRLQ(Imm(52), u, e)
	v.quad(variadic(VPOR), VPORQ_BCST, "powInteger", 0x433<<52, e, e)
	v.double(VSUBPD, VSUBPD_BCST, "powBias", 1<<52+1023, e, e)
	VPSRLQ(Imm(49), u, u)

	var inv, log [8]float64
	for j := range inv {
		inv[j], log[j] = t.Inv[j], t.Log2[0]+t.Log[j]
	}
	r := v.lookup("powInv", inv, u)
	v.double(VFMADD213PD, VFMADD213PD_BCST, "powMinusOne", -1, z, r)
	VADDPD(v.lookup("powLog", log, u), e, e)

	l := v.new()
	VBROADCASTSD(quad("powLog5", math.Float64bits(t.Log2[5])), l)
	for i := 4; i > 0; i-- {
		v.double(VFMADD213PD, VFMADD213PD_BCST, fmt.Sprintf("powLog%d", i), t.Log2[i], r, l)
	}
	VFMADD213PD(e, r, l)

	w, s, f := v.new(), v.new(), v.new()
	VMULPD(y, l, w)
	v.double(VMINPD, VMINPD_BCST, "powMax", t.Limit, w, w)
	v.double(VMAXPD, VMAXPD_BCST, "powMin", -t.Limit, w, w)
	v.double(VADDPD, VADDPD_BCST, "powShifter", shifter, w, s)
	v.double(VSUBPD, VSUBPD_BCST, "powShifter", shifter, s, f)
	VSUBPD(f, w, f)

	q := v.new()
	VBROADCASTSD(quad("powExp6", math.Float64bits(t.Exp2[6])), q)
	for i := 5; i >= 0; i-- {
		v.double(VFMADD213PD, VFMADD213PD_BCST, fmt.Sprintf("powExp%d", i), t.Exp2[i], f, q)
	}
	VPSLLQ(Imm(52), s, s)
	VPADDQ(s, q, q)
	return q
}

// quad runs an instruction with a 64-bit constant as its first operand: one
// that AVX-512 spreads over the lanes as it loads it, and AVX2 finds spread.
func (v *vec) quad(vex, evex func(...Op), name string, bits uint64, a, d VecVirtual) {
	if v.zmm() {
		evex(quad(name, bits), a, d)
		return
	}
	vex(quad(name, bits), a, d)
}

// variadic gives an instruction of three operands the type of the others.
func variadic(f func(a, b, c Op)) func(...Op) { return func(o ...Op) { f(o[0], o[1], o[2]) } }

func (v *vec) double(vex, evex func(...Op), name string, x float64, a, d VecVirtual) {
	v.quad(vex, evex, name, math.Float64bits(x), a, d)
}

// lookup returns table[j & 7] in every lane.
func (v *vec) lookup(name string, table [8]float64, j VecVirtual) VecVirtual {
	var bits [8]uint64
	for i, x := range table {
		bits[i] = math.Float64bits(x)
	}
	m, d := quads(name, bits[:]...), v.new()
	if v.zmm() {
		VPERMPD(m, j, d)
		return d
	}
	index, ones, base := v.new(), v.new(), GP64()
	VPAND(quad("powIndex", 7), j, index)
	VPBROADCASTQ(quad("powAll", math.MaxUint64), ones)
	VPXOR(d, d, d)
	LEAQ(m, base)
	VGATHERQPD(ones, Mem{Base: base, Index: index, Scale: 8}, d)
	return d
}

// quad returns a 64-bit constant in read-only memory, in every lane of the
// widest vector that cannot spread it itself.
func quad(name string, bits uint64) Mem {
	return quads(name, bits, bits, bits, bits)
}

// quads returns 64-bit words in read-only memory.
func quads(name string, bits ...uint64) Mem {
	if _, ok := data[name]; !ok {
		data[name] = GLOBL(name, RODATA|NOPTR)
		for i, b := range bits {
			DATA(8*i, U64(b))
		}
	}
	return data[name]
}
