package kernels

// Combination is y = c[1]*y + c[2]*x: what methods made of several updates do to
// whole vectors between them.
var Combination = elementwise("combine",
	[]Slot{{"y", Output}, {"x", Input}}, []Access{ReadWrite, Read}, combine[float32], combine[float64])

func combine[T Real](c *[MaxCoef]T, s [][]T) {
	y, x := s[0], s[1]
	for i := range y {
		y[i] = T(c[1]*y[i]) + T(c[2]*x[i])
	}
}

// Copying is y = x.
var Copying = elementwise("copy",
	[]Slot{{"y", Output}, {"x", Input}}, []Access{Write, Read}, copied[float32], copied[float64])

func copied[T Real](_ *[MaxCoef]T, s [][]T) { copy(s[0], s[1]) }
