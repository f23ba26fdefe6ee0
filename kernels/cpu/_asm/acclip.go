package main

import . "github.com/mmcloughlin/avo/reg"

// The three thresholds of ACClip: alpha 1, alpha 2, and any alpha with two
// powers. Each returns the new state and its root.
var acclipThresholds = map[string]struct {
	exponents [][2]int
	emit      func(v *vec, g, ta VecVirtual) (state, tau VecVirtual)
}{
	"1": {nil, func(v *vec, g, ta VecVirtual) (VecVirtual, VecVirtual) {
		ta = v.lerp(ta, v.abs(g), v.c(2))
		return ta, ta
	}},
	"2": {nil, func(v *vec, g, ta VecVirtual) (VecVirtual, VecVirtual) {
		ta = v.lerp(ta, v.mul(g, g), v.c(2))
		return ta, v.sqrt(ta)
	}},
	"": {[][2]int{{5, 6}, {7, 8}}, func(v *vec, g, ta VecVirtual) (VecVirtual, VecVirtual) {
		ta = v.lerp(ta, v.pow(v.abs(g), 5), v.c(2))
		return ta, v.pow(ta, 7)
	}},
}

var _ = defineACClip()

func defineACClip() bool {
	for alpha, threshold := range acclipThresholds {
		define("acclip"+alpha, "", body{
			coefs:     []int{0, 1, 2, 3, 4},
			exponents: threshold.exponents,
			emit: func(v *vec, s []VecVirtual) []VecVirtual {
				g := v.grad(s[1])
				m := v.lerp(s[2], g, v.c(1))
				ta, tau := threshold.emit(v, g, s[3])
				return []VecVirtual{v.sub(s[0], v.mul(v.clipped(m, tau), v.c(3))), nil, m, ta}
			},
		})
		define("acclip_v"+alpha, "", body{
			coefs:     []int{0, 1, 2, 3, 4, 9},
			exponents: threshold.exponents,
			emit: func(v *vec, s []VecVirtual) []VecVirtual {
				g := v.grad(s[1])
				m := v.lerp(s[2], g, v.c(1))
				ta, tau := threshold.emit(v, g, s[3])
				q := v.lerp(s[4], v.mul(g, g), v.c(2))
				d := v.add(v.sqrt(v.mul(q, v.c(9))), v.c(4))
				step := v.div(v.mul(v.clipped(m, tau), v.c(3)), d)
				return []VecVirtual{v.sub(s[0], step), nil, m, ta, q}
			},
		})
	}
	return true
}

// clipped is min(tau/(|m| + eps), 1) * m.
func (v *vec) clipped(m, tau VecVirtual) VecVirtual {
	one := v.one()
	f := v.div(tau, v.add(v.abs(m), v.c(4)))
	return v.mul(v.where(greater, f, one, one, f), m)
}
