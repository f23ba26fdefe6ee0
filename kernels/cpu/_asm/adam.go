package main

import . "github.com/mmcloughlin/avo/reg"

var _ = define("adam", "", body{
	coefs: []int{0, 1, 2, 3, 4},
	emit: func(v *vec, s []VecVirtual) []VecVirtual {
		m, q := v.moments(s)
		return []VecVirtual{v.sub(s[0], v.adamStep(m, q)), nil, m, q}
	},
})

// moments returns both moving averages of p, g, m, v.
func (v *vec) moments(s []VecVirtual) (m, q VecVirtual) {
	g := v.grad(s[1])
	return v.lerp(s[2], g, v.c(1)), v.lerp(s[3], v.mul(g, g), v.c(2))
}

// adamStep is step*m/(sqrt(q) + eps).
func (v *vec) adamStep(m, q VecVirtual) VecVirtual {
	d := v.add(v.sqrt(q), v.c(4))
	return v.div(v.mul(m, v.c(3)), d)
}
