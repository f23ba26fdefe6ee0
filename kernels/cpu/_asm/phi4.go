package main

var _ = define("phi4", "", body{
	coefs: []int{1, 2},
	ahead: rows,
	terms: func(v *vec, s []val) []val {
		p := s[0]
		l, u := v.sub(p, s[2]), v.sub(p, s[4])
		q := v.sub(v.mul(p, p), one)
		g := v.add(v.add(l, v.sub(p, s[3])), v.add(u, v.sub(p, s[5])))
		g = v.add(g, v.mul(v.mul(q, p), v.c(1)))
		edges := v.mul(v.add(v.mul(l, l), v.mul(u, u)), number(0.5))
		v.term(0, v.add(edges, v.mul(v.mul(q, q), v.c(2))))
		return []val{nil, g}
	},
})
