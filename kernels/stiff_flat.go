package kernels

// StiffFlat is a flat coordinate beside stiff ones: of its first, a function that
// goes down at a slope of 2*Eps to a minimum Gap below the first point, and of every
// other Stiffness*p^2/2. The flat coordinate needs many or long steps; where there is
// noise the stiff ones punish long steps.
type StiffFlat struct {
	Eps       float64 `json:"eps" range:"(0,inf)"`
	Gap       float64 `json:"gap" range:"(0,inf)"`
	Stiffness float64 `json:"stiffness" range:"(0,inf)"`
}

func (StiffFlat) Name() string          { return "stiff-flat" }
func (StiffFlat) Kernel() *Kernel       { return stiffFlatKernel }
func (o StiffFlat) Coef(int, Step) Coef { return Coef{1: o.Eps} }

func (o StiffFlat) Facts(n int) (Facts, error) {
	start, err := flatStart(o.Eps, o.Gap)
	if err != nil {
		return Facts{}, err
	}
	return Facts{
		L:     max(o.Stiffness, 3*o.Eps),
		Start: 1,
		Scale: func(i int) float64 {
			if i == 0 {
				return start
			}
			return 1
		},
		Data: func(_, i int) float64 {
			if i == 0 {
				return 0
			}
			return o.Stiffness
		},
	}, atLeast(1, n)
}

// The coordinate without stiffness is flat.
var stiffFlatKernel = objectiveKernel("stiff_flat", []Slot{{"stiffness", Input}}, stiffFlat[float32], stiffFlat[float64])

func stiffFlat[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, h := s[0], s[1], s[2]
	for i := range p {
		slope, value := flatPart(p[i])
		gi := T(h[i] * p[i])
		vi := T(T(0.5*gi) * p[i])
		if !(h[i] > 0) {
			gi, vi = T(c[1]*slope), T(c[1]*value)
		}
		g[i] = gi
		acc[0][i%Lanes] += vi
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "stiff-flat",
	Title:  "one flat coordinate, and stiffness*p^2/2 of the others",
	Source: "what separates GD, accelerated, cubic and SPIDER's rates",
	Cases: []Objective{
		StiffFlat{Eps: 0.01, Gap: 1, Stiffness: 1},
		StiffFlat{Eps: 0.1, Gap: 0.125, Stiffness: 0.2},
	},
})
