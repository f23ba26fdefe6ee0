package kernels

import "math"

// Ball is the uniform law in the ball of a radius about zero, in as many dimensions
// as the array has elements: a normal direction, whose length is then that of the
// law, Radius*U^(1/n). From 1000 dimensions on the coordinates are those of the
// normal law with variance Radius^2/n, which differs from it by less than the
// samples of any use.
type Ball struct {
	Radius float64 `json:"radius" range:"[0,inf)"`
}

// ballNormal is the dimension from which on a ball is drawn as a normal law.
const ballNormal = 1000

func (Ball) Name() string    { return "ball" }
func (Ball) Kernel() *Kernel { return gaussianKernel }

// Coef makes the length of a sample of few dimensions: the direction is a function
// of the sample and can be drawn here as well.
func (b Ball) Coef(n int, s Sample) Coef {
	if n >= ballNormal {
		return s.coef(b.Radius / math.Sqrt(float64(n)))
	}
	c := s.coef(b.Radius)
	r := Round[float32](&c)
	var squares float64
	sampled(r, 1, 0, n, gaussian[float32], func(_ int, z float32) {
		squares += float64(float64(z) * float64(z))
	})
	if squares == 0 {
		return s.coef(0)
	}
	k := newCounter(r)
	radius := k.block(0, 1)[0] // of a block that no element takes
	u := exp2(log2(uniform[float32](radius)) / float32(n))
	c[noiseScale] = float64(b.Radius*float64(u)) / math.Sqrt(squares)
	return c
}

var _ = defineNoise(NoiseDefinition{
	Name:   "ball",
	Title:  "uniform in a ball of that radius",
	Source: "perturbed gradient descent: Ge et al. 2015, arXiv:1503.02101; Jin et al. 2017, arXiv:1703.00887",
	Cases: []Noise{
		Ball{Radius: 1},
		Ball{Radius: 0.01},
	},
})
