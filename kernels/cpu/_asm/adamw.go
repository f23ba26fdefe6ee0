package main

import . "github.com/mmcloughlin/avo/reg"

var _ = define("adamw", "", body{
	coefs: []int{0, 1, 2, 3, 4, 5},
	emit: func(v *vec, s []VecVirtual) []VecVirtual {
		m, q := v.moments(s)
		p := v.mul(s[0], v.c(5))
		return []VecVirtual{v.sub(p, v.adamStep(m, q)), nil, m, q}
	},
})
