package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// load reads a bundle of float32 or bfloat16, of which vector j starts at at(j).
func (v *vec) load(d kernels.DType, at func(j int) Mem) val {
	if d == kernels.BF16 {
		if v.paired() {
			w := v.pairWords(at(0))
			return v.each(func(j int, x VecVirtual) {
				if j == 0 {
					VPSLLD(Imm(16), w, x)
				} else {
					VPANDD_BCST(word(upper), w, x)
				}
			})
		}
		if v.neon() {
			return v.each(func(j int, x VecVirtual) {
				arm.function.load("D", at(j), x)
				arm.function.do(nWiden, x, x, nil)
			})
		}
		return v.left(v.rawWords(at), 16)
	}
	return v.each(func(j int, x VecVirtual) {
		switch {
		case v.neon():
			arm.function.load("Q", at(j), x)
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
		if v.paired() {
			x = v.rounded(x)
			w := v.vector()
			VPSRLD(Imm(16), x[0], w)
			VPTERNLOGD_BCST(Imm(0xd8), word(upper), x[1], w) // the upper half of x[1], the lower of w
			v.storePairs(w, at(0))
			return
		}
		v.storeWords(v.right(v.rounded(x), 16), at)
		return
	}
	for j := range x {
		switch {
		case v.neon():
			arm.function.store("Q", x[j], at(j))
		case !v.masked:
			VMOVUPS(x[j], at(j))
		case v.zmm():
			VMOVUPS(x[j], v.kr, at(j))
		default:
			VMASKMOVPS(x[j], v.k, at(j))
		}
	}
}

// settle says that x is what the body will return for a slot, and stores it now where
// the skeleton can. What comes before a root and a division is then out of the way when
// they wait for the divider: a load must not pass an older store that may go to the same
// address, and of addresses the processor first compares the place within a page.
func (v *vec) settle(slot int, x val) {
	if v.early != nil {
		v.early(slot, x)
	}
}

// upper is the half of a float32 that bfloat16 has.
const upper lit = 0xffff0000

// paired reports whether a bundle is two vectors of bfloat16 that share a
// register in memory.
func (v *vec) paired() bool { return v.zmm() && v.bundle == 2 && !v.masked }

// order says how pairs of words lie in the registers of a bundle.
type order struct{ pair, unpair VecVirtual }

// ordered makes pairs keep the order of elements: word j beside word j+16. Where
// all arrays have words and no sum is taken, any order does, and none is made.
func (v *vec) ordered() {
	var pair, unpair []uint32
	for i := range uint32(16) {
		pair = append(pair, i|(i+16)<<16)
		half := i / 8 // words 2i and 2i+1 are those of lanes 2i%16 and the next
		lane := 2 * i % 16
		unpair = append(unpair, (2*lane+half)|(2*(lane+1)+half)<<16)
	}
	v.order = &order{v.vector(), v.vector()}
	VMOVDQU32(words(pair...), v.order.pair)
	VMOVDQU32(words(unpair...), v.order.unpair)
}

func (v *vec) pairWords(m Mem) VecVirtual {
	w := v.vector()
	if v.order == nil {
		VMOVDQU32(m, w)
	} else {
		VPERMW(m, v.order.pair, w)
	}
	return w
}

func (v *vec) storePairs(w VecVirtual, m Mem) {
	if v.order != nil {
		ordered := v.vector()
		VPERMW(w, v.order.unpair, ordered)
		w = ordered
	}
	VMOVDQU32(w, m)
}

// stored returns what load will find after store wrote x.
func (v *vec) stored(d kernels.DType, x val) val {
	if d == kernels.BF16 {
		return v.and(v.rounded(x), upper)
	}
	return x
}

// rounded rounds to bfloat16, in the upper half of the word; the lower is left
// over. A NaN is a quiet one, for arithmetic made it, and may be left as it is:
// without its lower half it is still a NaN. Rounded up, one with all bits set
// would become a zero. Where all arrays are bfloat16 there is none with lower
// bits, and rounding leaves its upper half alone.
func (v *vec) rounded(x val) val {
	half := v.intAdd(v.and(v.right(x, 16), lit(1)), lit(0x7fff))
	switch {
	case v.words:
		return v.intAdd(x, half)
	case !v.zmm():
		return v.where(unordered, x, x, x, v.intAdd(x, half))
	}
	number, out := v.when(isNumber, x, x), v.copy(x)
	for j, k := range number.k {
		VPADDD(half[j], out[j], k, out[j])
	}
	return out
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
		case v.neon():
			arm.function.do(nNarrow, x[j], x[j], nil)
			arm.function.store("D", x[j], at(j))
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
	return v.each(func(j int, x VecVirtual) {
		if v.neon() {
			arm.function.load("S", at(j), x)
			arm.function.do(nBytesToWords, x, x, nil)
			arm.function.do(nWordsToLanes, x, x, nil)
		} else {
			VPMOVZXBD(at(j), x)
		}
	})
}

// storeBytes writes the lowest bytes of lanes, whose others are zero. It
// overwrites x.
func (v *vec) storeBytes(x val, at func(j int) Mem) {
	for j := range x {
		if v.neon() {
			arm.function.do(nNarrow, x[j], x[j], nil)
			arm.function.do(nToBytes, x[j], x[j], nil)
			arm.function.store("S", x[j], at(j))
			continue
		}
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

// decode turns bytes into the numbers that they stand for, as kernels.DType
// defines them. Zero is what a byte of zero is with the scale, of NEON its negative.
func (v *vec) decode(d kernels.DType, code val, scale, zero Op) val {
	shift := 23 - d.Fraction()
	x := v.left(code, shift)
	if d == kernels.Q8 {
		x = v.and(x, lit(0x7f<<20))
	}
	x = v.intAdd(x, lit(kernels.ByteBias<<23))
	for j := range x {
		t := v.vector()
		if v.neon() {
			arm.function.copy(zero, t)
			arm.function.do(nFMA, t, x[j], scale)
			x[j] = t
			continue
		}
		VMOVAPS(scale, t)
		VFMSUB213PS(zero, t, x[j])
	}
	if d == kernels.Q8 {
		x = v.merge(v.left(code, 24), x)
	}
	return x
}

// merge returns the magnitude of x with the sign of sign.
func (v *vec) merge(sign, x val) val {
	if !v.zmm() {
		return v.or(v.and(sign, signBit), x)
	}
	for j := range x {
		VPTERNLOGD_BCST(Imm(0xf8), word(signBit), sign[j], x[j]) // x or sign and bit
	}
	return x
}

// encode turns numbers into bytes.
func (v *vec) encode(d kernels.DType, x val, inverse Op) val {
	shift := 23 - d.Fraction()
	size := x
	if d == kernels.Q8 {
		size = v.abs(x)
	}
	b := v.all(number(kernels.ByteZero))
	v.plusProduct(b, size, slices.Repeat(val{inverse}, len(b)))
	b = v.intAdd(v.minBits(b, number(d.Top())), lit(1<<(shift-1))-lit(kernels.ByteBias<<23))
	b = v.right(b, shift)
	if d == kernels.UQ8 {
		return v.maxBits(b, v.minBits(x, lit(1)))
	}
	return v.or(b, v.left(v.right(x, 31), 7))
}

// scale makes, of the largest magnitudes of a block, the scale that is stored and
// the inverse that its numbers are multiplied by, in every lane.
func (v *vec) scale(d kernels.DType, most VecVirtual, at Mem) (inverse Op) {
	if v.neon() {
		return v.scaleNEON(d, most, at)
	}
	largest := v.largest(most)
	scale, inv := XMM(), XMM()
	every := v.vector()
	small, large := v.newLabel("small"), v.newLabel("large")
	VXORPS(inv, inv, inv)
	VXORPS(scale, scale, scale)
	VUCOMISS(word(number(kernels.BlockLeast)), largest)
	JPS(LabelRef(large)) // no number
	JCS(LabelRef(small))
	Label(large)
	VDIVSS(word(number(d.Top()-kernels.ByteZero)), largest, scale)
	VMOVSS(word(one), inv)
	VDIVSS(scale, inv, inv)
	Label(small)
	VMOVSS(scale, at)
	VBROADCASTSS(inv, every)
	return every
}

// scaleNEON is scale with a choice of lanes in place of a jump.
func (v *vec) scaleNEON(d kernels.DType, most VecVirtual, at Mem) Op {
	spread := v.one(nLargest, most, nil)
	largest := val{v.one(nSpread, spread, nil)}
	small := v.when(less, largest, number(kernels.BlockLeast))
	scale := v.div(largest, number(d.Top()-kernels.ByteZero))
	inverse := v.pick(small, v.zero(), v.div(v.all(one), scale))
	arm.function.store("S", v.pick(small, v.zero(), scale)[0], at)
	return inverse[0]
}
