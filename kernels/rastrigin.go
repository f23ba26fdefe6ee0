package kernels

import "math"

// Rastrigin is sum(p^2 + Amplitude*(1-cos(2*pi*p))): a bowl with ripples, a local
// minimum near every point with whole coordinates.
type Rastrigin struct {
	Amplitude float64 `json:"amplitude" range:"[0,inf)"`
}

func (Rastrigin) Name() string    { return "rastrigin" }
func (Rastrigin) Kernel() *Kernel { return ripplesKernel }

func (o Rastrigin) Coef(int, Step) Coef {
	return Coef{1: 0.5, 2: 2, 3: 4 * math.Pi * o.Amplitude, 4: 1, 5: 2 * o.Amplitude}
}

func (o Rastrigin) Facts(n int) (Facts, error) {
	return Facts{L: 2 + float64(4*math.Pi*math.Pi*o.Amplitude), Spread: 5.12}, atLeast(1, n)
}

var ripplesKernel = objectiveKernel("ripples", nil, ripples[float32], ripples[float64])

// ripples is sum(c[4]*p^2 + c[5]*sin^2) of the sine of c[1]*p turns, in which
// nothing cancels near 0.
func ripples[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g := s[0], s[1]
	for i := range p {
		sin, cos := sincos(T(c[1] * p[i]))
		g[i] = T(c[2]*p[i]) + T(c[3]*T(sin*cos))
		acc[0][i%Lanes] += T(c[4]*T(p[i]*p[i])) + T(c[5]*T(sin*sin))
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "rastrigin",
	Title:  "sum(p^2 + amplitude*(1-cos(2*pi*p))): minima everywhere",
	Source: "Rastrigin 1974",
	Cases:  []Objective{Rastrigin{Amplitude: 10}, Rastrigin{Amplitude: 0.5}},
})
