package main

import "math"

var _ = define("rosenbrock", "", body{
	coefs: []int{1, 2, 3},
	terms: func(v *vec, s []val) []val {
		p, before, after := s[0], s[2], s[3]
		none := v.zero()
		first := v.when(greater, before, number(math.MaxFloat32))
		last := v.when(greater, after, number(math.MaxFloat32))
		b := v.pick(first, none, v.sub(p, v.mul(before, before)))
		a := v.pick(last, none, v.sub(after, v.mul(p, p)))
		d := v.pick(last, none, v.sub(p, one))
		g := v.sub(v.add(v.mul(b, v.c(1)), v.add(d, d)), v.mul(v.mul(p, a), v.c(2)))
		v.term(0, v.add(v.mul(v.mul(a, a), v.c(3)), v.mul(d, d)))
		return []val{nil, g}
	},
})
