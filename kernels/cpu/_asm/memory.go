package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// load reads a bundle of float32 or bfloat16, of which vector j starts at at(j).
func (v *vec) load(d kernels.DType, at func(j int) Mem) val {
	if d == kernels.BF16 {
		return v.left(v.rawWords(at), 16)
	}
	return v.each(func(j int, x VecVirtual) {
		switch {
		case !v.masked:
			VMOVUPS(at(j), x)
		case v.zmm():
			VMOVUPS_Z(at(j), v.kr, x)
		default:
			VMASKMOVPS(at(j), v.k, x)
		}
	})
}

// store writes a bundle, rounded to the type.
func (v *vec) store(d kernels.DType, x val, at func(j int) Mem) {
	if d == kernels.BF16 {
		v.storeWords(v.right(v.rounded(x), 16), at)
		return
	}
	for j := range x {
		switch {
		case !v.masked:
			VMOVUPS(x[j], at(j))
		case v.zmm():
			VMOVUPS(x[j], v.kr, at(j))
		default:
			VMASKMOVPS(x[j], v.k, at(j))
		}
	}
}

// stored returns what load will find after store wrote x.
func (v *vec) stored(d kernels.DType, x val) val {
	if d == kernels.BF16 {
		return v.and(v.rounded(x), lit(0xffff0000))
	}
	return x
}

// rounded rounds to bfloat16, in the upper half of the word; the lower is left
// over. There is one NaN.
func (v *vec) rounded(x val) val {
	half := v.intAdd(v.and(v.right(x, 16), lit(1)), lit(0x7fff))
	return v.where(unordered, x, x, v.all(0x7fc00000), v.intAdd(x, half))
}

// rawWords reads 16-bit words into the lower halves of lanes. AVX2 has no mask
// for them: its callers leave the tail to others.
func (v *vec) rawWords(at func(j int) Mem) val {
	return v.each(func(j int, x VecVirtual) {
		if v.masked {
			VPMOVZXWD_Z(at(j), v.kr, x)
		} else {
			VPMOVZXWD(at(j), x)
		}
	})
}

// storeWords writes the lower halves of lanes, whose upper halves are zero. It
// overwrites x.
func (v *vec) storeWords(x val, at func(j int) Mem) {
	for j := range x {
		switch {
		case v.masked:
			VPMOVDW(x[j], v.kr, at(j))
		case v.zmm():
			VPMOVDW(x[j], at(j))
		default:
			VPACKUSDW(x[j], x[j], x[j])
			VPERMQ(Imm(0b1000), x[j], x[j])
			VMOVDQU(x[j].(VecVirtual).AsX(), at(j))
		}
	}
}

// rawBytes reads bytes into lanes, all of a vector in any case: a block is as
// long as it is.
func (v *vec) rawBytes(at func(j int) Mem) val {
	return v.each(func(j int, x VecVirtual) { VPMOVZXBD(at(j), x) })
}

// storeBytes writes the lowest bytes of lanes, whose others are zero. It
// overwrites x.
func (v *vec) storeBytes(x val, at func(j int) Mem) {
	for j := range x {
		if v.zmm() {
			VPMOVDB(x[j], at(j))
			continue
		}
		VPACKUSDW(x[j], x[j], x[j])
		VPERMQ(Imm(0b1000), x[j], x[j])
		VPACKUSWB(x[j], x[j], x[j])
		VMOVQ(x[j].(VecVirtual).AsX(), at(j))
	}
}

// padded returns x, zero in lanes beyond the tail: what pads a block must not
// count for its scale.
func (v *vec) padded(x val) val {
	if !v.masked {
		return x
	}
	return v.each(func(j int, d VecVirtual) {
		if v.zmm() {
			VMOVAPS_Z(x[j], v.kr, d)
		} else {
			VANDPS(v.k, x[j], d)
		}
	})
}

// byteBias is how many binades lie between the exponent of float32 and that of a
// byte.
const byteBias = 112

// fractionBits returns how many bits of a byte are its fraction.
func fractionBits(d kernels.DType) uint64 {
	if d == kernels.Q8 {
		return 3
	}
	return 4
}

// top returns the largest number that a byte stands for.
func top(d kernels.DType) float32 {
	if d == kernels.Q8 {
		return 15.0 / 8
	}
	return 31.0 / 16
}

// decode turns bytes into the numbers that they stand for.
func (v *vec) decode(d kernels.DType, code val, scale Op) val {
	f := fractionBits(d)
	size := code
	if d == kernels.Q8 {
		size = v.and(code, lit(0x7f))
	}
	x := v.left(v.intAdd(size, lit(byteBias<<f)), 23-f)
	x = v.each(func(j int, out VecVirtual) {
		if v.zmm() {
			k := K()
			VPTESTMD(size[j], size[j], k)
			VMOVDQA32_Z(x[j], k, out)
		} else {
			VPXOR(out, out, out)
			VPCMPEQD(size[j], out, out)
			VPANDN(x[j], out, out)
		}
	})
	if d == kernels.Q8 {
		x = v.or(x, v.left(v.right(code, 7), 31))
	}
	return v.each(func(j int, out VecVirtual) { VMULPS(scale, x[j], out) })
}

// encode turns numbers into bytes.
func (v *vec) encode(d kernels.DType, x val, inverse Op) val {
	f := fractionBits(d)
	b := v.abs(v.each(func(j int, out VecVirtual) { VMULPS(inverse, x[j], out) }))
	b = v.minBits(b, number(top(d)))
	half := v.intAdd(v.and(v.right(b, 23-f), lit(1)), lit(1<<(22-f)-1))
	b = v.intSub(v.right(v.intAdd(b, half), 23-f), lit(byteBias<<f))
	if d == kernels.UQ8 {
		return v.intMax(b, v.minBits(v.abs(x), lit(1)))
	}
	return v.or(v.intMax(b, v.zero()), v.left(v.right(x, 31), 7))
}

// scale makes, of the largest magnitude of a block, the scale that is stored and
// the inverse that its numbers are multiplied by, in every lane.
func (v *vec) scale(d kernels.DType, largest VecVirtual, at Mem) (inverse VecVirtual) {
	scale, one1 := XMM(), XMM()
	inverse = v.vector()
	small := v.label("small")
	VXORPS(one1, one1, one1)
	VXORPS(scale, scale, scale)
	VUCOMISS(word(number(0x1p-100)), largest)
	JPS(LabelRef(small + "no"))
	JCS(LabelRef(small))
	Label(small + "no")
	VDIVSS(word(number(top(d))), largest, scale)
	VMOVSS(word(one), one1)
	VDIVSS(scale, one1, one1)
	Label(small)
	VMOVSS(scale, at)
	VBROADCASTSS(one1, inverse)
	return inverse
}
