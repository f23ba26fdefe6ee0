package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// vec is the language that bodies are written in: correctly rounded operations
// on vectors of float32, so that every lowering gives the same bits. A verb
// returns a new vector and leaves its arguments alone.
type vec struct {
	isa
	coefs  map[int]Op // each constant in every lane: a register, or memory
	masked bool       // the vector at hand is the tail
	k      VecVirtual // AVX2: lanes of the tail, all ones
	kr     OpmaskVirtual
	acc    [][]VecVirtual // accumulators by sum and part
	part   int            // which part of the lanes is at hand
	labels int            // labels used so far
}

// newVec loads the constants that a body uses. Where they would not leave
// enough registers they go to the stack, one vector each, aligned so that no
// load crosses a cache line.
func newVec(is isa, b body) *vec {
	v := &vec{isa: is, coefs: map[int]Op{}}
	if len(b.coefs) == 0 {
		return v
	}
	c := Load(Param("c"), GP64())
	keep := func(x VecVirtual) Op { return x }
	if len(b.coefs) > is.spilled {
		size, used := 4*is.width, 0
		local := AllocLocal(size * (len(b.coefs) + 1))
		frame := GP64()
		LEAQ(local.Offset(size-1), frame)
		ANDQ(I8(-size), frame)
		keep = func(x VecVirtual) Op {
			slot := Mem{Base: frame, Disp: used}
			used += size
			VMOVAPS(x, slot)
			return slot
		}
	}
	for _, k := range b.coefs {
		x := v.new()
		VBROADCASTSS(Mem{Base: c, Disp: 4 * k}, x)
		v.coefs[k] = keep(x)
	}
	return v
}

func (v *vec) zmm() bool { return v.width == 16 }

func (v *vec) new() VecVirtual {
	if v.zmm() {
		return ZMM()
	}
	return YMM()
}

// c returns a constant of the step, by its place in kernels.Coef.
func (v *vec) c(k int) Op {
	x, ok := v.coefs[k]
	if !ok {
		panic("a body uses a constant that it does not declare")
	}
	return x
}

func (v *vec) grad(g VecVirtual) VecVirtual { return v.mul(g, v.c(kernels.CoefGrad)) }

func (v *vec) mul(a VecVirtual, b Op) VecVirtual { d := v.new(); VMULPS(b, a, d); return d }
func (v *vec) add(a VecVirtual, b Op) VecVirtual { d := v.new(); VADDPS(b, a, d); return d }
func (v *vec) sub(a VecVirtual, b Op) VecVirtual { d := v.new(); VSUBPS(b, a, d); return d }
func (v *vec) div(a VecVirtual, b Op) VecVirtual { d := v.new(); VDIVPS(b, a, d); return d }
func (v *vec) sqrt(a VecVirtual) VecVirtual      { d := v.new(); VSQRTPS(a, d); return d }

// abs clears the sign; neg flips it.
func (v *vec) abs(a VecVirtual) VecVirtual {
	d := v.new()
	if v.zmm() {
		VPANDD_BCST(word("absMask", 0x7fffffff), a, d)
	} else {
		VPBROADCASTD(word("absMask", 0x7fffffff), d)
		VPAND(d, a, d)
	}
	return d
}

func (v *vec) neg(a Op) VecVirtual {
	d := v.new()
	if v.zmm() {
		VPXORD_BCST(word("signBit", 0x80000000), a, d)
	} else {
		VPBROADCASTD(word("signBit", 0x80000000), d)
		VPXOR(a, d, d)
	}
	return d
}

// one returns 1 in every lane.
func (v *vec) one() VecVirtual {
	d := v.new()
	VBROADCASTSS(word("one", math.Float32bits(1)), d)
	return d
}

func (v *vec) zero() VecVirtual {
	d := v.new()
	if v.zmm() {
		VPXORD(d, d, d)
	} else {
		VPXOR(d, d, d)
	}
	return d
}

// The predicates of VCMPPS that are used. A NaN fails the others.
const (
	greater    = 0x1e // GT_OQ
	less       = 0x11 // LT_OQ
	notAtLeast = 0x19 // NGE_UQ: true of NaN
)

// where returns yes in the lanes where a holds the relation to b, else no.
func (v *vec) where(relation uint64, a VecVirtual, b Op, yes, no VecVirtual) VecVirtual {
	d := v.new()
	if v.zmm() {
		k := K()
		VCMPPS(Imm(relation), b, a, k)
		VBLENDMPS(yes, no, k, d)
	} else {
		VCMPPS(Imm(relation), b, a, d)
		VBLENDVPS(d, yes, no, d)
	}
	return d
}

// lerp is a + c*(x-a), the form of every moving average.
func (v *vec) lerp(a, x VecVirtual, c Op) VecVirtual { return v.add(a, v.mul(v.sub(x, a), c)) }

