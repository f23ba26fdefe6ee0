package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// vec is the language that bodies are written in: correctly rounded operations
// on float32, so that every lowering gives the same bits.
//
// It works on a bundle of vectors at once, instruction by instruction: what a
// body computes of one vector does not wait for another, and the processor finds
// them side by side. A verb returns a new value and leaves its arguments alone,
// unless it says otherwise.
type vec struct {
	isa
	bundle int // vectors at hand
	coefs  map[int]Op
	masked bool       // the vector at hand is the tail
	k      VecVirtual // AVX2: lanes of the tail, all ones
	kr     OpmaskVirtual
	acc    [][]VecVirtual        // accumulators by sum and part
	part   int                   // which part of the lanes the bundle starts at
	words  bool                  // all arrays are bfloat16
	order  *order                // of bfloat16 in pairs
	labels int                   // labels used so far
	early  func(slot int, x val) // where slots can be stored before the body ends
	philox *philox               // of a noise law
	sample *sample               // the same, of NEON
}

// A val is a value in each vector of a bundle: registers, or memory where a
// constant does not stay in one.
type val []Op

// An arg is the last argument of a verb: a val or a lit.
type arg interface{ isArg() }

// A lit is a 32-bit constant in every lane, by its bits.
type lit uint32

func (val) isArg() {}
func (lit) isArg() {}

// number is the lit of a float32.
func number(x float32) lit { return lit(math.Float32bits(x)) }

// newVec loads the constants that a body uses. Where they would not leave
// enough registers they go to the stack, one vector each, aligned so that no
// load crosses a cache line.
func newVec(is isa, b body) *vec {
	v := &vec{isa: is, bundle: 1, coefs: map[int]Op{}}
	if len(b.coefs) == 0 {
		return v
	}
	c := v.param("c")
	keep := func(x VecVirtual) Op { return x }
	if !v.neon() && (b.crowded || len(b.coefs) > is.spilled) {
		frame, used := v.frame(len(b.coefs)), 0
		keep = func(x VecVirtual) Op {
			slot := Mem{Base: frame, Disp: used}
			used += 4 * v.width
			VMOVAPS(x, slot)
			return slot
		}
	}
	for _, k := range b.coefs {
		x := v.vector()
		v.spread(Mem{Base: c, Disp: 4 * k}, x)
		v.coefs[k] = keep(x)
	}
	return v
}

// frame returns the address of memory on the stack for a number of vectors,
// aligned to one.
func (v *vec) frame(vectors int) GPVirtual {
	size := 4 * v.width
	if v.neon() {
		return arm.function.frame(size * vectors)
	}
	local := AllocLocal(size * (vectors + 1))
	frame := GP64()
	LEAQ(local.Offset(size-1), frame)
	ANDQ(I8(-size), frame)
	return frame
}

// spread loads a word into every lane.
func (v *vec) spread(m Mem, d VecVirtual) {
	if v.neon() {
		arm.function.load("S", m, d)
		arm.function.do(nSpread, d, d, nil)
	} else {
		VBROADCASTSS(m, d)
	}
}

func (v *vec) zmm() bool { return v.width == 16 }

// vector returns a new register.
func (v *vec) vector() VecVirtual {
	switch {
	case v.zmm():
		return ZMM()
	case v.neon():
		return XMM()
	}
	return YMM()
}

// each makes a new value, register by register.
func (v *vec) each(f func(j int, d VecVirtual)) val {
	out := make(val, v.bundle)
	for j := range out {
		d := v.vector()
		f(j, d)
		out[j] = d
	}
	return out
}

// c returns a constant of the step, by its place in kernels.Coef.
func (v *vec) c(k int) val {
	x, ok := v.coefs[k]
	if !ok {
		panic("a body uses a constant that it does not declare")
	}
	out := make(val, v.bundle)
	for j := range out {
		out[j] = x
	}
	return out
}

