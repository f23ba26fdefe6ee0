package main

var _ = define("stiff_flat", "", body{
	coefs: []int{1},
	terms: func(v *vec, s []val) []val {
		p, h := s[0], s[2]
		slope, value := v.flat(p)
		g := v.mul(p, h)
		stiff := v.when(greater, h, number(0))
		v.term(0, v.pick(stiff, v.mul(v.mul(g, number(0.5)), p), v.mul(value, v.c(1))))
		return []val{nil, v.pick(stiff, g, v.mul(slope, v.c(1)))}
	},
})
