package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"github.com/optbench/optbench/kernels"
)

// The functions of kernels/elementary.go, line by line.

func (v *vec) log2(x val) val {
	h, l := v.log2Parts(v.split(x, false))
	return v.add(h, l)
}

func (v *vec) exp2(x val) val {
	// The second argument is the result where one is no number.
	x = v.op(iMin, v.all(number(kernels.Exp2Most)), x)
	x = v.op(iMax, v.all(number(kernels.Exp2Least)), x)
	return v.exp2Within(x)
}

// exp2Within is exp2 where the result is neither infinite nor zero.
func (v *vec) exp2Within(x val) val {
	k := v.round(x)
	return v.exp2Near(v.sub(x, k), k)
}

func (v *vec) sincos(x val) (sin, cos val) { return v.sincosWithin(v.sub(x, v.round(x))) }

// sincosWithin is sincos for fewer than a million turns, of which the whole ones
// need not be taken off first.
func (v *vec) sincosWithin(x val) (sin, cos val) {
	f, quarters := v.nearest(x)
	sin, cos = v.nearZero(f)
	return v.quarterTurns(sin, cos, quarters)
}

// nearest returns x less the nearest number of quarter turns, and that number in
// the two highest bits.
func (v *vec) nearest(x val) (f, quarters val) {
	const whole = 0x1.8p23
	t := v.add(v.mul(x, number(4)), number(whole))
	f = v.sub(x, v.mul(v.sub(t, number(whole)), number(0.25)))
	return f, v.left(t, 30)
}

func (v *vec) nearZero(f val) (sin, cos val) {
	t := &kernels.TurnTables
	q := v.mul(f, f)
	sin = v.mul(v.polynomial(t.Sin[:], q), f)
	cos = v.polynomial(t.Cos[:], q)
	v.fmaInto(cos, q, one)
	return sin, cos
}

func (v *vec) quarterTurns(sin, cos, word val) (val, val) {
	second := v.left(word, 1)
	odd := v.negative(second)
	s, c := v.pick(odd, cos, sin), v.pick(odd, sin, cos)
	v.negateIf(s, word)
	v.negateIf(c, v.xor(word, second))
	return s, c
}

// negative chooses the lanes whose highest bit is set.
func (v *vec) negative(x val) choice {
	if v.neon() {
		return choice{x: v.unary(nil, nNegative, x)}
	}
	if !v.zmm() {
		return choice{x: x}
	}
	var s choice
	for j := range x {
		k := K()
		VPTESTMD_BCST(word(signBit), x[j], k)
		s.k = append(s.k, k)
	}
	return s
}

// negateIf negates x where the highest bit of w is set. It overwrites x.
func (v *vec) negateIf(x, w val) {
	for j, d := range x {
		if v.neon() {
			t := v.vector()
			arm.function.do(nAnd, t, w[j], arm.function.lit(signBit))
			arm.function.do(nXor, d, d, t)
			continue
		}
		if v.zmm() {
			VPTERNLOGD_BCST(Imm(0x78), word(signBit), w[j], d) // x xor (w and bit)
			continue
		}
		t := v.vector()
		VPAND(eight(signBit), w[j], t)
		VPXOR(t, d, d)
	}
}