// An ins is an instruction of three operands: in AVX2, in AVX-512, in AVX-512 with
// a word of memory that it spreads over the lanes, and in NEON.
type ins struct {
	avx2, avx512, spread func(...Op)
	neon                 neonIns
}

// three gives an instruction of exactly three operands the type of the others.
func three(f func(a, b, c Op)) func(...Op) { return func(o ...Op) { f(o[0], o[1], o[2]) } }

var (
	iMul      = ins{VMULPS, VMULPS, VMULPS_BCST, nMul}
	iAdd      = ins{VADDPS, VADDPS, VADDPS_BCST, nAdd}
	iSub      = ins{VSUBPS, VSUBPS, VSUBPS_BCST, nSub}
	iDiv      = ins{VDIVPS, VDIVPS, VDIVPS_BCST, nDiv}
	iMin      = ins{VMINPS, VMINPS, VMINPS_BCST, nMin}
	iMax      = ins{VMAXPS, VMAXPS, VMAXPS_BCST, nMax}
	iIntAdd   = ins{VPADDD, VPADDD, VPADDD_BCST, nIntAdd}
	iIntSub   = ins{VPSUBD, VPSUBD, VPSUBD_BCST, nIntSub}
	iMinBits  = ins{VPMINUD, VPMINUD, VPMINUD_BCST, nMinBits}
	iMaxBits  = ins{VPMAXUD, VPMAXUD, VPMAXUD_BCST, nMaxBits}
	iAnd      = ins{three(VPAND), VPANDD, VPANDD_BCST, nAnd}
	iXor      = ins{three(VPXOR), VPXORD, VPXORD_BCST, nXor}
	iOr       = ins{three(VPOR), VPORD, VPORD_BCST, nOr}
	iFMA213   = ins{VFMADD213PS, VFMADD213PS, VFMADD213PS_BCST, neonIns{}} // see fmaInto
	iFMA231   = ins{VFMADD231PS, VFMADD231PS, VFMADD231PS_BCST, nFMA}
	iFMSub231 = ins{VFMSUB231PS, VFMSUB231PS, VFMSUB231PS_BCST, nFMA} // of -d
)

// do writes one instruction: d = a op b, or d = d op a op b.
func (v *vec) do(i ins, b arg, j int, a, d Op) {
	l, literal := b.(lit)
	switch {
	case v.neon():
		arm.function.do(i.neon, d, a, v.operand(b, j))
	case literal && v.zmm():
		i.spread(word(l), a, d)
	case literal:
		i.avx2(eight(l), a, d)
	case v.zmm():
		i.avx512(b.(val)[j], a, d)
	default:
		i.avx2(b.(val)[j], a, d)
	}
}

// operand returns the register of an argument, by NEON.
func (v *vec) operand(b arg, j int) Op {
	if l, literal := b.(lit); literal {
		return arm.function.lit(l)
	}
	return b.(val)[j]
}

func (v *vec) op(i ins, a val, b arg) val {
	return v.each(func(j int, d VecVirtual) { v.do(i, b, j, a[j], d) })
}

func (v *vec) mul(a val, b arg) val     { return v.op(iMul, a, b) }
func (v *vec) add(a val, b arg) val     { return v.op(iAdd, a, b) }
func (v *vec) sub(a val, b arg) val     { return v.op(iSub, a, b) }
func (v *vec) div(a val, b arg) val     { return v.op(iDiv, a, b) }
func (v *vec) intAdd(a val, b arg) val  { return v.op(iIntAdd, a, b) }
func (v *vec) intSub(a val, b arg) val  { return v.op(iIntSub, a, b) }
func (v *vec) minBits(a val, b arg) val { return v.op(iMinBits, a, b) } // as unsigned numbers
func (v *vec) maxBits(a val, b arg) val { return v.op(iMaxBits, a, b) }
func (v *vec) and(a val, b arg) val     { return v.op(iAnd, a, b) }
func (v *vec) or(a val, b arg) val      { return v.op(iOr, a, b) }
func (v *vec) xor(a val, b arg) val     { return v.op(iXor, a, b) }

