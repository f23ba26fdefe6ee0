package main

var _ = define("poly", "", body{
	coefs: []int{1, 2, 3, 4},
	terms: func(v *vec, s []val) []val {
		factor := func(bit int, x val) val { return v.where(greater, v.c(bit), number(0), x, v.all(one)) }
		a := v.abs(s[0])
		square := v.mul(a, a)
		m := v.mul(v.mul(factor(1, a), factor(2, square)), factor(3, v.mul(square, square)))
		g := v.mul(s[0], m)
		v.term(0, v.mul(v.mul(g, s[0]), v.c(4)))
		return []val{nil, g}
	},
})
