package kernels

import "slices"

// Reference runs one step of u over tensors, each a list of slots of equal
// length, by the definition itself. Backends are tested against it, bit for
// bit; nothing else need be fast or slow.
//
// Scale multiplies every gradient (1 for none). Reference returns the number
// of tensors that were left alone because a norm was not finite.
func Reference[T Real](u Update, st Step, scale float64, tensors [][][]T) (skipped int) {
	s := Float32
	if _, wide := any(T(0)).(float64); wide {
		s = FindStorage("f64")
	}
	f, _ := u.Kernel().In(s)
	return ReferenceIn(f, u, st, scale, tensors)
}

// ReferenceIn is [Reference] over the arrays of a form of the kernel of u. What
// is in them are numbers of the types that the form has: they are rounded after
// every update.
func ReferenceIn[T Real](f *Stored, u Update, st Step, scale float64, tensors [][][]T) (skipped int) {
	c := u.Coef(st)
	c[CoefGrad] *= scale
	if s, ok := u.(Scaler); ok && s.Scale() != nil {
		c[CoefGrad] *= globalFactor(s.Scale(), st, &c, tensors)
	}
	if !finite(c[CoefGrad]) {
		return len(tensors)
	}
	for _, arrays := range tensors {
		if len(arrays[0]) == 0 {
			continue
		}
		if f.Scalar != nil {
			sums := PassSums(f, 0, &c, arrays)
			if !allFinite(sums) {
				skipped++
				continue
			}
			c[CoefTensor] = f.Scalar(&c, sums)
		}
		RunPass(f, len(f.Passes)-1, &c, arrays)
	}
	return skipped
}

// globalFactor is the map of the squared norm over all gradients.
func globalFactor[T Real](m Map, st Step, c *Coef, tensors [][][]T) float64 {
	var total float64
	for _, arrays := range tensors {
		total += SumSquares(c, arrays[1])
	}
	mc := m.Coef(st)
	return Eval(m, &mc, []float64{total})
}

// SumSquares is [SquaredNorm] over one array.
func SumSquares[T Real](c *Coef, x []T) float64 {
	return PassSums(SquaredNorm.Float32(), 0, c, [][]T{x})[0]
}

// PassSums runs a pass that sums over the arrays of a tensor and returns its
// totals.
func PassSums[T Real](f *Stored, pass int, c *Coef, arrays [][]T) []float64 {
	units := UnitSums(f, pass, c, arrays)
	p := &f.Passes[pass]
	sums := make([]float64, p.Sums)
	for k := range sums {
		sums[k] = Total(units, p.Sums, k)
	}
	return sums
}

// UnitSums runs a pass that sums over consecutive units of a tensor, of which
// only its last may be shorter, and returns the sums of each, as [Total] takes
// them.
func UnitSums[T Real](f *Stored, pass int, c *Coef, arrays [][]T) []T {
	RunPass(f, pass, c, arrays)
	p := &f.Passes[pass]
	rounded, terms := Round[T](c), choose[Terms[T]](p.Terms32, p.Terms64)
	n := len(arrays[0])
	units := make([]T, 0, Units(n)*p.Sums)
	slots := Slots(f, arrays)
	unit := make([][]T, len(slots))
	for i := 0; i < n; i += Unit {
		for k := range unit {
			unit[k] = slots[k][i:min(i+Unit, n)]
		}
		acc := make([][Lanes]T, p.Sums)
		terms(rounded, unit, acc)
		for k := range acc {
			units = append(units, Fold(&acc[k]))
		}
	}
	return units
}

// RunPass runs what a pass updates over the arrays of a tensor.
func RunPass[T Real](f *Stored, pass int, c *Coef, arrays [][]T) {
	p := &f.Passes[pass]
	if draw := choose[Drawing[T]](p.Draw32, p.Draw64); draw != nil {
		draw(Round[T](c), 0, Slots(f, arrays))
		return
	}
	update := choose[Loop[T]](p.Update32, p.Update64)
	if update == nil {
		return
	}
	update(Round[T](c), Slots(f, arrays))
	if f.HasMaster() && f.Access(pass)[0] == Write {
		copy(arrays[0], arrays[len(f.Slots)])
	}
	for i, a := range f.Access(pass) {
		if x, ok := any(arrays[i]).([]float32); ok && a&Write != 0 {
			f.Types[i].Round(x)
		}
	}
}

// Slots returns the arrays that loops work on, slot by slot: the master copy in
// place of the parameters.
func Slots[T any](f *Stored, arrays []T) []T {
	if !f.HasMaster() {
		return arrays
	}
	slots := slices.Clone(arrays[:len(f.Slots)])
	slots[0] = arrays[len(f.Slots)]
	return slots
}

// choose returns the one of two functions that has type F.
func choose[F any](f32, f64 any) F {
	if f, ok := f32.(F); ok {
		return f
	}
	return f64.(F)
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