// fmaInto is d = d*x + y, rounded once; plusProduct is d = d + a*b, and
// minusInto d = a*b - d. All overwrite d.
func (v *vec) fmaInto(d, x val, y arg) {
	for j := range d {
		if v.neon() { // which adds to y
			sum := v.vector()
			arm.function.copy(v.operand(y, j), sum)
			arm.function.do(nFMA, sum, d[j], x[j])
			d[j] = sum
			continue
		}
		v.do(iFMA213, y, j, x[j], d[j])
	}
}

func (v *vec) plusProduct(d, a val, b arg) {
	for j := range d {
		v.do(iFMA231, b, j, a[j], d[j])
	}
}

func (v *vec) minusInto(d, a val, b arg) {
	for j := range d {
		if v.neon() {
			arm.function.do(nNegate, d[j], d[j], nil)
		}
		v.do(iFMSub231, b, j, a[j], d[j])
	}
}

// unary makes a verb of an instruction with one argument.
func (v *vec) unary(f func(...Op), i neonIns, a val) val {
	return v.each(func(j int, d VecVirtual) {
		if v.neon() {
			arm.function.do(i, d, a[j], nil)
		} else {
			f(a[j], d)
		}
	})
}

func (v *vec) sqrt(a val) val     { return v.unary(VSQRTPS, nSqrt, a) }
func (v *vec) fromInt(a val) val  { return v.unary(VCVTDQ2PS, nFromInt, a) }
func (v *vec) truncate(a val) val { return v.unary(VCVTTPS2DQ, nTruncate, a) }
func (v *vec) toInt(a val) val    { return v.unary(VCVTPS2DQ, nToInt, a) }

func (v *vec) copy(a val) val {
	return v.each(func(j int, d VecVirtual) { v.assign(a[j], d) })
}

func (v *vec) assign(a, d Op) {
	if v.neon() {
		arm.function.copy(a, d)
	} else {
		VMOVAPS(a, d)
	}
}

// round rounds to an integer, ties to even.
func (v *vec) round(a val) val {
	return v.each(func(j int, d VecVirtual) {
		switch {
		case v.neon():
			arm.function.do(nRound, d, a[j], nil)
		case v.zmm():
			VRNDSCALEPS(Imm(0), a[j], d)
		default:
			VROUNDPS(Imm(0), a[j], d)
		}
	})
}

func (v *vec) shift(f func(...Op), i func(uint64) neonIns, a val, n uint64) val {
	return v.unary(func(o ...Op) { f(Imm(n), o[0], o[1]) }, i(n), a)
}

func (v *vec) left(a val, n uint64) val   { return v.shift(VPSLLD, nLeft, a, n) }
func (v *vec) right(a val, n uint64) val  { return v.shift(VPSRLD, nRight, a, n) }  // zeros move in
func (v *vec) signed(a val, n uint64) val { return v.shift(VPSRAD, nSigned, a, n) } // the sign moves in

const signBit = lit(1 << 31)

func (v *vec) abs(a val) val { return v.and(a, ^signBit) }
func (v *vec) neg(a val) val { return v.xor(a, signBit) }

// all returns a constant in every lane.
func (v *vec) all(l lit) val {
	return v.each(func(_ int, d VecVirtual) {
		if v.neon() {
			arm.function.copy(arm.function.lit(l), d)
		} else {
			VBROADCASTSS(word(l), d)
		}
	})
}

func (v *vec) zero() val {
	return v.each(func(_ int, d VecVirtual) { clearRegister(d) })
}

func clearRegister(d VecVirtual) {
	switch d.Size() {
	case 64:
		VPXORD(d, d, d)
	case 32:
		VPXOR(d, d, d)
	case 16:
		arm.function.do(nZero, d, nil, nil)
	}
}

