package kernels

// Reference runs one step of u over tensors, each a list of slots of equal
// length, by the definition itself. Backends are tested against it, bit for
// bit; nothing else need be fast or slow.
//
// Scale multiplies every gradient (1 for none). Reference returns the number
// of tensors that were left alone because a norm was not finite.
func Reference[T Real](u Update, st Step, scale float64, tensors [][][]T) (skipped int) {
	k, c := u.Kernel(), u.Coef(st)
	c[CoefGrad] *= scale
	if s, ok := u.(Scaler); ok && s.Scale() != nil {
		c[CoefGrad] *= globalFactor(s.Scale(), st, &c, tensors)
	}
	if !finite(c[CoefGrad]) {
		return len(tensors)
	}
	for _, slots := range tensors {
		if len(slots[0]) == 0 {
			continue
		}
		if k.Scalar != nil {
			sums := PassSums(&k.Passes[0], &c, slots)
			if !allFinite(sums) {
				skipped++
				continue
			}
			c[CoefTensor] = k.Scalar(&c, sums)
		}
		RunPass(&k.Passes[len(k.Passes)-1], &c, slots)
	}
	return skipped
}

// globalFactor is the map of the squared norm over all gradients.
func globalFactor[T Real](m Map, st Step, c *Coef, tensors [][][]T) float64 {
	var total float64
	for _, slots := range tensors {
		total += PassSums(&SquaredNorm.Passes[0], c, slots[1:2])[0]
	}
	mc := m.Coef(st)
	return Eval(m, &mc, []float64{total})
}

// PassSums runs a pass that sums over the slots of a tensor and returns its
// totals.
func PassSums[T Real](p *Pass, c *Coef, slots [][]T) []float64 {
	units := UnitSums(p, c, slots)
	sums := make([]float64, p.Sums)
	for k := range sums {
		sums[k] = Total(units, p.Sums, k)
	}
	return sums
}

// UnitSums runs a pass that sums over consecutive units of a tensor, of which
// only its last may be shorter, and returns the sums of each, as [Total] takes
// them.
func UnitSums[T Real](p *Pass, c *Coef, slots [][]T) []T {
	rounded := Round[T](c)
	n := len(slots[0])
	units := make([]T, 0, Units(n)*p.Sums)
	unit := make([][]T, len(slots))
	for i := 0; i < n; i += Unit {
		for k := range slots {
			unit[k] = slots[k][i:min(i+Unit, n)]
		}
		acc := make([][Lanes]T, p.Sums)
		p.loop(any(rounded), any(unit), any(acc))
		for k := range acc {
			units = append(units, Fold(&acc[k]))
		}
	}
	return units
}

// RunPass runs a pass without sums over the slots of a tensor.
func RunPass[T Real](p *Pass, c *Coef, slots [][]T) {
	p.loop(any(Round[T](c)), any(slots), nil)
}

// loop runs the loop of the type that its arguments have.
func (p *Pass) loop(c, slots, acc any) {
	switch s := slots.(type) {
	case [][]float32:
		a, _ := acc.([][Lanes]float32)
		p.Loop32(c.(*[MaxCoef]float32), s, a)
	case [][]float64:
		a, _ := acc.([][Lanes]float64)
		p.Loop64(c.(*[MaxCoef]float64), s, a)
	}
}

// Round rounds the constants once to the arithmetic type.
func Round[T Real](c *Coef) *[MaxCoef]T {
	var out [MaxCoef]T
	for i, x := range c {
		out[i] = T(x)
	}
	return &out
}

func allFinite(xs []float64) bool {
	for _, x := range xs {
		if !finite(x) {
			return false
		}
	}
	return true
}
