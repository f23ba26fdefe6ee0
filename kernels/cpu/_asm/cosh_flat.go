package main

var _ = define("cosh_flat", "", body{
	coefs:   []int{1, 2, 3, 4},
	crowded: true,
	terms: func(v *vec, s []val) []val {
		p := s[0]
		slope, value := v.cosh(v.mul(p, v.c(1)))
		slope, value = v.mul(slope, v.c(2)), v.mul(value, v.c(3))
		flatSlope, flatValue := v.flat(p)
		flat := v.when(greater, s[2], number(0))
		v.term(0, v.pick(flat, v.mul(flatValue, v.c(4)), value))
		return []val{nil, v.pick(flat, v.mul(flatSlope, v.c(4)), slope)}
	},
})