// The predicates of VCMPPS that are used. A NaN fails the ordered ones.
const (
	greater    = 0x1e // GT_OQ
	less       = 0x11 // LT_OQ
	unordered  = 0x03 // UNORD_Q
	isNumber   = 0x07 // ORD_Q
	notAtLeast = 0x19 // NGE_UQ: true of NaN
)

// A choice is a set of lanes: masks, or all ones in vectors.
type choice struct {
	k []OpmaskVirtual
	x val
}

// when chooses the lanes where a holds the relation to b.
func (v *vec) when(relation uint64, a val, b arg) choice {
	var s choice
	if v.neon() {
		s.x = v.each(func(j int, d VecVirtual) { v.whenNEON(relation, a[j], v.operand(b, j), d) })
		return s
	}
	for j := range v.bundle {
		l, literal := b.(lit)
		k, x := Op(nil), Op(nil)
		if v.zmm() {
			m := K()
			k, s.k = m, append(s.k, m)
		} else {
			m := v.vector()
			x, s.x = m, append(s.x, m)
		}
		switch {
		case literal && v.zmm():
			VCMPPS_BCST(Imm(relation), word(l), a[j], k)
		case literal:
			VCMPPS(Imm(relation), eight(l), a[j], x)
		case v.zmm():
			VCMPPS(Imm(relation), b.(val)[j], a[j], k)
		default:
			VCMPPS(Imm(relation), b.(val)[j], a[j], x)
		}
	}
	return s
}

// whenNEON sets d to the lanes where a holds the relation to b; those that are true of
// a NaN are the opposite of others.
func (v *vec) whenNEON(relation uint64, a, b Op, d VecVirtual) {
	switch relation {
	case greater:
		arm.function.do(nGreater, d, a, b)
	case less:
		arm.function.do(nGreater, d, b, a)
	case isNumber, unordered:
		arm.function.do(nEqual, d, a, a) // they are asked of one number
	case notAtLeast:
		arm.function.do(nAtLeast, d, a, b)
	}
	if relation == unordered || relation == notAtLeast {
		arm.function.do(nNot, d, d, nil)
	}
}

// outside chooses the lanes whose bits, as an unsigned number, are not in
// [from, to].
func (v *vec) outside(a val, from, to lit) choice {
	d, first := v.intSub(a, from), to-from+1
	if v.neon() {
		return choice{x: v.each(func(j int, x VecVirtual) {
			arm.function.do(nNotBelow, x, d[j], arm.function.lit(first))
		})}
	}
	if !v.zmm() {
		m := v.maxBits(d, first)
		for j := range m {
			VPCMPEQD(m[j], d[j], m[j])
		}
		return choice{x: m}
	}
	var s choice
	for j := range d {
		k := K()
		VPCMPUD_BCST(Imm(5), word(first), d[j], k) // not less
		s.k = append(s.k, k)
	}
	return s
}

// pick returns yes in the lanes of a choice, else no.
func (v *vec) pick(s choice, yes, no val) val {
	return v.each(func(j int, d VecVirtual) {
		switch {
		case v.neon():
			arm.function.copy(s.x[j], d)
			arm.function.do(nPick, d, yes[j], no[j])
		case v.zmm():
			// Not VBLENDMPS, which avo takes for one that reads d: it would be alive
			// all the way round the loop.
			VMOVAPS(no[j], d)
			VMOVAPS(yes[j], s.k[j], d)
		default:
			VBLENDVPS(s.x[j], yes[j], no[j], d)
		}
	})
}

// where returns yes in the lanes where a holds the relation to b, else no.
func (v *vec) where(relation uint64, a val, b arg, yes, no val) val {
	return v.pick(v.when(relation, a, b), yes, no)
}

