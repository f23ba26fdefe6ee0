package main

var _ = define("two_point", "", body{
	coefs: []int{1, 2, 3, 4},
	draw: func(v *vec) val {
		return v.few(func(w ...val) val { return v.rare(w[0], v.c(3), v.c(4)) }, v.random(0))
	},
})
