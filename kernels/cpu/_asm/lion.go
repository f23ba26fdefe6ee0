package main

var _ = define("lion", "", body{
	coefs: []int{0, 1, 2, 3, 4},
	emit: func(v *vec, s []val) []val {
		p, g, m := s[0], v.grad(s[1]), s[2]
		u, lr := v.lerp(m, g, v.c(1)), v.copy(v.c(3))
		d := v.where(greater, u, v.zero(), lr, u)
		d = v.where(less, u, v.zero(), v.neg(lr), d)
		return []val{v.sub(v.mul(p, v.c(4)), d), nil, v.lerp(m, g, v.c(2))}
	},
})
