package main

var _ = define("double_well", "", body{
	coefs: []int{1, 2, 3},
	terms: func(v *vec, s []val) []val {
		d, e := v.sub(s[0], v.c(1)), v.add(s[0], v.c(1))
		g := v.mul(v.add(v.mul(s[0], e), v.c(2)), d)
		v.term(0, v.mul(v.mul(v.mul(d, d), number(0.25)), v.add(v.mul(e, e), v.c(3))))
		return []val{nil, g}
	},
})
