package main

import "math"

var _ = define("stable", "", body{
	coefs: []int{1, 2, 3, 4},
	draw: func(v *vec) val {
		first, second := v.aside(v.random(0)), v.aside(v.random(1))
		return v.few(2, func(w ...val) val { return v.stable(w[0], w[1]) }, first, second)
	},
})

// stable is stableNumber of kernels/stable.go, line by line.
func (v *vec) stable(word, other val) val {
	rest := v.mul(v.uniform(word), number(0.25))
	cosV := v.sin(rest)
	turn := v.withSign(v.sub(v.all(number(0.25)), rest), word)
	a := v.add(v.mul(turn, v.c(2)), v.c(3))
	cos := v.op(iMax, v.cos(v.sub(turn, a)), number(0x1p-24))
	exponential := v.mul(v.log2(v.uniform(other)), number(float32(-math.Ln2)))
	q := v.div(v.op(iMax, exponential, number(0x1p-26)), cos)
	power := v.exp2(v.mul(v.neg(v.log2(v.mul(q, cosV))), v.c(4)))
	return v.mul(v.mul(q, v.sin(a)), power)
}
