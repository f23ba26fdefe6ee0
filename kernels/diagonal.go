package kernels

import "math"

// Diagonal is the quadratic sum(h*(p-1)^2)/2, with curvatures h from 1/Condition
// to 1: spread evenly on a logarithmic scale, in two clusters of equal size, or as
// a power law h = (i+1)^-Power, which ignores Condition.
type Diagonal struct {
	Spectrum  string  `json:"spectrum" range:"log|clusters|power"`
	Condition float64 `json:"condition" range:"[1,inf)"`
	Power     float64 `json:"power" range:"[0,inf)"`
}

func (Diagonal) Name() string        { return "diagonal" }
func (Diagonal) Kernel() *Kernel     { return diagonalKernel }
func (Diagonal) Coef(int, Step) Coef { return Coef{1: 1, 2: 1} }

// levels is how many curvatures a spectrum on a logarithmic scale has at most.
const levels = 4096

func (d Diagonal) Facts(n int) (Facts, error) {
	if err := atLeast(1, n); err != nil {
		return Facts{}, err
	}
	f := Facts{L: 1, Mu: 1 / d.Condition, Spread: 1}
	switch d.Spectrum {
	case "power":
		f.Mu = math.Pow(float64(n), -d.Power)
		f.Data = func(_, i int) float64 { return math.Pow(float64(i+1), -d.Power) }
	case "clusters":
		f.Data = func(_, i int) float64 {
			if i < (n+1)/2 {
				return 1
			}
			return f.Mu
		}
	default:
		scale := make([]float64, min(n, levels))
		for k := range scale {
			scale[k] = math.Pow(d.Condition, -float64(k)/float64(max(1, len(scale)-1)))
		}
		f.Data = func(_, i int) float64 {
			// Neighbours differ by far, as those of a model do.
			const golden = 0.6180339887498949
			if i == n-1 {
				return scale[len(scale)-1] // which no other need hit
			}
			at := float64(float64(i) * golden)
			return scale[int(float64(len(scale))*(at-math.Floor(at)))]
		}
	}
	return f, nil
}

var diagonalKernel = objectiveKernel("diagonal", []Slot{{"h", Input}}, diagonal[float32], diagonal[float64])

// The minimum is at c[1], and c[2] multiplies the gradient.
func diagonal[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, h := s[0], s[1], s[2]
	for i := range p {
		d := p[i] - c[1]
		gi := T(h[i] * d)
		g[i] = T(c[2] * gi)
		acc[0][i%Lanes] += T(T(0.5*gi) * d)
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "diagonal",
	Title:  "sum(h*(p-1)^2)/2, curvatures h from 1/condition to 1",
	Source: "the quadratic along its axes",
	Cases: []Objective{
		Diagonal{Spectrum: "log", Condition: 1e4, Power: 1},
		Diagonal{Spectrum: "clusters", Condition: 100, Power: 1},
		Diagonal{Spectrum: "power", Condition: 1, Power: 1},
	},
})
