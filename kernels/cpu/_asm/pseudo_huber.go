package main

var _ = define("pseudo_huber", "", body{
	coefs: []int{1},
	terms: func(v *vec, s []val) []val {
		q := v.mul(s[0], v.c(1))
		root := v.sqrt(v.add(v.mul(q, q), one))
		more := v.add(root, one)
		inverse := v.div(v.all(one), v.mul(root, more))
		g := v.mul(v.mul(more, inverse), s[0])
		v.term(0, v.mul(v.mul(s[0], s[0]), v.mul(root, inverse)))
		return []val{nil, g}
	},
})
