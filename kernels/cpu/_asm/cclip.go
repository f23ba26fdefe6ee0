package main

var _ = define("cclip", "", body{
	coefs: []int{0, 1, 2},
	emit: func(v *vec, s []val) []val {
		p, g, tau := s[0], v.grad(s[1]), v.mul(s[2], v.c(2))
		below := v.neg(tau)
		u := v.where(greater, g, tau, tau, g)
		u = v.where(less, g, below, below, u)
		return []val{v.sub(p, v.mul(u, v.c(1)))}
	},
})
