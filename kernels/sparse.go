package kernels

// Sparse is the law that is Scale or -Scale, each with probability Prob/2, and else
// zero: gradients of which few coordinates are observed at a time.
type Sparse struct {
	Scale float64 `json:"scale" range:"[0,inf)"`
	Prob  float64 `json:"prob" range:"[0,1]"`
}

const rareProb = 2 // of the rare value, of this law and of TwoPoint

func (Sparse) Name() string    { return "sparse" }
func (Sparse) Kernel() *Kernel { return sparseKernel }

func (l Sparse) Coef(_ int, s Sample) Coef {
	c := s.coef(l.Scale)
	c[rareProb] = l.Prob
	return c
}

var sparseKernel = noiseKernel("sparse", 1, sparse[float32], sparse[float64])

func sparse[T Real](c *[MaxCoef]T, w [8]uint32) (x [4]T) {
	for i := range x {
		size := T(1)
		if uniform[T](w[i]) > c[rareProb] {
			size = 0
		}
		x[i] = withSign(size, w[i])
	}
	return x
}

var _ = defineNoise(NoiseDefinition{
	Name:   "sparse",
	Title:  "scale with either sign with probability prob, else zero",
	Source: "sparse gradients, where Adagrad has its advantage: Duchi et al. 2011",
	Cases: []Noise{
		Sparse{Scale: 1, Prob: 0.1},
		Sparse{Scale: 0.5, Prob: 1},
	},
})
