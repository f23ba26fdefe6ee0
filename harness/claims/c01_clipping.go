package claims

import (
	"fmt"
	"math"

	"github.com/optbench/optbench/kernels"
)

// The functions of theorems 3 and 4: a coordinate of a hyperbolic cosine, whose slope
// at the first point is steep, beside a flat one, at L0 = L1 = 1 and a gap of 1.
const (
	clippedRate = 0.1 // 1/(10 L0)
	clippedNorm = 1   // min(1/eta, 1/(10 L1 eta)) of that rate
)

var clippedGD = fmt.Sprintf("clipped-gd:max_norm=%v", clippedNorm)

const clippingPaper = "Zhang, He, Sra, Jadbabaie 2020, arXiv:1905.11881"

var _ = define(Claim{
	ID:        "C01",
	Statement: "clipped descent takes as many steps however steep the function begins",
	Source:    "lecture, theorem 3; " + clippingPaper,
	Theory:    "0: the bound of theorem 3 has no term in the gradient bound M",
	NotShown:  "the same for other (L0,L1)-smooth functions, or that constants could not be better",
	Rule:      SlopeWithin(0, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsBySteepness(l, clippedGD) },
}, Claim{
	ID:        "C01a",
	Statement: "clipped descent takes steps in proportion to 1/eps^2",
	Source:    "lecture, theorem 3; " + clippingPaper,
	Theory:    "2: the bound's leading term, which this instance attains",
	NotShown:  "that no (L0,L1)-smooth function takes more: the theorem says so, one instance cannot",
	Rule:      SlopeWithin(2, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByPrecision(l, clippedGD) },
}, Claim{
	ID:        "C01b",
	Statement: "clipped descent takes at most 20 L0 gap/eps^2 + 20 max(1,L1^2) gap/L0 steps",
	Source:    "lecture, theorem 3; " + clippingPaper,
	Theory:    "<= 1: the most steps as a share of the bound, with the gap of the flat part alone",
	NotShown:  "that the bound holds for all (L0,L1)-smooth functions",
	Rule:      AtMost{1},
	Run:       func(l *Lab) (Measured, error) { return shareOfBound(l, clippedGD) },
}, Claim{
	ID:        "C02",
	Statement: "descent by a fixed step takes steps in proportion to M/log M",
	Source:    "lecture, theorem 4; " + clippingPaper,
	Theory:    "1: the exponent of M in steps*(1+log M)",
	NotShown:  "what decaying or adaptive steps could do",
	Rule:      SlopeWithin(1, 0.05),
	Run:       func(l *Lab) (Measured, error) { return fixedSteps(l, "sgd") },
}, Claim{
	ID:        "C02a",
	Statement: "descent by a fixed step takes at least L1 M (gap - 5 eps/8)/(8 eps^2 (1+log M)) steps",
	Source:    "lecture, theorem 4; " + clippingPaper,
	Theory:    ">= 1: the least ratio of steps, at the best fixed step, to the bound",
	NotShown:  "that other functions of the class are not worse; gap is that of the flat part, as of the theorem's two functions of one dimension each, and their sum has one that is larger by about M",
	Rule:      AtLeast{1},
	Run:       func(l *Lab) (Measured, error) { return fixedOverBound(l, "sgd") },
}, Claim{
	ID:        "C02b",
	Statement: "a fixed step can be arbitrarily slower than clipping",
	Source:    "lecture, after theorem 4; " + clippingPaper,
	Theory:    ">= 10: steps at the best fixed step over those of clipping, at the largest M, growing without bound",
	NotShown:  "a limit: the ratio is below 1 for small M, where a fixed step wins",
	Rule:      AtLeast{10},
	Run:       func(l *Lab) (Measured, error) { return fixedOverClipped(l, "sgd", clippedGD) },
}, Claim{
	ID:        "C03",
	Statement: "clipped and normalized descent take the same steps but for a factor of 2",
	Source:    "lecture, clipping and normalization; " + clippingPaper,
	Theory:    "[1, 2]: the ratio of their steps for one gradient, 2 where the gradient is at the threshold",
	NotShown:  "anything about noise, under which they differ",
	Rule:      Proportion{1 - 1e-12, 2 + 1e-12},
	Run:       func(l *Lab) (Measured, error) { return ratioOfSteps(l, clippedGD) },
}, Claim{
	ID:        "E07",
	Statement: "M of theorem 4 is read as the constant of (L,M)-smoothness: then steps do not depend on it",
	Source:    "lecture, smoothness and theorem 4, which use one letter for two things",
	Theory:    "1.84: steps if the bound M on the gradient doubles from 1e3, L0 and L1 as they were; printed 1",
	NotShown:  "which of the two names is the better one",
	Rule:      AsPrinted{Printed: 1, Corrected: 2 * (1 + math.Log(1e3)) / (1 + math.Log(2e3)), Tolerance: 0.05},
	Run:       func(l *Lab) (Measured, error) { return doubledBound(l, "sgd") },
})

