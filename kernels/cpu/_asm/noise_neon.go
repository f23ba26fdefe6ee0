package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// drawsNEON writes the skeleton of a noise law for whole groups. A quarter of a group is
// drawn at once: four vectors, of each part of the group one.
func drawsNEON(is isa, f *kernels.Stored, pass int, b body) {
	l := begin(is, f, pass, b)
	v := l.v
	v.sample = newSample(v, l.i)
	v.jumpIf(l.i, isAtLeast, l.n, "done")
	v.label("group")
	l.draw(false)
	v.increase(l.i, is.width)
	arm.function.scalar("TST $%d, %s", kernels.NoiseLanes-1, l.i)
	arm.function.jump("BNE", "group")
	v.increase(l.i, kernels.NoiseGroup-kernels.NoiseLanes)
	v.jumpIf(l.i, isBelow, l.n, "group")
	v.label("done")
	is.end()
}

// sample holds what the blocks of a sample share, by NEON: in every lane the keys of
// all rounds, and the upper half of the counters.
type sample struct {
	i    GPVirtual
	keys [2][kernels.PhiloxRounds]VecVirtual
	word [2]VecVirtual
}

func newSample(v *vec, i GPVirtual) *sample {
	s := &sample{i: i}
	c := v.param("c")
	part := func(place int) GPVirtual {
		t, x := v.vector(), GP64()
		arm.function.load("S", Mem{Base: c, Disp: 4 * place}, t)
		arm.function.fromVector("FCVTZSSW", t, x)
		return x
	}
	word := func(place int) GPVirtual {
		low, high := part(place), part(place+1)
		arm.function.scalar("ORR %s<<16, %s, %s", high, low, low)
		return low
	}
	for half, add := range []int{kernels.PhiloxW0, kernels.PhiloxW1} {
		key := word(kernels.CoefSeed + 2*half)
		for round := range kernels.PhiloxRounds {
			s.keys[half][round] = arm.function.toLanes(key)
			v.increase(key, add)
		}
	}
	s.word = [2]VecVirtual{arm.function.toLanes(word(kernels.CoefSample)), arm.function.toLanes(part(kernels.CoefSample + 2))}
	return s
}

// randomNEON is random.
func (v *vec) randomNEON(block uint32) val {
	s := v.sample
	// The first counter of a group is i/4, for i is a multiple of the group's size.
	first, lane := GP64(), GP64()
	arm.function.scalar("LSR $2, %s, %s", s.i, first)
	arm.function.scalar("AND $%d, %s", -kernels.NoiseLanes, first)
	arm.function.scalar("AND $%d, %s, %s", kernels.NoiseLanes-1, s.i, lane)
	arm.function.scalar("ORR %s, %s", lane, first)
	low := v.vector()
	arm.function.do(nIntAdd, low, arm.function.toLanes(first), arm.function.constant([4]uint32{0, 1, 2, 3}))
	arm.function.scalar("LSR $32, %s", first)
	c := [4]Op{low, arm.function.toLanes(first), s.word[0], s.word[1]}
	if block > 0 {
		c[3] = v.one(nOr, c[3], arm.function.lit(lit(block<<kernels.NoiseBlockShift)))
	}
	for round := range kernels.PhiloxRounds {
		mixed := func(x, y Op, half int) Op { return v.one(nXor, v.one(nXor, x, y), s.keys[half][round]) }
		highA, lowA := v.times64(c[0], kernels.PhiloxM0)
		highB, lowB := v.times64(c[2], kernels.PhiloxM1)
		c = [4]Op{mixed(highB, c[1], 0), lowB, mixed(highA, c[3], 1), lowA}
	}
	return c[:]
}

// one returns the result of an instruction on one vector.
func (v *vec) one(i neonIns, a, b Op) Op {
	d := v.vector()
	arm.function.do(i, d, a, b)
	return d
}

// times64 multiplies by m, to 64 bits, and returns the halves of the products.
func (v *vec) times64(x Op, m lit) (high, low Op) {
	factor := arm.function.lit(m)
	a, b := v.one(nTimes, x, factor), v.one(nTimesTop, x, factor)
	return v.one(nOdd, a, b), v.one(nEven, a, b)
}
