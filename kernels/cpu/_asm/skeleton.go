package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// loop is the state of one function being written.
type loop struct {
	v      *vec
	form   *kernels.Stored
	access []kernels.Access
	body   body
	i, n   GPVirtual
	base   []GPVirtual // of each array; of blocks, moved along
}

// begin writes the prologue: elements [i, n) of the arrays that a pass uses.
func begin(is isa, f *kernels.Stored, pass int, b body) *loop {
	what := "."
	if f.Passes[pass].Sums > 0 {
		what = " and stores the sums of its units."
	}
	is.begin(functionName(f, pass)+is.suffix, "runs elements [i, n) of a pass"+what)
	l := &loop{form: f, access: f.Access(pass), body: b}
	l.arrays(is, l.access)
	l.v = newVec(is, b)
	l.v.words = !slices.ContainsFunc(f.Types, func(d kernels.DType) bool { return d != kernels.BF16 })
	if slices.Contains(f.Types, kernels.BF16) && l.v.zmm() && (!l.v.words || b.terms != nil) {
		l.v.ordered()
	}
	l.bounds()
	return l
}

func (l *loop) arrays(is isa, access []kernels.Access) {
	ptr := is.param("ptr")
	l.base = make([]GPVirtual, len(access))
	for k, a := range access {
		if a != kernels.None {
			l.base[k] = is.pointer(Mem{Base: ptr, Disp: 8 * k})
		}
	}
}

func (l *loop) bounds() {
	l.i = l.v.param("i")
	l.n = l.v.param("n")
}

// at returns where vector j of array k starts, from element i+offset on.
func (l *loop) at(k, offset int) func(j int) Mem {
	size := l.form.Types[k].Bytes(1)
	return func(j int) Mem {
		return Mem{Base: l.base[k], Index: l.i, Scale: uint8(size), Disp: size * (offset + j*l.v.width)}
	}
}

// parameters is the array of the parameters: the master copy where there is one.
func (l *loop) parameters() int {
	if l.form.HasMaster() {
		return len(l.form.Slots)
	}
	return 0
}

// array returns the array that stands for a slot.
func (l *loop) array(slot int) int {
	if slot == 0 {
		return l.parameters()
	}
	return slot
}

// load reads the slots at element i+offset.
func (l *loop) load(offset int) []val {
	s := make([]val, len(l.form.Slots))
	for slot := range s {
		if k := l.array(slot); l.access[k]&kernels.Read != 0 {
			s[slot] = l.v.load(l.form.Types[k], l.at(k, offset))
		}
	}
	return s
}

// step runs the body on the bundle at element i+offset.
func (l *loop) step(offset int) {
	s := l.load(offset)
	if l.body.emit != nil {
		settled := map[int]bool{}
		l.v.early = func(slot int, x val) { settled[slot] = l.store(slot, x, offset) }
		for slot, x := range l.body.emit(l.v, s) {
			if settled[slot] || l.store(slot, x, offset) {
				s[slot] = x
				if l.body.terms != nil {
					s[slot] = l.v.stored(l.form.Types[l.array(slot)], x)
				}
			}
		}
	}
	if l.body.terms != nil {
		for slot, x := range l.body.terms(l.v, s) {
			l.store(slot, x, offset)
		}
	}
}

// store writes a slot that the pass writes, and reports whether it does.
func (l *loop) store(slot int, x val, offset int) bool {
	k := l.array(slot)
	if x == nil || k >= len(l.access) || l.access[k]&kernels.Write == 0 {
		return false
	}
	l.v.store(l.form.Types[k], x, l.at(k, offset))
	if k != slot {
		l.v.store(l.form.Types[slot], x, l.at(slot, offset))
	}
	return true
}

// wholeVectors reports whether a function leaves what does not fill a vector, with
// sums a unit, to others: AVX2 has no masks for narrow types, and NEON none.
func wholeVectors(is isa, types []kernels.DType) bool {
	return is.neon() || is.width == 8 && slices.Contains(types, kernels.BF16)
}

// elementwise writes the skeleton of a pass without sums: whole iterations,
// then vectors under a mask.
func elementwise(is isa, f *kernels.Stored, pass int, b body) {
	l := begin(is, f, pass, b)
	bundle := is.unroll
	if b.bundle > 0 && l.v.zmm() && !slices.Contains(f.Types, kernels.BF16) { // which has pairs
		bundle = b.bundle
	}
	bundles := func(bundle int) {
		l.each(bundle*is.width, !wholeVectors(is, f.Types), func() {
			l.v.whole(bundle)
			l.step(0)
		}, func() { l.step(0) })
	}
	bundles(bundle)
	if is.neon() {
		bundles(1)
	}
	is.end()
}

