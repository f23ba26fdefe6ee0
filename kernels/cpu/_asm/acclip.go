package main

// A threshold of ACClip is how it keeps its state, and how it makes the root of
// it. The general one, for any alpha, takes two powers.
type threshold struct {
	coefs  []int
	bundle int // for a power is a long chain: three of them overlap better than two
	state  func(v *vec, g, ta val) val
	root   func(v *vec, ta val) val
}

var acclipThresholds = map[string]threshold{
	"1": {
		state: func(v *vec, g, ta val) val { return v.lerp(ta, v.abs(g), v.c(2)) },
		root:  func(v *vec, ta val) val { return ta },
	},
	"2": {
		state: func(v *vec, g, ta val) val { return v.lerp(ta, v.mul(g, g), v.c(2)) },
		root:  (*vec).sqrt,
	},
	"": {
		coefs:  []int{5, 6, 7, 8},
		bundle: 3,
		state: func(v *vec, g, ta val) val {
			return v.lerp(ta, v.pow(v.abs(g), v.c(5), v.c(6)), v.c(2))
		},
		root: func(v *vec, ta val) val { return v.pow(ta, v.c(7), v.c(8)) },
	},
}

var _ = defineACClip()

func defineACClip() bool {
	for alpha, th := range acclipThresholds {
		define("acclip"+alpha, "", body{
			coefs:   append([]int{0, 1, 2, 3, 4}, th.coefs...),
			crowded: th.coefs != nil,
			bundle:  th.bundle,
			emit: func(v *vec, s []val) []val {
				g := v.grad(s[1])
				m := v.lerp(s[2], g, v.c(1))
				ta := th.state(v, g, s[3])
				return []val{v.sub(s[0], v.mul(v.clipped(m, ta, th), v.c(3))), nil, m, ta}
			},
		})
		define("acclip_v"+alpha, "", body{
			coefs:   append([]int{0, 1, 2, 3, 4, 9}, th.coefs...),
			crowded: th.coefs != nil,
			bundle:  th.bundle,
			emit: func(v *vec, s []val) []val {
				g := v.grad(s[1])
				m := v.lerp(s[2], g, v.c(1))
				ta := th.state(v, g, s[3])
				q := v.lerp(s[4], v.mul(g, g), v.c(2))
				d := v.add(v.sqrt(v.mul(q, v.c(9))), v.c(4))
				step := v.div(v.mul(v.clipped(m, ta, th), v.c(3)), d)
				return []val{v.sub(s[0], step), nil, m, ta, q}
			},
		})
	}
	return true
}

// clipped is min(tau/(|m| + eps), 1) * m. Where a power is saved by it, it looks
// first whether the minimum is 1 in all lanes.
func (v *vec) clipped(m, ta val, th threshold) val {
	d := v.add(v.abs(m), v.c(4))
	clip := func() val {
		f, one := v.div(th.root(v, ta), d), v.all(one)
		return v.where(greater, f, one, one, f)
	}
	if th.coefs == nil {
		return v.mul(clip(), m)
	}
	f, done := v.all(one), v.newLabel("clipped")
	v.jumpIfAbove(ta, v.c(7), d, done)
	v.set(f, clip())
	v.label(done)
	return v.mul(f, m)
}

// jumpIfAbove jumps where x^y is certainly d or more in all lanes, for y in
// [0, 1]. It reads the bits of x as a fixed-point number: exponent and fraction
// are a lower bound b of log2(x), for log2(1+f) >= f. Read the other way, the
// bits b*y are an upper bound of 2^(b*y), too large by at most 2^0.0861; so a
// little more is taken off. Zeros, denormals, infinities and NaNs never jump.
func (v *vec) jumpIfAbove(x, y, d val, label string) {
	const bias = 127 << 23
	odd := v.outside(x, least, infinity-1)
	b := v.mul(v.sub(v.fromInt(x), number(bias)), y)
	b = v.truncate(v.add(b, number(bias-0.09*(1<<23))))
	v.jumpIfNone(odd, v.when(notAtLeast, b, d), label)
}
