package main

var _ = define("nesterov_chain", "", body{
	terms: func(v *vec, s []val) []val {
		g := v.add(v.sub(s[0], s[2]), v.sub(s[0], s[3]))
		v.term(0, v.mul(v.mul(g, number(0.5)), v.sub(s[0], one)))
		return []val{nil, g}
	},
})
