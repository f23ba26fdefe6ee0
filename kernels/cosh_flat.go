package kernels

// CoshFlat is pairs of coordinates, the first of each as in [Cosh] and the second
// flat: it goes down at a slope of 2*Eps to a minimum Gap below the first point. What
// is steep at the first point forces a fixed step to be short, and with it the flat
// part takes longer the larger Slope is; clipped steps take as long for any.
type CoshFlat struct {
	L0    float64 `json:"l0" range:"(0,inf)"`
	L1    float64 `json:"l1" range:"(0,inf)"`
	Slope float64 `json:"slope" range:"(0,inf)"`
	Eps   float64 `json:"eps" range:"(0,inf)"`
	Gap   float64 `json:"gap" range:"(0,inf)"`
}

func (CoshFlat) Name() string    { return "cosh-flat" }
func (CoshFlat) Kernel() *Kernel { return coshFlatKernel }

func (o CoshFlat) Coef(int, Step) Coef {
	c := coshCoef(o.L0, o.L1)
	c[4] = o.Eps
	return c
}

func (o CoshFlat) Facts(n int) (Facts, error) {
	steep, curvature := coshStart(o.L0, o.L1, o.Slope)
	flat, err := flatStart(o.Eps, o.Gap)
	if err != nil {
		return Facts{}, err
	}
	return Facts{
		L:     max(curvature, 3*o.Eps),
		Start: 1,
		Scale: func(i int) float64 { return []float64{steep, flat}[i%2] },
		Data:  func(_, i int) float64 { return float64(i % 2) },
	}, atLeast(2, n)
}

var coshFlatKernel = objectiveKernel("cosh_flat", []Slot{{"flat", Input}}, coshFlat[float32], coshFlat[float64])

func coshFlat[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, flat := s[0], s[1], s[2]
	for i := range p {
		slope, value := coshPart(T(c[1] * p[i]))
		gi, vi := T(c[2]*slope), T(c[3]*value)
		if flat[i] > 0 {
			slope, value = flatPart(p[i])
			gi, vi = T(c[4]*slope), T(c[4]*value)
		}
		g[i] = gi
		acc[0][i%Lanes] += vi
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "cosh-flat",
	Title:  "pairs of a coordinate as of cosh and a flat one",
	Source: "what separates GD from clipped GD; Zhang et al. 2020, theorem 4",
	Cases: []Objective{
		CoshFlat{L0: 1, L1: 1, Slope: 100, Eps: 0.01, Gap: 1},
		CoshFlat{L0: 0.5, L1: 2, Slope: 1, Eps: 0.1, Gap: 0.25},
	},
})
