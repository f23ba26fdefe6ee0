package main

var _ = define("pseudo_huber", "", body{
	coefs: []int{1},
	terms: func(v *vec, s []val) []val {
		q := v.mul(s[0], v.c(1))
		root := v.sqrt(v.add(v.mul(q, q), one))
		g := v.div(s[0], root)
		v.term(0, v.div(v.mul(s[0], s[0]), v.add(root, one)))
		return []val{nil, g}
	},
})