// coshFlat are the steps that take the gradient of the two coordinates to eps, or 0
// where it does not come there.
func coshFlat(l *Lab, optimizer string, lr, slope, eps float64) (float64, error) {
	run, err := l.Start(Setup{
		Objective: fmt.Sprintf("cosh-flat:slope=%v:eps=%v", slope, eps), Dim: 2, Optimizer: optimizer, LR: lr,
		At: []float64{math.Asinh(slope), 1 + (1-1.25*eps)/(2*eps)},
	}, 0)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	reached, err := run.Until(50_000_000, func(_, norm float64) bool { return norm <= eps })
	if err != nil || !reached {
		return 0, err
	}
	return float64(run.T), nil
}

func steepnesses(l *Lab) []float64 {
	return Pick(l, []float64{10, 100, 1e3, 1e4}, []float64{10, 100, 1e3, 1e4, 1e5})
}

// each measures steps for every value, and refuses a run that does not arrive.
func each(l *Lab, values []float64, steps func(value float64) (float64, error)) ([]float64, error) {
	return Map(l, len(values), func(i int) (float64, error) {
		n, err := steps(values[i])
		if err == nil && n == 0 {
			err = fmt.Errorf("at %v the gradient does not come below the target", values[i])
		}
		return n, err
	})
}

func clippedBySteepness(l *Lab, optimizer string, eps float64) (slopes, steps []float64, err error) {
	slopes = steepnesses(l)
	steps, err = each(l, slopes, func(m float64) (float64, error) { return coshFlat(l, optimizer, clippedRate, m, eps) })
	return slopes, steps, err
}

func stepsBySteepness(l *Lab, optimizer string) (Measured, error) {
	const eps = 0.01
	slopes, steps, err := clippedBySteepness(l, optimizer, eps)
	if err != nil {
		return Measured{}, err
	}
	slope, ci := LogLog(slopes, steps)
	return Measured{
		Value: slope, CI: ci, Series: []Series{{"clipped, steps by M", slopes, steps}},
		Params: fmt.Sprintf("%s lr=%v, cosh-flat L0=L1=1 gap=1 eps=%v, M=%v..%v, f64", optimizer, clippedRate, eps, slopes[0], slopes[len(slopes)-1]),
		Notes:  []string{fmt.Sprintf("steps by M: %.0f", steps)},
	}, nil
}

func clippedByPrecision(l *Lab, optimizer string) (precisions, steps []float64, err error) {
	precisions = Pick(l, []float64{0.02, 0.01, 0.005, 0.0025}, []float64{0.01, 0.005, 0.0025, 0.00125, 0.000625})
	steps, err = Once(l, "steps by precision of "+optimizer, func() ([]float64, error) {
		return each(l, precisions, func(eps float64) (float64, error) { return coshFlat(l, optimizer, clippedRate, 100, eps) })
	})
	return precisions, steps, err
}

func stepsByPrecision(l *Lab, optimizer string) (Measured, error) {
	precisions, steps, err := clippedByPrecision(l, optimizer)
	if err != nil {
		return Measured{}, err
	}
	slope, ci := LogLog(precisions, steps)
	return Measured{
		Value: -slope, CI: [2]float64{-ci[1], -ci[0]}, Series: []Series{{"clipped, steps by eps", precisions, steps}},
		Params: fmt.Sprintf("%s lr=%v, cosh-flat L0=L1=1 gap=1 M=100, eps=%v..%v, f64", optimizer, clippedRate, precisions[0], precisions[len(precisions)-1]),
		Notes:  []string{fmt.Sprintf("steps by eps: %.0f", steps)},
	}, nil
}

func shareOfBound(l *Lab, optimizer string) (Measured, error) {
	precisions, steps, err := clippedByPrecision(l, optimizer)
	if err != nil {
		return Measured{}, err
	}
	most := 0.0
	for i, eps := range precisions {
		most = max(most, steps[i]/(20/(eps*eps)+20))
	}
	return Exactly(most, fmt.Sprintf("%s lr=%v, cosh-flat L0=L1=1 gap=1 M=100, eps=%v..%v, f64", optimizer, clippedRate, precisions[0], precisions[len(precisions)-1])), nil
}

// fixedEps is the precision at which fixed steps are measured: their number goes as M
// over its square.
func fixedEps(l *Lab) float64 { return Pick(l, 0.02, 0.01) }

// bestFixed are the steps at the best of fixed steps on a grid below the longest that
// is stable on the cosine, 2 asinh(M)/M. That step itself is left out: there the cosine
// swings from side to side until rounding ends it, and with longer ones for ever.
func bestFixed(l *Lab, optimizer string, slope, eps float64) (float64, error) {
	longest := 2 * math.Asinh(slope) / slope
	best := 0.0
	for _, share := range []float64{0.99, 0.84, 0.7} {
		n, err := coshFlat(l, optimizer, share*longest, slope, eps)
		if err != nil {
			return 0, err
		}
		if n > 0 && (best == 0 || n < best) {
			best = n
		}
	}
	return best, nil
}

