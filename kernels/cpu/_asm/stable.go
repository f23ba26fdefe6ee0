package main

import "math"

// The number is that of kernels/stable.go. Its chain is long and there are few
// registers, so that its parts are set aside.
var _ = define("stable", "", body{
	coefs:   []int{1, 2, 3, 4},
	crowded: true,
	draw: func(v *vec) val {
		first, second := v.aside(v.random(0)), v.aside(v.random(1))
		step := func(f func(x ...val) val, x ...val) val { return v.aside(v.few(f, x...)) }
		rest := step(func(x ...val) val { return v.mul(v.uniform(x[0]), number(0.25)) }, first)
		cosV := step(func(x ...val) val { return v.sin(x[0]) }, rest)
		turn := step(func(x ...val) val {
			return v.withSign(v.sub(v.all(number(0.25)), x[0]), x[1])
		}, rest, first)
		angle := step(func(x ...val) val { return v.add(v.mul(x[0], v.c(2)), v.c(3)) }, turn)
		cos := step(func(x ...val) val {
			return v.op(iMax, v.cos(v.sub(x[0], x[1])), number(0x1p-24))
		}, turn, angle)
		q := step(func(x ...val) val {
			exponential := v.mul(v.log2(v.uniform(x[0])), number(float32(-math.Ln2)))
			return v.div(v.op(iMax, exponential, number(0x1p-26)), x[1])
		}, second, cos)
		power := step(func(x ...val) val {
			return v.exp2(v.mul(v.neg(v.log2(v.mul(x[0], x[1]))), v.c(4)))
		}, q, cosV)
		return v.few(func(x ...val) val { return v.mul(v.mul(x[0], v.sin(x[1])), x[2]) }, q, angle, power)
	},
})
