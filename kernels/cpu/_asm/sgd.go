package main

var _ = define("sgd", "", body{
	coefs: []int{0, 1, 2},
	emit: func(v *vec, s []val) []val {
		p, g := s[0], s[1]
		step := v.mul(v.grad(g), v.c(1))
		return []val{v.sub(v.mul(p, v.c(2)), step)}
	},
})