// jumpIfNone jumps where no lane is in either choice.
func (v *vec) jumpIfNone(a, b choice, label string) {
	if v.neon() {
		x := v.or(a.x, b.x)
		for _, y := range x[1:] {
			arm.function.do(nOr, x[0], x[0], y)
		}
		arm.function.jumpIfZero(x[0], label)
		return
	}
	if v.zmm() {
		k := a.k[0]
		for _, m := range append(a.k[1:], b.k[1:]...) {
			KORW(m, k, k)
		}
		KORTESTW(b.k[0], k)
	} else {
		x := v.or(a.x, b.x)
		for _, y := range x[1:] {
			VPOR(y, x[0], x[0])
		}
		lanes := GP32()
		VMOVMSKPS(x[0], lanes)
		TESTL(lanes, lanes)
	}
	JEQ(LabelRef(label))
}

// set copies a to the registers of d, which it overwrites.
func (v *vec) set(d, a val) {
	for j := range d {
		v.assign(a[j], d[j])
	}
}

// newLabel returns a label that the function does not have yet.
func (v *vec) newLabel(name string) string {
	v.labels++
	return fmt.Sprintf("%s%d", name, v.labels)
}

func (v *vec) grad(g val) val { return v.mul(g, v.c(kernels.CoefGrad)) }

// lerp is a + c*(x-a), the form of every moving average.
func (v *vec) lerp(a, x val, c arg) val { return v.add(a, v.mul(v.sub(x, a), c)) }

// lookup returns the entry of a table of kernels.Pow32 for an eighth that split
// gave.
func (v *vec) lookup(table [8]float32, j val) val {
	first := 0
	if v.neon() {
		return v.lookupNEON(table, j)
	}
	if v.zmm() {
		first = int(kernels.PowTables.Offset >> 20) // the eighth that starts at 1
	}
	var bits []uint32
	for i := range 16 {
		bits = append(bits, math.Float32bits(table[(first+i)%8]))
	}
	m := words(bits...)
	return v.each(func(i int, d VecVirtual) { VPERMPS(m, j[i], d) })
}

// lookupNEON finds entries byte by byte, in two halves of the table.
func (v *vec) lookupNEON(table [8]float32, j val) val {
	half := func(first int) (w [4]uint32) {
		for i := range w {
			w[i] = math.Float32bits(table[first+i])
		}
		return w
	}
	low, high := arm.function.constant(half(0)), arm.function.constant(half(4))
	bytes := v.each(func(i int, d VecVirtual) {
		arm.function.do(nAnd, d, j[i], arm.function.lit(7))
		arm.function.do(nIntMul, d, d, arm.function.lit(0x04040404))
		arm.function.do(nIntAdd, d, d, arm.function.lit(0x03020100))
	})
	rest := v.intSub(bytes, lit(0x10101010))
	return v.each(func(i int, d VecVirtual) {
		arm.function.do(nTable, d, low, bytes[i])
		arm.function.do(nTableTop, d, high, rest[i])
	})
}

// mask makes the vec act on the first n-i lanes of one vector, or all of them if
// that is more, until whole is called.
func (v *vec) mask(i, n GPVirtual) {
	v.masked, v.bundle = true, 1
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
	VPCMPGTD(words(0, 1, 2, 3, 4, 5, 6, 7), v.k, v.k)
}

// whole makes the vec act on a number of vectors.
func (v *vec) whole(vectors int) { v.masked, v.bundle = false, vectors }

// accumulators reserves the accumulators of a pass with sums.
func (v *vec) accumulators(sums int) {
	v.acc = make([][]VecVirtual, sums)
	for k := range v.acc {
		for range kernels.Lanes / v.width {
			v.acc[k] = append(v.acc[k], v.vector())
		}
	}
}

func (v *vec) clear() {
	for _, parts := range v.acc {
		for _, x := range parts {
			clearRegister(x)
		}
	}
}