func fixedBySteepness(l *Lab, optimizer string) (slopes, steps []float64, err error) {
	slopes = steepnesses(l)
	steps, err = Once(l, "best fixed steps of "+optimizer, func() ([]float64, error) {
		return each(l, slopes, func(m float64) (float64, error) { return bestFixed(l, optimizer, m, fixedEps(l)) })
	})
	return slopes, steps, err
}

func fixedParams(l *Lab, optimizer string) string {
	slopes := steepnesses(l)
	return fmt.Sprintf("%s at the best of 0.99, 0.84, 0.7 of the longest stable step, cosh-flat L0=L1=1 gap=1 eps=%v, M=%v..%v, f64", optimizer, fixedEps(l), slopes[0], slopes[len(slopes)-1])
}

func fixedSteps(l *Lab, optimizer string) (Measured, error) {
	slopes, steps, err := fixedBySteepness(l, optimizer)
	if err != nil {
		return Measured{}, err
	}
	times := make([]float64, len(steps))
	for i, m := range slopes {
		times[i] = steps[i] * (1 + math.Log(m))
	}
	slope, ci := LogLog(slopes, times)
	return Measured{
		Value: slope, CI: ci, Params: fixedParams(l, optimizer),
		Notes:  []string{fmt.Sprintf("steps by M: %.0f", steps)},
		Series: []Series{{"fixed step, steps by M", slopes, steps}},
	}, nil
}

func fixedOverBound(l *Lab, optimizer string) (Measured, error) {
	slopes, steps, err := fixedBySteepness(l, optimizer)
	if err != nil {
		return Measured{}, err
	}
	least := math.Inf(1)
	eps := fixedEps(l)
	for i, m := range slopes {
		least = min(least, steps[i]*8*eps*eps*(1+math.Log(m))/(m*(1-0.625*eps)))
	}
	return Exactly(least, fixedParams(l, optimizer)), nil
}

func fixedOverClipped(l *Lab, fixed, clipped string) (Measured, error) {
	slopes, steps, err := fixedBySteepness(l, fixed)
	if err != nil {
		return Measured{}, err
	}
	_, others, err := clippedBySteepness(l, clipped, fixedEps(l))
	if err != nil {
		return Measured{}, err
	}
	ratios := make([]float64, len(steps))
	for i := range steps {
		ratios[i] = steps[i] / others[i]
	}
	m := Exactly(ratios[len(ratios)-1], fixedParams(l, fixed)+"; "+clipped+fmt.Sprintf(" lr=%v", clippedRate))
	m.Notes = []string{fmt.Sprintf("ratios by M: %.3g", ratios)}
	m.Series = []Series{{"ratio of steps by M", slopes, ratios}}
	return m, nil
}

func doubledBound(l *Lab, optimizer string) (Measured, error) {
	slopes := []float64{1e3, 2e3}
	steps, err := each(l, slopes, func(m float64) (float64, error) { return bestFixed(l, optimizer, m, fixedEps(l)) })
	if err != nil {
		return Measured{}, err
	}
	return Exactly(steps[1]/steps[0], fmt.Sprintf("%s at its best fixed step, cosh-flat L0=L1=1 gap=1 eps=%v, M=1e3 and 2e3, f64", optimizer, fixedEps(l))), nil
}

// ratioOfSteps compares the steps of clipping with those of normalization, at lr times
// the threshold and the threshold added to the norm.
func ratioOfSteps(l *Lab, clipped string) (Measured, error) {
	var sizes []float64
	for k := -12; k <= 12; k++ {
		sizes = append(sizes, math.Pow(10, float64(k)))
	}
	ratios, err := Map(l, len(sizes), func(i int) (float64, error) {
		one := func(optimizer string, lr float64) (float64, error) {
			f, err := l.Feed(optimizer, lr, 2, kernels.F64)
			if err != nil {
				return 0, err
			}
			defer f.Close()
			p, err := f.Step(0.6*sizes[i], 0.8*sizes[i])
			return math.Hypot(p[0], p[1]), err
		}
		a, err := one(clipped, clippedRate)
		if err != nil {
			return 0, err
		}
		b, err := one(fmt.Sprintf("normalized-gd:eps=%v", clippedNorm), clippedRate*clippedNorm)
		return a / b, err
	})
	if err != nil {
		return Measured{}, err
	}
	m := Measured{Value: ratios[len(ratios)/2], CI: [2]float64{ratios[0], ratios[0]}, Params: fmt.Sprintf("%s lr=%v, gradients of 1e-12..1e12, f64", clipped, clippedRate)}
	for _, r := range ratios {
		m.CI[0], m.CI[1] = min(m.CI[0], r), max(m.CI[1], r)
	}
	m.Notes = []string{"the value is that at the threshold, the interval that of all gradients"}
	return m, nil
}
