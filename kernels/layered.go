package kernels

import (
	"fmt"
	"math"
	"sort"
)

// Layered is the quadratic sum((p/s-1)^2)/2 over tensors whose scales s go from 1
// to Ratio, evenly on a logarithmic scale: the layers of a model, each a square
// matrix and a vector as a bias. Any Ratio is the same problem to a method whose steps
// are in proportion to the layer, from a first point that is likewise.
type Layered struct {
	Layers int     `json:"layers" range:"[1,10000]"`
	Ratio  float64 `json:"ratio" range:"[1,inf)"`
}

func (Layered) Name() string        { return "layered" }
func (Layered) Kernel() *Kernel     { return layeredKernel }
func (Layered) Coef(int, Step) Coef { return Coef{} }

func (o Layered) Facts(n int) (Facts, error) {
	if n < 2*o.Layers {
		return Facts{}, fmt.Errorf("dimension %d, want %d or more, two for each of %d layers", n, 2*o.Layers, o.Layers)
	}
	f := Facts{L: 1, Mu: 1 / float64(o.Ratio*o.Ratio), Spread: 1}
	var ends []int // of each tensor
	var scales []float64
	end := 0
	for i := range o.Layers {
		size := n / o.Layers
		if i < n%o.Layers {
			size++
		}
		// w*w + w is size.
		w := int((math.Sqrt(1+float64(4*float64(size))) - 1) / 2)
		for _, part := range []int{size - w, w} {
			f.Sizes = append(f.Sizes, part)
			end += part
			ends = append(ends, end)
			scales = append(scales, math.Pow(o.Ratio, float64(len(scales))/float64(2*o.Layers-1)))
		}
	}
	scale := func(i int) float64 { return scales[sort.SearchInts(ends, i+1)] }
	f.Scale = scale
	f.Data = func(_, i int) float64 { return 1 / scale(i) }
	return f, nil
}

var layeredKernel = objectiveKernel("layered", []Slot{{"inverse", Input}}, layered[float32], layered[float64])

func layered[T Real](_ *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, inverse := s[0], s[1], s[2]
	for i := range p {
		d := T(p[i]*inverse[i]) - 1
		g[i] = T(d * inverse[i])
		acc[0][i%Lanes] += T(T(0.5*d) * d)
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "layered",
	Title:  "sum((p/s-1)^2)/2, scales s of tensors from 1 to ratio",
	Source: "what LAMB is for; You et al. 2020",
	Cases:  []Objective{Layered{Layers: 12, Ratio: 1000}, Layered{Layers: 1, Ratio: 4}},
})