// square adds x*x to sum k; +0 in lanes beyond the tail, whatever x is there.
func (v *vec) square(k int, x val) {
	if !v.masked {
		v.accumulate(k, v.mul(x, x))
		return
	}
	v.accumulate(k, v.each(func(j int, d VecVirtual) {
		if v.zmm() {
			VMULPS_Z(x[j], x[j], v.kr, d)
			return
		}
		VMULPS(x[j], x[j], d)
		VANDPS(v.k, d, d)
	}))
}

// term adds x to sum k, likewise. It overwrites x.
func (v *vec) term(k int, x val) {
	if v.masked {
		for _, d := range x {
			if v.zmm() {
				VMOVAPS_Z(d, v.kr, d)
			} else {
				VANDPS(v.k, d, d)
			}
		}
	}
	v.accumulate(k, x)
}

func (v *vec) accumulate(k int, x val) {
	for j := range x {
		acc := v.acc[k][v.part+j]
		v.do(iAdd, val{x[j]}, 0, acc, acc)
	}
}

// fold adds the lanes of sum k in the order of kernels.Fold and stores it.
func (v *vec) fold(k int, m Mem) {
	parts := v.acc[k]
	for w := len(parts) / 2; w > 0; w /= 2 {
		for j := range w {
			v.do(iAdd, val{parts[j+w]}, 0, parts[j], parts[j])
		}
	}
	if v.neon() {
		x, t := parts[0], v.vector()
		arm.function.do(nUpper, t, x, x)
		arm.function.do(nAdd, x, x, t)
		arm.function.do(nPairSum, x, x, nil)
		arm.function.store("S", x, m)
		return
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

// keep and kept move a vector to memory of the frame and back.
func (v *vec) keep(x Op, m Mem) {
	if v.neon() {
		arm.function.store("Q", x, m)
	} else {
		VMOVAPS(x, m)
	}
}

func (v *vec) kept(m Mem, d VecVirtual) {
	if v.neon() {
		arm.function.load("Q", m, d)
	} else {
		VMOVAPS(m, d)
	}
}

// largest stores the largest lane of x, as an unsigned number, in every lane of
// an XMM register. It overwrites x.
func (v *vec) largest(x VecVirtual) VecVirtual {
	t := YMM()
	if v.zmm() {
		VEXTRACTI64X4(Imm(1), x, t)
		VPMAXUD(t, x.AsY(), x.AsY())
	}
	VEXTRACTI128(Imm(1), x.AsY(), t.AsX())
	VPMAXUD(t.AsX(), x.AsX(), x.AsX())
	VPSHUFD(Imm(0b01001110), x.AsX(), t.AsX())
	VPMAXUD(t.AsX(), x.AsX(), x.AsX())
	VPSHUFD(Imm(0b10110001), x.AsX(), t.AsX())
	VPMAXUD(t.AsX(), x.AsX(), x.AsX())
	return x.AsX().(VecVirtual)
}

var data = map[string]Mem{}

// word returns a constant in read-only memory, eight the same constant in all
// lanes of AVX2.
func word(l lit) Mem { return words(uint32(l)) }

func eight(l lit) Mem {
	x := uint32(l)
	return words(x, x, x, x, x, x, x, x)
}

// words returns 32-bit words in read-only memory, named by what they are.
func words(bits ...uint32) Mem {
	name := "w"
	if same := slices.Equal(bits, slices.Repeat(bits[:1], len(bits))); same {
		name = fmt.Sprintf("%s%08xx%d", name, bits[0], len(bits))
	} else {
		var all []byte
		for _, b := range bits {
			all = binary.LittleEndian.AppendUint32(all, b)
		}
		name = fmt.Sprintf("%s%dcrc%08x", name, len(bits), crc32.ChecksumIEEE(all))
	}
	if m, ok := data[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	for i, b := range bits {
		DATA(4*i, U32(b))
	}
	data[name] = m
	return m
}
