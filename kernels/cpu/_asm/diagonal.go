package main

var _ = define("diagonal", "", body{
	coefs: []int{1, 2},
	terms: func(v *vec, s []val) []val {
		d := v.sub(s[0], v.c(1))
		g := v.mul(s[2], d)
		v.term(0, v.mul(v.mul(g, number(0.5)), d))
		return []val{nil, v.mul(g, v.c(2))}
	},
})
