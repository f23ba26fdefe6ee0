package main

import . "github.com/mmcloughlin/avo/reg"

var _ = define("sumsq", "", body{
	coefs: []int{0},
	emit: func(v *vec, s []VecVirtual) []VecVirtual {
		v.square(0, v.grad(s[0]))
		return nil
	},
})
