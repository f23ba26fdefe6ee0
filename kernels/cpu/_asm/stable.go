package main

import "math"

// The number is that of kernels/stable.go. Its chain is long and there are few
// registers, so that parts of it are set aside.
var _ = define("stable", "", body{
	coefs:   []int{1, 2, 3, 4},
	crowded: true,
	draw: func(v *vec) val {
		first, second := v.aside(v.random(0)), v.aside(v.random(1))
		step := func(f func(x ...val) val, x ...val) val { return v.aside(v.few(f, x...)) }
		rest := step(func(x ...val) val { return v.mul(v.uniform(x[0]), number(0.25)) }, first)
		angle := step(func(x ...val) val {
			turn := v.withSign(v.sub(v.all(number(0.25)), x[0]), x[1])
			return v.add(v.mul(turn, v.c(2)), v.c(3))
		}, rest, first)
		var sinV, cosA val
		cosV := step(func(x ...val) val {
			cos, sin := v.sincosWithin(x[0])
			sinV = append(sinV, v.aside(v.withSign(sin, x[1]))...)
			return cos
		}, rest, first)
		sinA := step(func(x ...val) val {
			sin, cos := v.sincosWithin(x[0])
			cosA = append(cosA, v.aside(cos)...)
			return sin
		}, angle)
		cos := step(func(x ...val) val {
			return v.op(iMax, v.add(v.mul(x[0], x[1]), v.mul(x[2], x[3])), number(0x1p-24))
		}, cosV, cosA, sinV, sinA)
		q := step(func(x ...val) val {
			exponential := v.mul(v.log2(v.uniform(x[0])), number(float32(-math.Ln2)))
			return v.div(v.op(iMax, exponential, number(0x1p-26)), x[1])
		}, second, cos)
		return v.few(func(x ...val) val {
			power := v.exp2Within(v.mul(v.neg(v.log2(v.mul(x[0], x[1]))), v.c(4)))
			return v.mul(v.mul(x[0], x[2]), power)
		}, q, cosV, sinA)
	},
})
