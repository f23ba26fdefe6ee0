package main

var _ = define("ripples", "", body{
	coefs: []int{1, 2, 3, 4, 5},
	terms: func(v *vec, s []val) []val {
		p := s[0]
		sin, cos := v.sincos(v.mul(p, v.c(1)))
		g := v.add(v.mul(p, v.c(2)), v.mul(v.mul(sin, cos), v.c(3)))
		v.term(0, v.add(v.mul(v.mul(p, p), v.c(4)), v.mul(v.mul(sin, sin), v.c(5))))
		return []val{nil, g}
	},
})
