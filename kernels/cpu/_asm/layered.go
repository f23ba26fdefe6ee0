package main

var _ = define("layered", "", body{
	terms: func(v *vec, s []val) []val {
		d := v.sub(v.mul(s[0], s[2]), one)
		v.term(0, v.mul(v.mul(d, number(0.5)), d))
		return []val{nil, v.mul(d, s[2])}
	},
})
