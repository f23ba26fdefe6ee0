package kernels

// Pareto is the law of a sign times U^(-1/Tail), with U uniform in (0, 1]: at
// least 1 in magnitude, and beyond x with probability x^-Tail, times Scale. Its
// moments below Tail exist and no others. The mean of two has no such law: a batch
// cannot be drawn at once.
type Pareto struct {
	Scale float64 `json:"scale" range:"[0,inf)"`
	Tail  float64 `json:"tail" range:"(0,inf)"`
}

const (
	paretoInverse = 2 // 1/tail
	paretoMean    = 3 // of the skewed law, tail/(tail-1)
)

func (Pareto) Name() string    { return "pareto" }
func (Pareto) Kernel() *Kernel { return paretoKernel }

func (p Pareto) Coef(_ int, s Sample) Coef {
	c := s.coef(p.Scale)
	c[paretoInverse] = 1 / p.Tail
	return c
}

var paretoKernel = noiseKernel("pareto", 1, pareto[float32], pareto[float64])

func pareto[T Real](c *[MaxCoef]T, w [8]uint32) (x [4]T) {
	for i := range x {
		x[i] = withSign(paretoSize(c, w[i]), w[i])
	}
	return x
}

// paretoSize is U^(-1/tail).
func paretoSize[T Real](c *[MaxCoef]T, word uint32) T {
	return exp2(T(-log2(uniform[T](word)) * c[paretoInverse]))
}

var _ = defineNoise(NoiseDefinition{
	Name:   "pareto",
	Title:  "symmetric, beyond x with probability x^-tail",
	Source: "heavy tails of Zhang et al. 2020, arXiv:1912.03194",
	Cases: []Noise{
		Pareto{Scale: 1, Tail: 1.5},
		Pareto{Scale: 0.1, Tail: 3},
	},
})
