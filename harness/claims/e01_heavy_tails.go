package claims

import "fmt"

var _ = define(Claim{
	ID:        "E01",
	Statement: "clipped SGD on strongly convex functions: f - f* as k^(-(alpha-1)/alpha) under noise of tail alpha",
	Source:    "lecture, table of rates; Zhang et al. 2020, arXiv:1912.03194",
	Theory:    "-0.6667: twice the printed exponent -0.3333, which is that of the distance, at alpha = 1.5",
	NotShown:  "that the printed O() is false, which a faster rate obeys, but that it is not the rate; on one quadratic, of one law, by the schedule of the theorem",
	Rule:      AsPrinted{Printed: -1. / 3, Corrected: -2. / 3, Tolerance: 0.1},
	Run:       func(l *Lab) (Measured, error) { return excessByTime(l, "cclip-average:tau=1:alpha=1.5", 1.5) },
})

// excessByTime measures the excess of a method by step. Its coordinates are so many
// independent runs in one dimension, where to clip by coordinate is to clip by norm.
func excessByTime(l *Lab, optimizer string, alpha float64) (Measured, error) {
	dim, seeds := 64, Pick(l, 16, 64)
	var times []float64
	for t := 1 << 8; t <= Pick(l, 1<<13, 1<<15); t *= 2 {
		times = append(times, float64(t))
	}
	noise := fmt.Sprintf("stable:alpha=%v:beta=1", alpha)
	at := make([]float64, dim)
	for i := range at {
		at[i] = 2 // one from the minimum
	}
	setup := Setup{Objective: "diagonal:condition=1", Dim: dim, Noise: noise, Optimizer: optimizer, LR: 1, At: at}
	all, err := Map(l, seeds, func(i int) ([]float64, error) {
		return l.Along(setup, l.Seed(i), times, func(r *Run, _ float64) (float64, error) {
			value, err := r.Value()
			return value / float64(dim), err
		})
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci, means := exponent(l, times, all)
	return Measured{
		Value: slope, CI: ci, Seeds: seeds * dim,
		Params: fmt.Sprintf("%s lr=1, p^2/2, %d coordinates each a run, %s, steps %v..%v, f64", optimizer, dim, noise, times[0], times[len(times)-1]),
		Series: []Series{{"excess by step", times, means}},
	}, nil
}
