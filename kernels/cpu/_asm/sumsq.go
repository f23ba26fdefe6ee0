package main

var _ = define("sumsq", "", body{
	coefs: []int{0},
	terms: func(v *vec, s []val) []val {
		v.square(0, v.grad(s[0]))
		return nil
	},
})
