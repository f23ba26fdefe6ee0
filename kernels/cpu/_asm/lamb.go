package main

var lambNorms = body{
	coefs: []int{0, 1, 2, 3, 4, 5, 6},
	emit: func(v *vec, s []val) []val {
		m, q := v.moments(s)
		return []val{nil, nil, m, q}
	},
	terms: func(v *vec, s []val) []val {
		u := v.lambUpdate(s[0], s[2], s[3])
		v.square(0, s[0])
		v.square(1, u)
		return []val{nil, nil, nil, nil, u}
	},
}

var (
	_ = define("lamb", "norms", lambNorms)
	_ = define("lamb_resident", "norms", lambNorms)
)

var _ = define("lamb_resident", "apply", body{
	coefs: []int{15},
	emit: func(v *vec, s []val) []val {
		return []val{v.sub(s[0], v.mul(s[4], v.c(15)))}
	},
})

var _ = define("lamb", "apply", body{
	coefs: []int{3, 4, 5, 6, 15},
	emit: func(v *vec, s []val) []val {
		u := v.lambUpdate(s[0], s[2], s[3])
		return []val{v.sub(s[0], v.mul(u, v.c(15)))}
	},
})

// lambUpdate is step*m/(sqrt(q + eps inside) + eps) + decay*p.
func (v *vec) lambUpdate(p, m, q val) val {
	return v.add(v.adamStep(m, v.add(q, v.c(5))), v.mul(p, v.c(6)))
}
