package kernels

import "math"

// Gaussian is the normal law with mean zero and standard deviation Scale, or that
// of the mean of Batch such numbers. Numbers come in pairs, by the transformation
// of Box and Muller (1958); none is beyond 6.67 standard deviations, where one in
// 4e10 would be.
type Gaussian struct {
	Scale float64 `json:"scale" range:"[0,inf)"`
	Batch int     `json:"batch" range:"[1,inf)"`
}

func (Gaussian) Name() string    { return "gaussian" }
func (Gaussian) Kernel() *Kernel { return gaussianKernel }

func (g Gaussian) Coef(_ int, s Sample) Coef {
	return s.coef(g.Scale / math.Sqrt(float64(g.Batch)))
}

var gaussianKernel = noiseKernel("gaussian", 1, gaussian[float32], gaussian[float64])

func gaussian[T Real](_ *[MaxCoef]T, w [8]uint32) [4]T {
	a, b := normals[T](w[0], w[1])
	c, d := normals[T](w[2], w[3])
	return [4]T{a, b, c, d}
}

// normals returns two independent numbers of the standard normal law.
func normals[T Real](radius, angle uint32) (a, b T) {
	q := T(-2 * math.Ln2 * log2(uniform[T](radius)))
	if !(q > 0) {
		q = 0 // the logarithm of 1 is rounded
	}
	r := sqrt(q)
	sin, cos := direction[T](angle)
	return T(r * cos), T(r * sin)
}

var _ = defineNoise(NoiseDefinition{
	Name:   "gaussian",
	Title:  "normal with standard deviation scale, or the mean of a batch of such",
	Source: "Box, Muller 1958",
	Cases: []Noise{
		Gaussian{Scale: 1, Batch: 1},
		Gaussian{Scale: 0.1, Batch: 16},
	},
})
