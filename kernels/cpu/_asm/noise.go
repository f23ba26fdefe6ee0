package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// draws writes the skeleton of a noise law. A group of elements is drawn at once,
// or half of it by AVX2: four vectors, of each part of the group one.
func draws(is isa, f *kernels.Stored, pass int, b body) {
	l := begin(is, f, pass, b)
	v := l.v
	v.philox = newPhilox(v, l.i)
	half := uint64(kernels.NoiseLanes - is.width) // 0 where a vector takes all lanes
	next := func(start string) {
		if half > 0 {
			XORQ(Imm(half), l.i)
			TESTQ(U32(half), l.i)
			JNE(LabelRef(start))
		}
		ADDQ(Imm(kernels.NoiseGroup), l.i)
	}
	limit := GP64()
	MOVQ(l.n, limit)
	SUBQ(Imm(kernels.NoiseGroup), limit)
	CMPQ(l.i, limit)
	JGT(LabelRef("tail"))
	Label("group")
	l.draw(false)
	next("group")
	CMPQ(l.i, limit)
	JLE(LabelRef("group"))
	Label("tail")
	CMPQ(l.i, l.n)
	JGE(LabelRef("done"))
	Label("rest")
	l.draw(true)
	next("rest")
	Label("done")
	is.end()
}

// draw runs the body at element i, which is the first of a group or of its half.
// Masked, it leaves alone the elements from n on, of which there is one within the
// group.
func (l *loop) draw(masked bool) {
	v := l.v
	v.whole(kernels.NoiseGroup / kernels.NoiseLanes)
	xi := l.body.draw(v)
	from, drawn := GP64(), v.newLabel("drawn")
	if masked {
		MOVQ(l.i, from)
	}
	for j, x := range xi {
		v.whole(1)
		if masked {
			CMPQ(from, l.n)
			JGE(LabelRef(drawn))
			v.mask(from, l.n)
			ADDQ(Imm(kernels.NoiseLanes), from)
		}
		at := func(slot int) func(int) Mem { return l.at(slot, j*kernels.NoiseLanes) }
		y := v.mul(val{x}, v.c(1))
		if len(l.access) > 1 {
			y = v.mul(y, v.load(kernels.F32, at(1)))
		}
		v.store(kernels.F32, v.add(v.load(kernels.F32, at(0)), y), at(0))
	}
	if masked {
		Label(drawn)
	}
}

// philox holds what the blocks of a sample share.
type philox struct {
	i      GPVirtual // the element at hand
	frame  GPVirtual // the constants on the stack
	spread bool      // single words, which instructions spread over the lanes
}

// Places of the constants: the keys of all rounds, then what a counter has besides
// the number of its group.
const (
	sampleWords = 2 * kernels.PhiloxRounds
	allWords    = sampleWords + 2
)

// newPhilox derives the keys of all rounds.
func newPhilox(v *vec, i GPVirtual) *philox {
	p := &philox{i: i, spread: v.zmm()}
	vectors := allWords
	if p.spread {
		vectors = (4*allWords + 4*v.width - 1) / (4 * v.width)
	}
	p.frame = v.frame(vectors)
	c := Load(Param("c"), GP64())
	part := func(place int) GPVirtual {
		x := GP32()
		VCVTTSS2SI(Mem{Base: c, Disp: 4 * place}, x)
		return x
	}
	word := func(place int) GPVirtual {
		low, high := part(place), part(place+1)
		SHLL(Imm(16), high)
		ORL(high, low)
		return low
	}
	keep := func(x GPVirtual, place int) {
		if p.spread {
			MOVL(x, p.at(v, place))
			return
		}
		y := v.vector()
		VMOVD(x, y.AsX())
		VPBROADCASTD(y.AsX(), y)
		VMOVDQA(y, p.at(v, place))
	}
	for half, add := range []uint32{kernels.PhiloxW0, kernels.PhiloxW1} {
		key := word(kernels.CoefSeed + 2*half)
		for round := range kernels.PhiloxRounds {
			keep(key, 2*round+half)
			if round < kernels.PhiloxRounds-1 {
				ADDL(U32(add), key)
			}
		}
	}
	keep(word(kernels.CoefSample), sampleWords)
	keep(part(kernels.CoefSample+2), sampleWords+1)
	return p
}

// at is where a constant lies.
func (p *philox) at(v *vec, place int) Mem {
	size := 4 * v.width
	if p.spread {
		size = 4
	}
	return Mem{Base: p.frame, Disp: place * size}
}

// A pair is a word of as many counters as a vector has lanes: those of the even
// lanes and those of the odd ones, each in the lower half of 64 bits. What is in
// the upper half does not count. Where both are the same register, all counters
// have the same word.
type pair [2]VecVirtual

// each makes a pair of one, a register for each that differs.
func (p pair) each(f func(x VecVirtual) VecVirtual) pair {
	y := f(p[0])
	if p[0] == p[1] {
		return pair{y, y}
	}
	return pair{y, f(p[1])}
}

