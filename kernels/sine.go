package kernels

import "math"

// Sine is sum(p^2/2 + Amplitude*sin(p)^2): as large as a quadratic far away, and
// with curvatures from 1-2*Amplitude to 1+2*Amplitude.
type Sine struct {
	Amplitude float64 `json:"amplitude" range:"[0,inf)"`
}

func (Sine) Name() string    { return "sine" }
func (Sine) Kernel() *Kernel { return ripplesKernel }

func (o Sine) Coef(int, Step) Coef {
	return Coef{1: 0.5 / math.Pi, 2: 1, 3: 2 * o.Amplitude, 4: 0.5, 5: o.Amplitude}
}

func (o Sine) Facts(n int) (Facts, error) {
	return Facts{L: 1 + float64(2*o.Amplitude), Mu: max(0, 1-float64(2*o.Amplitude)), Spread: 5}, atLeast(1, n)
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "sine",
	Title:  "sum(p^2/2 + amplitude*sin(p)^2): nonconvex, gradients unbounded",
	Source: "p^2/2 + 3 sin(p)^2, for noise with heavy tails; Zhang et al. 2020",
	Cases:  []Objective{Sine{Amplitude: 3}, Sine{Amplitude: 0.25}},
})
