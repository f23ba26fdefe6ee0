package main

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define("cosh_chain", "", body{
	coefs:   []int{1, 2, 3},
	crowded: true,
	terms: func(v *vec, s []val) []val {
		slope, value := v.cosh(v.mul(s[0], v.c(1)))
		v.term(0, v.mul(value, v.c(3)))
		return []val{nil, v.mul(slope, v.c(2))}
	},
})

// cosh is coshPart of package kernels: slope and value.
func (v *vec) cosh(x val) (slope, value val) {
	h := v.sinh(x)
	q := v.mul(h, h)
	return v.mul(h, v.sqrt(v.add(q, one))), q
}

func (v *vec) sinh(x val) val {
	q := v.mul(x, x)
	series := v.all(number(kernels.SinhSeries[3]))
	for i := 2; i >= 0; i-- {
		series = v.add(v.mul(series, q), number(kernels.SinhSeries[i]))
	}
	small := v.add(x, v.mul(x, v.mul(q, series)))
	a := v.abs(x)
	e := v.exp2(v.mul(a, number(math.Log2E)))
	y := v.sub(v.mul(e, number(0.5)), v.div(v.all(number(0.5)), e))
	y = v.or(y, v.and(x, signBit))
	return v.where(greater, a, one, y, small)
}