// each writes a loop over [i, n): whole steps, then vectors under a mask.
func (l *loop) each(step int, tail bool, whole, vector func()) {
	v, limit := l.v, GP64()
	v.move(l.n, limit)
	v.decrease(limit, step)
	start, rest, done := v.newLabel("loop"), v.newLabel("tail"), v.newLabel("done")
	v.jumpIf(l.i, isAbove, limit, rest)
	v.label(start)
	whole()
	v.increase(l.i, step)
	v.jumpIf(l.i, isAtMost, limit, start)
	v.label(rest)
	if tail {
		v.jumpIf(l.i, isAtLeast, l.n, done)
		v.mask(l.i, l.n)
		vector()
		v.increase(l.i, v.width)
		v.jump(rest)
		v.label(done)
	}
}

// norms writes the skeleton of a pass with sums: unit by unit, each with
// accumulators of its own that are folded and stored at the end.
func norms(is isa, f *kernels.Stored, pass int, b body) {
	l := begin(is, f, pass, b)
	v, sums := l.v, f.Passes[pass].Sums
	out := v.param("sums")
	v.accumulators(sums)
	end, limit := GP64(), GP64()

	v.label("unit")
	v.jumpIf(l.i, isAtLeast, l.n, "done")
	v.least(l.i, kernels.Unit, l.n, end)
	v.clear()
	v.move(end, limit)
	v.decrease(limit, kernels.Lanes)
	v.jumpIf(l.i, isAbove, limit, "tail")
	v.label("lanes")
	if !is.neon() {
		l.fetch()
	}
	v.whole(is.unroll)
	for v.part = 0; v.part < kernels.Lanes/is.width; v.part += is.unroll {
		l.step(v.part * is.width)
	}
	v.increase(l.i, kernels.Lanes)
	v.jumpIf(l.i, isAtMost, limit, "lanes")
	v.label("tail")
	if !wholeVectors(is, f.Types) {
		for v.part = 0; v.part < kernels.Lanes/is.width; v.part++ {
			v.jumpIf(l.i, isAtLeast, end, "fold")
			v.mask(l.i, end)
			l.step(0)
			v.increase(l.i, is.width)
		}
	}
	v.label("fold")
	v.move(end, l.i)
	for k := range sums {
		v.fold(k, Mem{Base: out, Disp: 4 * k})
	}
	v.increase(out, 4*sums)
	v.jump("unit")
	v.label("done")
	v.end()
}

// fetch asks for what is ahead of the lanes at hand.
func (l *loop) fetch() {
	for line := 0; line < 4*kernels.Lanes; line += 64 {
		for _, k := range l.body.ahead.memory {
			PREFETCHT1(Mem{Base: l.base[k], Index: l.i, Scale: 4, Disp: aheadOfMemory + line})
		}
		for _, k := range l.body.ahead.cache {
			PREFETCHT0(Mem{Base: l.base[k], Index: l.i, Scale: 4, Disp: aheadOfCache + line})
		}
	}
}

