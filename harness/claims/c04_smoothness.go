package claims

import (
	"errors"
	"fmt"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C04",
	Statement: "polynomials of degree 3 and more are (L0,L1)-smooth",
	Source:    "lecture, relaxed smoothness; " + clippingPaper,
	Theory:    "1: sup(|f''| - L1|f'|) over (power-2)^(power-2), the constant L0 of |x|^power/power at L1 = 1",
	NotShown:  "polynomials of several variables, of which some are not",
	Rule:      Exact{1, 1e-3},
	Run:       func(l *Lab) (Measured, error) { return relaxedConstant(l, []int{3, 4, 6, 9}) },
}, Claim{
	ID:        "C04a",
	Statement: "polynomials of degree 3 and more are not L-smooth: curvature grows without bound",
	Source:    "lecture, relaxed smoothness; " + clippingPaper,
	Theory:    "2: the exponent of x in the curvature of x^4/4",
	NotShown:  "what happens beyond the points that were measured",
	Rule:      SlopeWithin(2, 0.05),
	Run:       func(l *Lab) (Measured, error) { return growthOfCurvature(l, 4) },
}, Claim{
	ID:        "C05",
	Statement: "(L0,L1)-smoothness by differences of gradients, as they shrink, has the same constants",
	Source:    "lecture, the form for functions that are differentiable once; " + clippingPaper,
	Theory:    "1: the largest |g(x+d)-g(x)|/(|d|(L0+L1|g(x)|)) on the cosine of L0 = L1 = 1 as d shrinks",
	NotShown:  "a function that has no second derivative: the cosine has all",
	Rule:      Exact{1, 1e-4},
	Run:       func(l *Lab) (Measured, error) { return limitOfDifferences(l, "cosh:l0=1:l1=1") },
})

// slopes returns the gradients of an objective of one coordinate at points.
func slopes(l *Lab, objective string, points []float64) (_ []float64, err error) {
	b, err := l.Backend(kernels.F64)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	// The objective is a sum over coordinates, each of which is a point.
	p, err := problem.Open(b, problem.Spec{Objective: objective, Dim: len(points), DType: kernels.F64}, 0, l.instances)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	x, err := p.Vector()
	if err != nil {
		return nil, err
	}
	g, err := p.Vector()
	if err != nil {
		return nil, err
	}
	e, err := p.Exact(x, g)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := backend.Put(x.Buffer, points); err != nil {
		return nil, err
	}
	if err := e.Step(kernels.At(1)); err != nil {
		return nil, err
	}
	out := make([]float64, len(points))
	return out, backend.Get(g.Buffer, out)
}

// bends returns the quotients of differences of the gradient over d, to the right of
// points, and the gradients at the points.
func bends(l *Lab, objective string, points []float64, d float64) (quotients, at []float64, err error) {
	moved := make([]float64, len(points))
	for i, x := range points {
		moved[i] = x + d
	}
	if at, err = slopes(l, objective, points); err != nil {
		return nil, nil, err
	}
	next, err := slopes(l, objective, moved)
	if err != nil {
		return nil, nil, err
	}
	quotients = make([]float64, len(points))
	for i := range points {
		quotients[i] = (next[i] - at[i]) / (moved[i] - points[i])
	}
	return quotients, at, nil
}

// grid are points evenly from 0 to most.
func grid(most float64, n int) []float64 {
	out := make([]float64, n+1)
	for i := range out {
		out[i] = most * float64(i) / float64(n)
	}
	return out
}

func relaxedConstant(l *Lab, powers []int) (Measured, error) {
	ratios, err := Map(l, len(powers), func(i int) (float64, error) {
		quotients, at, err := bends(l, fmt.Sprintf("poly:power=%d", powers[i]), grid(12, 12_000), 1e-6)
		if err != nil {
			return 0, err
		}
		most := 0.0
		for k, q := range quotients {
			most = max(most, math.Abs(q)-math.Abs(at[k]))
		}
		return most / math.Pow(float64(powers[i]-2), float64(powers[i]-2)), nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(farthest(ratios, 1), fmt.Sprintf("poly, powers %d, 12001 points in [0, 12], differences over 1e-6, f64", powers))
	m.Notes = []string{fmt.Sprintf("ratios by power: %.6f", ratios)}
	return m, nil
}

func growthOfCurvature(l *Lab, power int) (Measured, error) {
	points := []float64{1, 10, 100, 1000}
	found, err := Map(l, 1, func(int) ([]float64, error) {
		quotients, _, err := bends(l, fmt.Sprintf("poly:power=%d", power), points, 1e-4)
		return quotients, err
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci := LogLog(points, found[0])
	return Measured{
		Value: slope, CI: ci, Params: fmt.Sprintf("poly:power=%d, x=1..1e3, differences over 1e-4, f64", power),
		Series: []Series{{"curvature by x", points, found[0]}},
	}, nil
}

func limitOfDifferences(l *Lab, objective string) (Measured, error) {
	widths := []float64{1e-1, 1e-2, 1e-3, 1e-4, 1e-5}
	most, err := Map(l, len(widths), func(i int) (float64, error) {
		quotients, at, err := bends(l, objective, grid(10, 10_000), widths[i])
		largest := 0.0
		for k, q := range quotients {
			largest = max(largest, math.Abs(q)/(1+math.Abs(at[k])))
		}
		return largest, err
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(most[len(most)-1], objective+", 10001 points in [0, 10], d=1e-5, f64")
	m.Notes = []string{fmt.Sprintf("by d from 1e-1 to 1e-5: %.5f", most)}
	m.Series = []Series{{"largest quotient by d", widths, most}}
	return m, nil
}