// random returns the words of a block of the counters at hand, a vector for each.
func (v *vec) random(block uint32) val {
	if v.neon() {
		return v.randomNEON(block)
	}
	p := v.philox
	c := v.counters(block)
	for round := range kernels.PhiloxRounds {
		a, b := c[0].each(v.times(kernels.PhiloxM0)), c[2].each(v.times(kernels.PhiloxM1))
		c = [4]pair{
			v.mixed(v.upper(b), c[1], p.at(v, 2*round)), b,
			v.mixed(v.upper(a), c[3], p.at(v, 2*round+1)), a,
		}
	}
	out := make(val, len(c))
	for k, x := range c {
		d := v.vector()
		VPSLLQ(Imm(32), x[1], d)
		if v.zmm() {
			VPTERNLOGQ_BCST(Imm(0xf8), longs(1, 1<<32-1, 0), x[0], d) // d or (x and lower half)
		} else {
			VPBLENDD(Imm(0x55), x[0], d, d)
		}
		out[k] = d
	}
	return out
}

// counters are those of the lanes at hand.
func (v *vec) counters(block uint32) [4]pair {
	p := v.philox
	// The first counter of a group is i/4, for i is a multiple of the group's size.
	first, high := GP64(), GP64()
	MOVQ(p.i, first)
	SHRQ(Imm(2), first)
	if v.width < kernels.NoiseLanes {
		lane := GP64()
		ANDQ(I8(-kernels.NoiseLanes), first)
		MOVQ(p.i, lane)
		ANDQ(Imm(kernels.NoiseLanes-1), lane)
		ORQ(lane, first)
	}
	MOVQ(first, high)
	SHRQ(Imm(32), high)
	spread := func(x Op) VecVirtual {
		d := v.vector()
		VMOVD(x, d.AsX())
		VPBROADCASTD(d.AsX(), d)
		return d
	}
	low := spread(first.As32())
	even, odd := v.vector(), v.vector()
	VPADDD(longs(v.width/2, 0, 2), low, even)
	VPADDD(longs(v.width/2, 1, 2), low, odd)
	constant := func(place int) VecVirtual {
		d := v.vector()
		if p.spread {
			VPBROADCASTD(p.at(v, place), d)
		} else {
			VMOVDQA(p.at(v, place), d)
		}
		return d
	}
	one, two, three := spread(high.As32()), constant(sampleWords), constant(sampleWords+1)
	if block > 0 {
		v.do(iOr, lit(block<<kernels.NoiseBlockShift), 0, three, three)
	}
	return [4]pair{{even, odd}, {one, one}, {two, two}, {three, three}}
}

// times multiplies by m, to 64 bits.
func (v *vec) times(m uint64) func(x VecVirtual) VecVirtual {
	return func(x VecVirtual) VecVirtual {
		d := v.vector()
		if v.zmm() {
			VPMULUDQ_BCST(longs(1, m, 0), x, d)
		} else {
			VPMULUDQ(longs(v.width/2, m, 0), x, d)
		}
		return d
	}
}

func (v *vec) upper(p pair) pair {
	return p.each(func(x VecVirtual) VecVirtual {
		d := v.vector()
		VPSRLQ(Imm(32), x, d)
		return d
	})
}

// mixed is a xor b xor key. It overwrites a.
func (v *vec) mixed(a, b pair, key Mem) pair {
	one := func(x, y VecVirtual) VecVirtual {
		if v.zmm() {
			VPTERNLOGD_BCST(Imm(0x96), key, y, x)
			return x
		}
		VPXOR(y, x, x)
		VPXOR(key, x, x)
		return x
	}
	switch {
	case a[0] == a[1] && b[0] == b[1]:
		x := one(a[0], b[0])
		return pair{x, x}
	case a[0] == a[1]:
		d := v.vector()
		VMOVAPS(a[0], d)
		return pair{one(a[0], b[0]), one(d, b[1])}
	}
	return pair{one(a[0], b[0]), one(a[1], b[1])}
}

// longs returns 64-bit words in read-only memory: first, first+step and so on.
func longs(n int, first, step uint64) Mem {
	var halves []uint32
	for i := range uint64(n) {
		x := first + i*step
		halves = append(halves, uint32(x), uint32(x>>32))
	}
	return words(halves...)
}

// few runs f on a few vectors of the words at a time, as many as the registers have
// room for, and returns all results. AVX-512 has room for a whole group.
func (v *vec) few(f func(w ...val) val, words ...val) val {
	all := len(words[0])
	few := all
	if !v.zmm() {
		few /= 2
	}
	var out val
	for ; len(out) < all; v.whole(all) {
		v.whole(few)
		var part []val
		for _, w := range words {
			x := w[len(out):][:few]
			if _, aside := x[0].(Mem); aside {
				x = v.copy(x) // shifts take registers
			}
			part = append(part, x)
		}
		out = append(out, f(part...)...)
	}
	return out
}

// aside keeps words in memory where there are few registers.
func (v *vec) aside(w val) val {
	if v.zmm() || v.neon() { // which spills by itself
		return w
	}
	frame, out := v.frame(len(w)), make(val, len(w))
	for j := range w {
		out[j] = Mem{Base: frame, Disp: 4 * j * v.width}
		VMOVAPS(w[j], out[j])
	}
	return out
}

// uniform, withSign and direction are those of kernels/noise.go.

func (v *vec) uniform(w val) val {
	x := v.fromInt(v.right(w, 1))
	v.fmaInto(x, v.all(number(0x1p-31)), number(0x1p-32))
	return x
}

func (v *vec) withSign(x, w val) val { return v.xor(x, v.left(w, 31)) }

func (v *vec) direction(w val) (sin, cos val) {
	sin, cos = v.nearZero(v.mul(v.fromInt(v.left(w, 2)), number(0x1p-34)))
	return v.quarterTurns(sin, cos, w)
}
