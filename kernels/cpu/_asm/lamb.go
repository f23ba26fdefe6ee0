package main

import . "github.com/mmcloughlin/avo/reg"

var _ = define("lamb", "norms", body{
	coefs: []int{0, 1, 2, 3, 4, 5, 6},
	emit: func(v *vec, s []VecVirtual) []VecVirtual {
		m, q := v.moments(s)
		v.square(0, s[0])
		v.square(1, v.lambUpdate(s[0], m, q))
		return []VecVirtual{nil, nil, m, q}
	},
})

var _ = define("lamb", "apply", body{
	coefs: []int{3, 4, 5, 6, 15},
	emit: func(v *vec, s []VecVirtual) []VecVirtual {
		u := v.lambUpdate(s[0], s[2], s[3])
		return []VecVirtual{v.sub(s[0], v.mul(u, v.c(15)))}
	},
})

// lambUpdate is step*m/(sqrt(q + eps inside) + eps) + decay*p.
func (v *vec) lambUpdate(p, m, q VecVirtual) VecVirtual {
	return v.add(v.adamStep(m, v.add(q, v.c(5))), v.mul(p, v.c(6)))
}
