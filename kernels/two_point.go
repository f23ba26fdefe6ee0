package kernels

import "math"

// TwoPoint is a law of two values with mean zero: a rare large one, with
// probability Prob, and else a small one of the other sign, such that the mean of
// |x|^Alpha is Scale^Alpha. With rare values it is as hard as its moment allows:
// the lower bounds of Zhang et al. are made of it.
type TwoPoint struct {
	Scale float64 `json:"scale" range:"[0,inf)"`
	Alpha float64 `json:"alpha" range:"[1,2]"`
	Prob  float64 `json:"prob" range:"(0,1)"`
}

const (
	twoPointRare  = 3 // the rare value, for Scale 1
	twoPointUsual = 4
)

func (TwoPoint) Name() string    { return "two-point" }
func (TwoPoint) Kernel() *Kernel { return twoPointKernel }

func (l TwoPoint) Coef(_ int, s Sample) Coef {
	c := s.coef(l.Scale)
	odds := l.Prob / (1 - l.Prob)
	// Of values 1 and -odds, the mean is zero and the moment this:
	moment := l.Prob + float64((1-l.Prob)*math.Pow(odds, l.Alpha))
	c[rareProb] = l.Prob
	c[twoPointRare] = math.Pow(moment, -1/l.Alpha)
	c[twoPointUsual] = -odds * c[twoPointRare]
	return c
}

var twoPointKernel = noiseKernel("two_point", 1, twoPoint[float32], twoPoint[float64])

func twoPoint[T Real](c *[MaxCoef]T, w [8]uint32) (x [4]T) {
	for i := range x {
		x[i] = c[twoPointRare]
		if uniform[T](w[i]) > c[rareProb] {
			x[i] = c[twoPointUsual]
		}
	}
	return x
}

var _ = defineNoise(NoiseDefinition{
	Name:   "two-point",
	Title:  "a rare large value against many small ones, mean zero",
	Source: "lower bounds of Zhang et al. 2020, arXiv:1912.03194",
	Cases: []Noise{
		TwoPoint{Scale: 1, Alpha: 1.5, Prob: 0.01},
		TwoPoint{Scale: 0.1, Alpha: 1.2, Prob: 0.5},
	},
})
