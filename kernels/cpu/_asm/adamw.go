package main

var _ = define("adamw", "", body{
	coefs:  []int{0, 1, 2, 3, 4, 5},
	bundle: 4,
	emit: func(v *vec, s []val) []val {
		m, q := v.moments(s)
		p := v.mul(s[0], v.c(5))
		return []val{v.sub(p, v.adamStep(m, q)), nil, m, q}
	},
})
