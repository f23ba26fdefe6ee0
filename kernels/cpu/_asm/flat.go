package main

// flat is flatPart of package kernels: slope and value.
func (v *vec) flat(x val) (slope, value val) {
	t := v.where(greater, x, one, v.all(one), x)
	t = v.where(less, t, number(-1), v.all(number(-1)), t)
	q := v.mul(t, t)
	far := v.sub(v.abs(x), v.abs(t))
	slope = v.mul(t, v.sub(v.all(number(3)), q))
	value = v.mul(v.mul(q, v.sub(v.all(number(6)), q)), number(0.25))
	return slope, v.add(value, v.add(far, far))
}
