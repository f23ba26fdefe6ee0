package main

var _ = define("adam", "", body{
	coefs:  []int{0, 1, 2, 3, 4},
	bundle: 4,
	emit: func(v *vec, s []val) []val {
		m, q := v.moments(s)
		return []val{v.sub(s[0], v.adamStep(m, q)), nil, m, q}
	},
})

// moments returns both moving averages of p, g, m, v.
func (v *vec) moments(s []val) (m, q val) {
	g := v.grad(s[1])
	m = v.lerp(s[2], g, v.c(1))
	v.settle(2, m)
	q = v.lerp(s[3], v.mul(g, g), v.c(2))
	v.settle(3, q)
	return m, q
}

// adamStep is step*m/(sqrt(q) + eps).
func (v *vec) adamStep(m, q val) val {
	d := v.add(v.sqrt(q), v.c(4))
	return v.div(v.mul(m, v.c(3)), d)
}
