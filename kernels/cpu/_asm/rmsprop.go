package main

var _ = define("rmsprop", "", body{
	coefs: []int{0, 1, 2, 3},
	emit: func(v *vec, s []val) []val {
		p, g, q := s[0], v.grad(s[1]), s[2]
		q = v.lerp(q, v.mul(g, g), v.c(2))
		v.settle(2, q)
		d := v.add(v.sqrt(q), v.c(3))
		return []val{v.sub(p, v.div(v.mul(g, v.c(1)), d)), nil, q}
	},
})