func (v *vec) load(m Mem) VecVirtual {
	d := v.new()
	switch {
	case !v.masked:
		VMOVUPS(m, d)
	case v.zmm():
		VMOVUPS_Z(m, v.kr, d)
	default:
		VMASKMOVPS(m, v.k, d)
	}
	return d
}

func (v *vec) store(x VecVirtual, m Mem) {
	switch {
	case !v.masked:
		VMOVUPS(x, m)
	case v.zmm():
		VMOVUPS(x, v.kr, m)
	default:
		VMASKMOVPS(x, v.k, m)
	}
}

// mask makes the vec act on the first n-i lanes, or all of them if that is
// more, until masked is cleared.
func (v *vec) mask(i, n GPVirtual) {
	v.masked = true
	left := GP64()
	MOVQ(n, left)
	SUBQ(i, left)
	if v.zmm() {
		ones := GP32()
		MOVL(U32(math.MaxUint32), ones)
		BZHIL(left.As32(), ones, ones)
		v.kr = K()
		KMOVW(ones, v.kr)
		return
	}
	v.k = YMM()
	VMOVD(left.As32(), v.k.AsX())
	VPBROADCASTD(v.k.AsX(), v.k)
	VPCMPGTD(lanes(), v.k, v.k)
}

// accumulators reserves the accumulators of a pass with sums.
func (v *vec) accumulators(sums int) {
	v.acc = make([][]VecVirtual, sums)
	for k := range v.acc {
		for range kernels.Lanes / v.width {
			v.acc[k] = append(v.acc[k], v.new())
		}
	}
}

func (v *vec) clear() {
	for _, parts := range v.acc {
		for _, x := range parts {
			if v.zmm() {
				VPXORD(x, x, x)
			} else {
				VPXOR(x, x, x)
			}
		}
	}
}

// square adds x*x to sum k; +0 in lanes beyond the tail, whatever x is there.
func (v *vec) square(k int, x VecVirtual) {
	acc := v.acc[k][v.part]
	var q VecVirtual
	switch {
	case !v.masked:
		q = v.mul(x, x)
	case v.zmm():
		q = v.new()
		VMULPS_Z(x, x, v.kr, q)
	default:
		q = v.mul(x, x)
		VANDPS(v.k, q, q)
	}
	VADDPS(q, acc, acc)
}

// fold adds the lanes of sum k in the order of kernels.Fold and stores it.
func (v *vec) fold(k int, m Mem) {
	parts := v.acc[k]
	for w := len(parts) / 2; w > 0; w /= 2 {
		for j := range w {
			VADDPS(parts[j+w], parts[j], parts[j])
		}
	}
	x, t := parts[0], YMM()
	if v.zmm() {
		VEXTRACTF64X4(Imm(1), x, t)
		VADDPS(t, x.AsY(), x.AsY())
	}
	VEXTRACTF128(Imm(1), x.AsY(), t.AsX())
	VADDPS(t.AsX(), x.AsX(), x.AsX())
	VPERMILPS(Imm(0b1110), x.AsX(), t.AsX())
	VADDPS(t.AsX(), x.AsX(), x.AsX())
	VPERMILPS(Imm(0b01), x.AsX(), t.AsX())
	VADDSS(t.AsX(), x.AsX(), x.AsX())
	VMOVSS(x.AsX(), m)
}

// label returns a label that the function does not have yet.
func (v *vec) label(name string) string {
	v.labels++
	return fmt.Sprintf("%s%d", name, v.labels)
}

// spread runs an instruction with a 32-bit constant as its first operand: one
// that AVX-512 spreads over the lanes as it loads it, and AVX2 finds spread.
func (v *vec) spread(vex, evex func(...Op), name string, bits uint32, a, d Op) {
	if v.zmm() {
		evex(word(name, bits), a, d)
		return
	}
	vex(words(name+"x8", bits, bits, bits, bits, bits, bits, bits, bits), a, d)
}

// variadic gives an instruction of three operands the type of the others.
func variadic(f func(a, b, c Op)) func(...Op) { return func(o ...Op) { f(o[0], o[1], o[2]) } }

var data = map[string]Mem{}

// word returns a 32-bit constant in read-only memory.
func word(name string, bits uint32) Mem { return words(name, bits) }

// words returns 32-bit words in read-only memory.
func words(name string, bits ...uint32) Mem {
	if _, ok := data[name]; !ok {
		data[name] = GLOBL(name, RODATA|NOPTR)
		for i, b := range bits {
			DATA(4*i, U32(b))
		}
	}
	return data[name]
}

// lanes returns the vector 0, 1, ... 7 in read-only memory.
func lanes() Mem { return words("lanes", 0, 1, 2, 3, 4, 5, 6, 7) }
