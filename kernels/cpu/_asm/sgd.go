package main

import . "github.com/mmcloughlin/avo/reg"

var _ = define("sgd", "", body{
	coefs: []int{0, 1, 2},
	emit: func(v *vec, s []VecVirtual) []VecVirtual {
		p, g := s[0], s[1]
		step := v.mul(v.grad(g), v.c(1))
		return []VecVirtual{v.sub(v.mul(p, v.c(2)), step)}
	},
})
