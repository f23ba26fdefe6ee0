package main

var _ = define("momentum", "", body{
	coefs: []int{0, 1, 2, 3},
	emit: func(v *vec, s []val) []val {
		p, g, m := s[0], s[1], s[2]
		g = v.add(v.grad(g), v.mul(p, v.c(3)))
		m = v.add(v.mul(m, v.c(2)), g)
		return []val{v.sub(p, v.mul(m, v.c(1))), nil, m}
	},
})
