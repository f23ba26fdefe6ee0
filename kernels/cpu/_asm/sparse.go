package main

var _ = define("sparse", "", body{
	coefs: []int{1, 2},
	draw: func(v *vec) val {
		return v.few(func(w ...val) val { return v.withSign(v.rare(w[0], v.all(one), v.zero()), w[0]) }, v.random(0))
	},
})

// rare returns the rare value in lanes of its probability, else the usual one.
func (v *vec) rare(w, rare, usual val) val {
	return v.where(greater, v.uniform(w), v.c(2), usual, rare)
}
