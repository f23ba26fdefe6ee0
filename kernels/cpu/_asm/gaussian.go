package main

import "math"

var _ = define("gaussian", "", body{
	coefs: []int{1},
	draw: func(v *vec) val {
		w := v.random(0)
		a, b := v.normals(val{w[0], w[2]}, val{w[1], w[3]})
		return val{a[0], b[0], a[1], b[1]}
	},
})

// normals are those of kernels/gaussian.go.
func (v *vec) normals(radius, angle val) (a, b val) {
	v.whole(len(radius))
	q := v.mul(v.log2(v.uniform(radius)), number(float32(-2*math.Ln2)))
	r := v.sqrt(v.op(iMax, q, number(0)))
	sin, cos := v.direction(angle)
	return v.mul(r, cos), v.mul(r, sin)
}
