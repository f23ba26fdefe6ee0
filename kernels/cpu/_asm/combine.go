package main

var _ = define("combine", "", body{
	coefs: []int{1, 2},
	emit: func(v *vec, s []val) []val {
		return []val{v.add(v.mul(s[0], v.c(1)), v.mul(s[1], v.c(2)))}
	},
})

var _ = define("copy", "", body{
	emit: func(v *vec, s []val) []val { return []val{s[1]} },
})
