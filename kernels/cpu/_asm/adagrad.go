package main

var _ = define("adagrad", "", body{
	coefs:  []int{0, 1, 2},
	bundle: 4,
	emit: func(v *vec, s []val) []val {
		p, g, q := s[0], v.grad(s[1]), s[2]
		q = v.add(q, v.mul(g, g))
		v.settle(2, q)
		d := v.add(v.sqrt(q), v.c(2))
		return []val{v.sub(p, v.div(v.mul(g, v.c(1)), d)), nil, q}
	},
})
