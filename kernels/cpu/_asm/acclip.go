package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A threshold of ACClip is how it keeps its state, and how it makes the root of
// it. The general one, for any alpha, takes two powers.
type threshold struct {
	coefs []int
	state func(v *vec, g, ta VecVirtual) VecVirtual
	root  func(v *vec, ta VecVirtual) VecVirtual
}

var acclipThresholds = map[string]threshold{
	"1": {
		state: func(v *vec, g, ta VecVirtual) VecVirtual { return v.lerp(ta, v.abs(g), v.c(2)) },
		root:  func(v *vec, ta VecVirtual) VecVirtual { return ta },
	},
	"2": {
		state: func(v *vec, g, ta VecVirtual) VecVirtual { return v.lerp(ta, v.mul(g, g), v.c(2)) },
		root:  (*vec).sqrt,
	},
	"": {
		coefs: []int{5, 6, 7, 8},
		state: func(v *vec, g, ta VecVirtual) VecVirtual {
			return v.lerp(ta, v.pow(v.abs(g), v.c(5), v.c(6)), v.c(2))
		},
		root: func(v *vec, ta VecVirtual) VecVirtual { return v.pow(ta, v.c(7), v.c(8)) },
	},
}

var _ = defineACClip()

func defineACClip() bool {
	for alpha, th := range acclipThresholds {
		define("acclip"+alpha, "", body{
			coefs: append([]int{0, 1, 2, 3, 4}, th.coefs...),
			emit: func(v *vec, s []VecVirtual) []VecVirtual {
				g := v.grad(s[1])
				m := v.lerp(s[2], g, v.c(1))
				ta := th.state(v, g, s[3])
				return []VecVirtual{v.sub(s[0], v.mul(v.clipped(m, ta, th), v.c(3))), nil, m, ta}
			},
		})
		define("acclip_v"+alpha, "", body{
			coefs: append([]int{0, 1, 2, 3, 4, 9}, th.coefs...),
			emit: func(v *vec, s []VecVirtual) []VecVirtual {
				g := v.grad(s[1])
				m := v.lerp(s[2], g, v.c(1))
				ta := th.state(v, g, s[3])
				q := v.lerp(s[4], v.mul(g, g), v.c(2))
				d := v.add(v.sqrt(v.mul(q, v.c(9))), v.c(4))
				step := v.div(v.mul(v.clipped(m, ta, th), v.c(3)), d)
				return []VecVirtual{v.sub(s[0], step), nil, m, ta, q}
			},
		})
	}
	return true
}

// clipped is min(tau/(|m| + eps), 1) * m. Where a power is saved by it, it looks
// first whether the minimum is 1 in all lanes.
func (v *vec) clipped(m, ta VecVirtual, th threshold) VecVirtual {
	d := v.add(v.abs(m), v.c(4))
	f := v.one()
	clip := func() {
		one, q := v.one(), v.div(th.root(v, ta), d)
		VMOVAPS(v.where(greater, q, one, one, q), f)
	}
	if th.coefs == nil {
		clip()
	} else {
		done := v.label("clipped")
		v.jumpIfAbove(ta, v.c(7), d, done)
		clip()
		Label(done)
	}
	return v.mul(f, m)
}

// jumpIfAbove jumps where x^y is certainly d or more in all lanes, for y in
// [0, 1]. It reads the bits of x as a fixed-point number: exponent and fraction
// are a lower bound b of log2(x), for log2(1+f) >= f. Read the other way, the
// bits b*y are an upper bound of 2^(b*y), too large by at most 2^0.0861; so a
// little more is taken off. Zeros, denormals, infinities and NaNs never jump.
func (v *vec) jumpIfAbove(x VecVirtual, y Op, d VecVirtual, label string) {
	const bias = 127 << 23
	odd := v.outside(x, least, infinity-1)
	b := v.new()
	VCVTDQ2PS(x, b)
	v.spread(VSUBPS, VSUBPS_BCST, "fixedBias", math.Float32bits(bias), b, b)
	VMULPS(y, b, b)
	v.spread(VADDPS, VADDPS_BCST, "fixedLow", math.Float32bits(bias-0.09*(1<<23)), b, b)
	VCVTTPS2DQ(b, b)
	if v.zmm() {
		// The lanes left over are those that are odd or below d.
		k := K()
		VCMPPS(Imm(notAtLeast), d, b, k)
		KORTESTW(odd.k, k)
		JEQ(LabelRef(label))
		return
	}
	VCMPPS(Imm(notAtLeast), d, b, b)
	VORPS(odd.x, b, b)
	lanes := GP32()
	VMOVMSKPS(b, lanes)
	TESTL(lanes, lanes)
	JEQ(LabelRef(label))
}
