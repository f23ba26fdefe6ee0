package main

var _ = define("geman_mcclure", "", body{
	terms: func(v *vec, s []val) []val {
		q := v.mul(s[0], s[0])
		inverse := v.div(v.all(one), v.add(q, one))
		slope := v.mul(s[0], inverse)
		g := v.mul(v.add(slope, slope), inverse)
		v.term(0, v.mul(q, inverse))
		return []val{nil, g}
	},
})
