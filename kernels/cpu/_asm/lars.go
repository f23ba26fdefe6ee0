package main

var _ = define("lars", "norms", body{
	coefs: []int{0},
	terms: func(v *vec, s []val) []val {
		v.square(0, s[0])
		v.square(1, v.grad(s[1]))
		return nil
	},
})

var _ = define("lars", "apply", body{
	coefs: []int{0, 1, 2, 15},
	emit: func(v *vec, s []val) []val {
		p, g, m := s[0], s[1], s[2]
		g = v.add(v.grad(g), v.mul(p, v.c(2)))
		m = v.add(v.mul(m, v.c(1)), v.mul(g, v.c(15)))
		return []val{v.sub(p, m), nil, m}
	},
})
