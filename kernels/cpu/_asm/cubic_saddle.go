package main

var _ = define("cubic_saddle", "", body{
	coefs: []int{1, 2, 3, 4},
	terms: func(v *vec, s []val) []val {
		p, h := s[0], s[2]
		a := v.abs(p)
		d := v.sub(a, v.c(2))
		out := v.mul(v.mul(p, d), v.c(1))
		value := v.mul(v.mul(v.mul(d, d), v.add(a, v.c(4))), v.c(3))
		g := v.mul(p, h)
		stiff := v.when(greater, h, number(0))
		v.term(0, v.pick(stiff, v.mul(v.mul(g, number(0.5)), p), value))
		return []val{nil, v.pick(stiff, g, out)}
	},
})
