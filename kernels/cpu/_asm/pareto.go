package main

var _ = define("pareto", "", body{
	coefs: []int{1, 2},
	draw: func(v *vec) val {
		return v.few(func(w ...val) val { return v.withSign(v.paretoSize(w[0]), w[0]) }, v.random(0))
	},
})

var _ = define("pareto_skew", "", body{
	coefs: []int{1, 2, 3},
	draw: func(v *vec) val {
		return v.few(func(w ...val) val { return v.sub(v.paretoSize(w[0]), v.c(3)) }, v.random(0))
	},
})

func (v *vec) paretoSize(w val) val {
	return v.exp2(v.mul(v.neg(v.log2(v.uniform(w))), v.c(2)))
}
