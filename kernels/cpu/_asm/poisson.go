package main

var _ = define("poisson", "", body{
	terms: func(v *vec, s []val) []val {
		g := v.add(v.add(v.sub(s[0], s[2]), v.sub(s[0], s[3])), v.add(v.sub(s[0], s[4]), v.sub(s[0], s[5])))
		v.term(0, v.mul(v.mul(g, number(0.5)), v.sub(s[0], one)))
		return []val{nil, g}
	},
})
