package kernels

import "math"

// Rosenbrock is the chain sum(Valley*(p'-p^2)^2 + (p-1)^2) of every coordinate but
// the last, p' being the next: a valley that bends at each coordinate. It is 0 where
// all are 1, and runs start within a tenth of (-1.2, 1, -1.2, 1 ...). In four
// dimensions and more it also has a local minimum near (-1, 1, 1 ...).
type Rosenbrock struct {
	Valley float64 `json:"valley" range:"(0,inf)"`
}

func (Rosenbrock) Name() string    { return "rosenbrock" }
func (Rosenbrock) Kernel() *Kernel { return rosenbrockKernel }

func (o Rosenbrock) Coef(int, Step) Coef { return Coef{1: 2 * o.Valley, 2: 4 * o.Valley, 3: o.Valley} }

func (o Rosenbrock) Facts(n int) (Facts, error) {
	const first, spread = 1.2, 0.1
	const far = first * (1 + spread)
	return Facts{
		// By the rows of the Hessian, of which a diagonal element is at most
		// 2 + Valley*(2 + 12*p^2 - 4*p') and one beside it 4*Valley*|p|, in the box that
		// holds the first point and the minimum.
		L:     2 + float64(o.Valley*(2+12*far*far+4*far+8*far)),
		Start: 1, Spread: spread,
		Scale: func(i int) float64 { return []float64{-first, 1}[i%2] },
		Reach: []int{-1, 1}, Boundary: math.Inf(1),
	}, atLeast(2, n)
}

var rosenbrockKernel = objectiveKernel("rosenbrock",
	[]Slot{{"before", Neighbour}, {"after", Neighbour}}, rosenbrock[float32], rosenbrock[float64])

// An infinite neighbour is none: what would have it has no term.
func rosenbrock[T Real](c *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, before, after := s[0], s[1], s[2], s[3]
	for i := range p {
		b := p[i] - T(before[i]*before[i])
		if before[i] > math.MaxFloat32 {
			b = 0
		}
		a, d := after[i]-T(p[i]*p[i]), p[i]-1
		if after[i] > math.MaxFloat32 {
			a, d = 0, 0
		}
		g[i] = (T(c[1]*b) + (d + d)) - T(c[2]*T(p[i]*a))
		acc[0][i%Lanes] += T(c[3]*T(a*a)) + T(d*d)
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "rosenbrock",
	Title:  "sum(valley*(p'-p^2)^2 + (p-1)^2), p' the next",
	Source: "Rosenbrock 1960; the chain, Shang, Qiu 2006",
	Cases:  []Objective{Rosenbrock{Valley: 100}, Rosenbrock{Valley: 1}},
})
