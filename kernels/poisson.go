package kernels

import (
	"fmt"
	"math"
)

// Poisson is the quadratic (sum of (p-p')^2)/2 over the edges of a grid, the
// five-point Laplacian in two dimensions, with what lies outside held at 1. Rows
// are Width long, the square root of the dimension where that is 0, and laid end
// to end as a helix: the right neighbour of the last point of a row is the first of
// the next. So the last row may be short, and any dimension is a grid. Its
// condition number grows as the square of the number of rows.
type Poisson struct {
	Width int `json:"width" range:"[0,inf)"`
}

func (Poisson) Name() string        { return "poisson" }
func (Poisson) Kernel() *Kernel     { return poissonKernel }
func (Poisson) Coef(int, Step) Coef { return Coef{} }

// rowWidth returns the length of the rows of a grid of n points: width, or the
// square root of n where that is 0.
func rowWidth(width, n int) (int, error) {
	switch {
	case n < 1:
		return 0, fmt.Errorf("dimension %d, want 1 or more", n)
	case width == 0:
		return int(math.Sqrt(float64(n))), nil
	case width > n:
		return 0, fmt.Errorf("dimension %d, want %d or more, the width of a row", n, width)
	}
	return width, nil
}

// gridReach is where the neighbours of a point of a grid lie: left, right, up, down.
func gridReach(width int) []int { return []int{-1, 1, -width, width} }

func (o Poisson) Facts(n int) (Facts, error) {
	width, err := rowWidth(o.Width, n)
	if err != nil {
		return Facts{}, err
	}
	// The sum of the chain of all points and of those down the columns, whose
	// curvatures are known: between the sums of the extremes.
	f := Facts{Reach: gridReach(width), Boundary: 1}
	for _, length := range []int{n, (n + width - 1) / width} {
		low, high := math.Sincos(math.Pi / 2 / float64(length+1))
		f.Mu += float64(4 * low * low)
		f.L += float64(4 * high * high)
	}
	return f, nil
}

// grid are the slots of a point's neighbours.
var grid = []Slot{{"left", Neighbour}, {"right", Neighbour}, {"up", Neighbour}, {"down", Neighbour}}

var poissonKernel = objectiveKernel("poisson", grid, poisson[float32], poisson[float64])

// The value is that of any quadratic: half of the gradient times the way to the
// minimum, at which every coordinate is 1.
func poisson[T Real](_ *[MaxCoef]T, s [][]T, acc [][Lanes]T) {
	p, g, left, right, up, down := s[0], s[1], s[2], s[3], s[4], s[5]
	for i := range p {
		gi := ((p[i] - left[i]) + (p[i] - right[i])) + ((p[i] - up[i]) + (p[i] - down[i]))
		g[i] = gi
		acc[0][i%Lanes] += T(T(0.5*gi) * (p[i] - 1))
	}
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "poisson",
	Title:  "sum((p-p')^2)/2 over the edges of a grid, 1 outside",
	Source: "the five-point Laplacian; LeVeque 2007, section 3.2",
	Cases:  []Objective{Poisson{}, Poisson{Width: 3}},
})
