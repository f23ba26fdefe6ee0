package main

var _ = define("dot", "", body{
	terms: func(v *vec, s []val) []val {
		v.term(0, v.mul(s[0], s[1]))
		return nil
	},
})
