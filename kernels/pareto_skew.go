package kernels

// ParetoSkew is the law of U^(-1/Tail) less its mean, Tail/(Tail-1), times Scale,
// with U as for [Pareto]: a heavy tail above zero alone.
type ParetoSkew struct {
	Scale float64 `json:"scale" range:"[0,inf)"`
	Tail  float64 `json:"tail" range:"(1,inf)"`
}

func (ParetoSkew) Name() string    { return "pareto-skew" }
func (ParetoSkew) Kernel() *Kernel { return paretoSkewKernel }

func (p ParetoSkew) Coef(n int, s Sample) Coef {
	c := Pareto(p).Coef(n, s)
	c[paretoMean] = p.Tail / (p.Tail - 1)
	return c
}

var paretoSkewKernel = noiseKernel("pareto_skew", 1, paretoSkew[float32], paretoSkew[float64])

func paretoSkew[T Real](c *[MaxCoef]T, w [8]uint32) (x [4]T) {
	for i := range x {
		x[i] = paretoSize(c, w[i]) - c[paretoMean]
	}
	return x
}

var _ = defineNoise(NoiseDefinition{
	Name:   "pareto-skew",
	Title:  "skewed, beyond x with a probability like x^-tail, mean zero",
	Source: "heavy tails of Zhang et al. 2020, arXiv:1912.03194",
	Cases: []Noise{
		ParetoSkew{Scale: 1, Tail: 1.5},
		ParetoSkew{Scale: 0.1, Tail: 3},
	},
})