// blocks writes the skeleton of an elementwise pass with arrays of blocks. A
// block is run twice: first the update, whose new states stay on the stack while
// their largest is found; then they are encoded.
func blocks(is isa, f *kernels.Stored, pass int, b body) {
	l := begin(is, f, pass, b)
	v := l.v
	var packed []int // the slots in blocks
	for k, d := range f.Types {
		if d.Grain() > 1 {
			packed = append(packed, k)
		}
	}
	scratch := v.frame(len(packed) * (kernels.Block/is.width + 2))
	index := GP64() // of the element within the block
	end := GP64()
	scratchAt := func(p int) func(j int) Mem {
		return func(j int) Mem {
			return Mem{Base: scratch, Index: index, Scale: 4, Disp: 4 * (p*kernels.Block + j*is.width)}
		}
	}
	codesAt := func(k int) func(j int) Mem {
		return func(j int) Mem { return Mem{Base: l.base[k], Index: index, Scale: 1, Disp: 4 + j*is.width} }
	}
	// The arrays in blocks start at element 0, and the others at i.
	t := GP64()
	v.move(l.i, t)
	v.blocksToBytes(t)
	for _, k := range packed {
		v.sum(t, l.base[k])
	}

	v.label("block")
	v.jumpIf(l.i, isAtLeast, l.n, "done")
	v.least(l.i, kernels.Block, l.n, end)
	// The scale of each, what zero is with it, and the largest magnitude so far.
	scales, zeros, most := make([]Op, len(packed)), make([]Op, len(packed)), make([]VecVirtual, len(packed))
	for p, k := range packed {
		most[p] = v.vector()
		if is.neon() {
			scale, zero := v.vector(), v.vector()
			v.spread(Mem{Base: l.base[k]}, scale)
			v.do(iMul, number(-kernels.ByteZero), 0, scale, zero)
			scales[p], zeros[p] = scale, zero
		} else {
			scale := Mem{Base: scratch, Disp: 4 * (len(packed)*kernels.Block + 2*p*is.width)}
			zero := scale.Offset(4 * is.width)
			VBROADCASTSS(Mem{Base: l.base[k]}, most[p])
			VMOVAPS(most[p], scale)
			t := v.vector()
			VBROADCASTSS(word(number(kernels.ByteZero)), t)
			VMULPS(t, most[p], t)
			VMOVAPS(t, zero)
			scales[p], zeros[p] = scale, zero
		}
		clearRegister(most[p])
	}
	v.clearInt(index)
	update := func() {
		s := make([]val, len(f.Slots))
		for k, a := range l.access {
			p := slices.Index(packed, k)
			switch {
			case p >= 0:
				s[k] = v.decode(f.Types[k], v.rawBytes(codesAt(k)), scales[p], zeros[p])
			case a&kernels.Read != 0:
				s[k] = v.load(f.Types[k], l.at(k, 0))
			}
		}
		for k, x := range b.emit(v, s) {
			if p := slices.Index(packed, k); p >= 0 {
				x = v.padded(x)
				size := v.abs(x)
				if f.Types[k] == kernels.UQ8 {
					x = size
				}
				for j := range x {
					v.keep(x[j], scratchAt(p)(j))
					v.do(iMaxBits, val{size[j]}, 0, most[p], most[p])
				}
			} else if x != nil && l.access[k]&kernels.Write != 0 {
				v.store(f.Types[k], x, l.at(k, 0))
			}
		}
		v.increase(index, v.bundle*is.width)
	}
	whole := l.n
	l.n = end
	l.each(is.unroll*is.width, !is.neon(), func() {
		v.whole(is.unroll)
		update()
	}, update)
	l.n = whole

	v.whole(1)
	inverse := make([]Op, len(packed))
	for p, k := range packed {
		inverse[p] = v.scale(f.Types[k], most[p], Mem{Base: l.base[k]})
	}
	v.move(index, t)
	v.clearInt(index)
	v.label("encode")
	for p, k := range packed {
		x := v.each(func(j int, d VecVirtual) { v.kept(scratchAt(p)(j), d) })
		v.storeBytes(v.encode(f.Types[k], x, inverse[p]), codesAt(k))
	}
	v.increase(index, is.width)
	v.jumpIf(index, isBelow, t, "encode")
	for _, k := range packed {
		v.increase(l.base[k], kernels.BlockBytes)
	}
	v.move(end, l.i)
	v.jump("block")
	v.label("done")
	is.end()
}

// stream writes a loop that loads every array and stores some unchanged. Narrow
// numbers move many at a time; of a tail that does not fill a vector, AVX2 moves
// those of 4 bytes alone, and NEON none.
func stream(is isa, s kernels.Mix) {
	is.begin("stream"+s.Name()+is.suffix, "loads elements [i, n) of arrays and stores those with a W unchanged.")
	l := &loop{}
	access := make([]kernels.Access, len(s))
	for k := range s {
		access[k] = kernels.Read
	}
	l.arrays(is, access)
	l.v = newVec(is, body{})
	l.bounds()
	v := l.v
	at := func(k int) func(j int) Mem {
		return func(j int) Mem {
			return Mem{Base: l.base[k], Index: l.i, Scale: uint8(s[k].Size), Disp: 4 * j * is.width}
		}
	}
	step := 0 // one vector of the narrowest
	for _, t := range s {
		step = max(step, is.width*4/t.Size)
	}
	whole := func(step int) func() {
		return func() {
			loaded := make([]val, len(s))
			for k, t := range s {
				v.whole(step * t.Size / (4 * is.width))
				loaded[k] = v.load(kernels.F32, at(k))
			}
			for k, t := range s {
				if t.Written {
					v.store(kernels.F32, loaded[k], at(k))
				}
			}
		}
	}
	if is.neon() {
		l.each(is.unroll*step, false, whole(is.unroll*step), nil)
		l.each(step, false, whole(step), nil)
		is.end()
		return
	}
	l.each(step, true, whole(step), func() {
		for k, t := range s {
			switch {
			case t.Size == 4:
				x := v.load(kernels.F32, at(k))
				if t.Written {
					v.store(kernels.F32, x, at(k))
				}
			case t.Size == 2 && v.zmm():
				x := v.rawWords(at(k))
				if t.Written {
					v.storeWords(x, at(k))
				}
			}
		}
	})
	is.end()
}
