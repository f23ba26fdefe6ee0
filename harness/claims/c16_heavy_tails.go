package claims

import (
	"fmt"
	"math"
	"slices"
)

const (
	ratesTable = "lecture, table of rates under heavy-tailed noise; Zhang et al. 2020, arXiv:1912.03194"
	// bowl is (p-1)^2/2, whose curvature is 1, of every coordinate.
	bowl = "diagonal:condition=1"
	// waves is p^2/2 + 3 sin(p)^2: not convex, with gradients that grow without bound.
	waves = "sine:amplitude=3"
	// manyRuns is how many runs of one dimension are coordinates of one vector: a seed
	// stands for all of them, and intervals are over seeds.
	manyRuns = 1 << 10
	builtIn  = "more than that the schedule does what it was made for: the exponent is in large part built in by it"
	replicas = "objective, noise and update are elementwise, and each coordinate of a vector is a run of one dimension"
)

func skewed(alpha float64) string { return fmt.Sprintf("stable:alpha=%v:beta=1", alpha) }

func strong(alpha float64) float64 { return -(alpha - 1) / alpha }

func weak(alpha float64) float64 { return -(alpha - 1) / (3*alpha - 2) }

// byAlpha defines a claim for each tail index; the first has the ID alone, the others a
// letter more.
func byAlpha(id string, alphas []float64, claim func(alpha float64) Claim) []*Claim {
	var list []Claim
	for i, alpha := range alphas {
		c := claim(alpha)
		c.ID = id + "abc"[max(0, i-1):i]
		list = append(list, c)
	}
	return define(list...)
}

var tails = []float64{1.5, 1.3, 1.8}

var _ = byAlpha("C16", tails, func(alpha float64) Claim {
	return Claim{
		Statement: fmt.Sprintf("SGD has no rate under noise of tail index %v: the expected error is infinite", alpha),
		Source:    ratesTable + `, "N/A"`,
		Theory:    fmt.Sprintf("%g: tail index of f-f* over runs, alpha/2, so that its mean is infinite", alpha/2),
		NotShown:  "an infinite mean itself, but a tail that has none as far as it was seen; medians do converge",
		Rule:      Proportion{0, 1},
		Run:       func(l *Lab) (Measured, error) { return tailOfErrors(l, bowl, "sgd", 1, alpha, excess) },
	}
})

var _ = byAlpha("C18", tails, func(alpha float64) Claim {
	return Claim{
		Statement: fmt.Sprintf("clipped SGD converges as k^(-(alpha-1)/alpha) where f is strongly convex, for alpha %v", alpha),
		Source:    ratesTable,
		Theory:    fmt.Sprintf("%.4g: exponent of f-f*; printed is %.4g, which is that of the distance", 2*strong(alpha), strong(alpha)),
		NotShown:  "that the printed O() is false, which a faster rate obeys: it is not the rate, and then the printed Omega() is false, for all of the class by the argument in the notes of this row",
		Rule:      AsPrinted{strong(alpha), 2 * strong(alpha), 0.06},
		Run:       func(l *Lab) (Measured, error) { return averageRate(l, alpha) },
	}
})

var _ = byAlpha("C20", tails, func(alpha float64) Claim {
	return Claim{
		Statement: fmt.Sprintf("clipped SGD converges as k^(-(alpha-1)/(3 alpha-2)) where f is not convex, for alpha %v", alpha),
		Source:    ratesTable,
		Theory:    fmt.Sprintf("%.4g: exponent of the mean gradient by horizon; step and threshold balance noise, bias and time", weak(alpha)),
		NotShown:  builtIn,
		Rule:      SlopeWithin(weak(alpha), 0.025),
		Run:       func(l *Lab) (Measured, error) { return waveRate(l, "cclip:alpha=0", skewed(alpha), alpha) },
	}
})

var _ = define(Claim{
	ID:        "C16c",
	Statement: "SGD has no rate where f is not convex either: the squared gradient has an infinite mean",
	Source:    ratesTable + `, "N/A"`,
	Theory:    "0.75: tail index of the squared gradient over runs, alpha/2, for alpha 1.5",
	NotShown:  "an infinite mean itself; near the middle of the law waves of the objective hide its tail",
	Rule:      Proportion{0, 1},
	Run: func(l *Lab) (Measured, error) {
		return tailOfErrors(l, waves, "sgd", 0.05, 1.5, func(_, g float64) float64 { return g * g })
	},
}, Claim{
	ID:        "C16d",
	Statement: "clipping gives the error a mean under the same noise",
	Source:    ratesTable,
	Theory:    "> 1: the tail index of f-f*; steps are bounded, and so is every moment",
	NotShown:  "a rate: see C18",
	Rule:      Above{1},
	Run:       func(l *Lab) (Measured, error) { return tailOfErrors(l, bowl, "cclip:alpha=1.5", 1, 1.5, excess) },
})

var _ = define(Claim{
	ID:        "C17",
	Statement: "under standard noise SGD converges as 1/k where f is strongly convex",
	Source:    ratesTable,
	Theory:    "-1: exponent of f-f*",
	NotShown:  "more than one quadratic; steps of 4/(mu(k+1)) are asked for by the theorem",
	Rule:      SlopeWithin(-1, 0.05),
	Run:       func(l *Lab) (Measured, error) { return lastRate(l, "sgd", "gaussian") },
}, Claim{
	ID:        "C17a",
	Statement: "under standard noise clipping costs nothing where f is strongly convex",
	Source:    ratesTable,
	Theory:    "-1: exponent of f-f*, with thresholds that grow as k^(1/2)",
	NotShown:  "more than one quadratic",
	Rule:      SlopeWithin(-1, 0.05),
	Run:       func(l *Lab) (Measured, error) { return lastRate(l, "cclip:alpha=2", "gaussian") },
}, Claim{
	ID:        "C17b",
	Statement: "under standard noise SGD converges as k^(-1/4) where f is not convex",
	Source:    ratesTable,
	Theory:    "-0.25: exponent of the mean gradient by horizon, with steps of K^(-1/2)",
	NotShown:  builtIn,
	Rule:      SlopeWithin(-0.25, 0.025),
	Run:       func(l *Lab) (Measured, error) { return waveRate(l, "sgd", "gaussian", 2) },
}, Claim{
	ID:        "C17c",
	Statement: "under standard noise clipping costs nothing where f is not convex",
	Source:    ratesTable,
	Theory:    "-0.25: exponent of the mean gradient by horizon, with thresholds of K^(1/4)",
	NotShown:  builtIn,
	Rule:      SlopeWithin(-0.25, 0.025),
	Run:       func(l *Lab) (Measured, error) { return waveRate(l, "cclip:alpha=0", "gaussian", 2) },
}, Claim{
	ID:        "C18c",
	Statement: "thresholds have to grow: under skewed noise a constant one leaves a floor",
	Source:    "control of C18",
	Theory:    "0: exponent of f-f*; what is cut off has a mean, which does not go away",
	NotShown:  "anything but that the experiment of C18 can fail",
	Rule:      SlopeWithin(0, 0.05),
	Run:       func(l *Lab) (Measured, error) { return lastRate(l, "cclip:alpha=0", skewed(1.5)) },
}, Claim{
	ID:        "C19",
	Statement: "no method is better than k^(-(alpha-1)/alpha) where f is strongly convex, for alpha 1.5",
	Source:    ratesTable + ", lower bound",
	Theory:    fmt.Sprintf("%.4g: exponent of f-f* of the best threshold on the two-point instance, that of the information in it; printed is %.4g", 2*strong(1.5), strong(1.5)),
	NotShown:  "that clipping beats the printed bound on all of the class, which is the argument in the notes of C18; that no method comes below e^(-1/2)/2 of the square of the mean here is one too",
	Rule:      AsPrinted{strong(1.5), 2 * strong(1.5), 0.06},
	Run:       twoPointBound,
})

// decay multiplies a learning rate of 1/mu as the theorem for strongly convex objectives
// has it.
func decay(t int) float64 { return 4 / float64(t+1) }

// excess is f-f* of a coordinate of the bowl.
func excess(x, _ float64) float64 { return (x - 1) * (x - 1) / 2 }

// powers are powers of two.
func powers(from, to int) []int {
	var out []int
	for k := from; k <= to; k++ {
		out = append(out, 1<<k)
	}
	return out
}

// column is one of several values that an experiment gives per time.
func column(values [][][]float64, c int) [][]float64 {
	var out [][]float64
	for _, v := range values {
		out = append(out, v[c])
	}
	return out
}

// tailOfErrors estimates the tail index of an error over runs (Hill 1975), from the
// largest one in a thousand.
func tailOfErrors(l *Lab, objective, optimizer string, lr, alpha float64, of func(x, g float64) float64) (Measured, error) {
	const steps, share = 128, 1000
	seeds := Pick(l, 512, 4096)
	parts, err := Map(l, seeds, func(i int) ([]float64, error) {
		run, err := l.Start(Setup{Objective: objective, Dim: manyRuns, Noise: skewed(alpha), Optimizer: optimizer, LR: lr, Single: true}, l.Seed(i))
		if err != nil {
			return nil, err
		}
		defer run.Close()
		for t := 1; t <= steps; t++ {
			scale := 1.0
			if objective == bowl {
				scale = decay(t)
			}
			if err := run.Step(scale); err != nil {
				return nil, err
			}
		}
		x, err := run.Point()
		if err != nil {
			return nil, err
		}
		x = slices.Clone(x)
		g, err := run.Slopes()
		for k := range x {
			x[k] = of(x[k], g[k])
		}
		return x, err
	})
	if err != nil {
		return Measured{}, err
	}
	all := slices.Concat(parts...)
	index, ci := Hill(all, len(all)/share)
	return Measured{
		Value: index, CI: ci, Seeds: len(all),
		Params: fmt.Sprintf("%s lr=%v on %s, %s, %d steps, f32; %s", optimizer, lr, objective, skewed(alpha), steps, replicas),
	}, nil
}

// Hill estimates the tail index of a law from the k largest of its numbers, with its
// asymptotic 95 % interval (Hill 1975, Ann. Statist. 3, p. 1163). It sorts x.
func Hill(x []float64, k int) (index float64, ci [2]float64) {
	slices.Sort(x)
	k = min(k, len(x)-1)
	threshold := x[len(x)-1-k]
	var sum float64
	for _, v := range x[len(x)-k:] {
		sum += math.Log(v / threshold)
	}
	index = float64(k) / sum
	half := 1.96 * index / math.Sqrt(float64(k))
	return index, [2]float64{index - half, index + half}
}

// averageRate measures the exponent of f-f* at the average that the theorem gives out,
// and beside it those at the last point and of the distance.
func averageRate(l *Lab, alpha float64) (Measured, error) {
	at := Pick(l, powers(8, 14), powers(8, 17))
	seeds := Pick(l, 12, 32)
	optimizer := fmt.Sprintf("cclip-average:tau=1:alpha=%v", alpha)
	values, err := Map(l, seeds, func(i int) ([][]float64, error) {
		run, err := l.Start(Setup{Objective: bowl, Dim: manyRuns, Noise: skewed(alpha), Optimizer: optimizer, LR: 1, Single: true}, l.Seed(i))
		if err != nil {
			return nil, err
		}
		defer run.Close()
		out := make([][]float64, 3)
		for _, k := range at {
			// The method has the schedule.
			if err := run.Steps(k - run.T); err != nil {
				return nil, err
			}
			x, err := run.Point()
			if err != nil {
				return nil, err
			}
			var distance, square float64
			for _, v := range x {
				distance += math.Abs(v-1) / manyRuns
				square += (v - 1) * (v - 1) / 2 / manyRuns
			}
			average, err := run.Value()
			if err != nil {
				return nil, err
			}
			out[0] = append(out[0], average/manyRuns)
			out[1] = append(out[1], square)
			out[2] = append(out[2], distance)
		}
		return out, nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Measured{
		Seeds:  seeds,
		Params: fmt.Sprintf("%s lr=1 on %s, %s, k=%d..%d, f32; %s", optimizer, bowl, skewed(alpha), at[0], at[len(at)-1], replicas),
	}
	for c, name := range []string{"f-f* at the average", "f-f* at the last point", "distance"} {
		slope, ci, means := exponent(l, floats(at), column(values, c))
		if c == 0 {
			m.Value, m.CI = slope, ci
		} else {
			m.Notes = append(m.Notes, fmt.Sprintf("exponent of the %s: %.3f [%.3f, %.3f]", name, slope, ci[0], ci[1]))
		}
		m.Series = append(m.Series, Series{name, floats(at), means})
	}
	m.Notes = append(m.Notes, "for all of the class: noise clipped at tau_k = G k^(1/alpha) has variance of order G^alpha tau^(2-alpha) and bias G^alpha tau^(1-alpha); with steps 4/(mu k) both leave G^2 k^(-2(alpha-1)/alpha)/mu")
	return m, nil
}

// lastRate measures the exponent of f-f* at the last point.
func lastRate(l *Lab, optimizer, noise string) (Measured, error) {
	at := Pick(l, powers(7, 13), powers(7, 16))
	seeds := Pick(l, 24, 48)
	values, err := Map(l, seeds, func(i int) ([]float64, error) {
		run, err := l.Start(Setup{Objective: bowl, Dim: manyRuns, Noise: noise, Optimizer: optimizer, LR: 1, Single: true}, l.Seed(i))
		if err != nil {
			return nil, err
		}
		defer run.Close()
		var out []float64
		for _, k := range at {
			for run.T < k {
				if err := run.Step(decay(run.T + 1)); err != nil {
					return nil, err
				}
			}
			value, _, err := run.Look()
			if err != nil {
				return nil, err
			}
			out = append(out, value/manyRuns)
		}
		return out, nil
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci, means := exponent(l, floats(at), values)
	return Measured{
		Value: slope, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("%s lr=4/(k+1) on %s, %s, k=%d..%d, f32; %s", optimizer, bowl, noise, at[0], at[len(at)-1], replicas),
		Series: []Series{{"f-f* of " + optimizer, floats(at), means}},
	}, nil
}

// waveRate measures the exponent of the mean gradient over the second half of runs, by
// their horizon, for which step and threshold are made.
func waveRate(l *Lab, optimizer, noise string, alpha float64) (Measured, error) {
	horizons := Pick(l, powers(10, 14), powers(10, 17))
	seeds := Pick(l, 10, 16)
	values, err := Map(l, seeds*len(horizons), func(i int) (float64, error) {
		k := horizons[i%len(horizons)]
		return meanSlope(l, optimizer, noise, alpha, k, l.Seed(i))
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci, means := exponent(l, floats(horizons), bySeed(values, len(horizons)))
	constants := fmt.Sprintf("lr=K^-%.3g", alpha/(3*alpha-2))
	if optimizer != plainSGD {
		constants += fmt.Sprintf(" threshold=K^%.3g", 1/(3*alpha-2))
	}
	return Measured{
		Value: slope, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("%s %s on %s, %s, K=%d..%d, f32; %s", optimizer, constants, waves, noise, horizons[0], horizons[len(horizons)-1], replicas),
		Series: []Series{{"mean gradient of " + optimizer, floats(horizons), means}},
	}, nil
}

// meanSlope is the mean size of the gradient, at 64 points of the second half of a run
// of k steps.
func meanSlope(l *Lab, optimizer, noise string, alpha float64, k int, seed uint64) (float64, error) {
	const looks = 64
	horizon := float64(k)
	setup := Setup{Objective: waves, Dim: manyRuns, Noise: noise, Optimizer: optimizer, LR: math.Pow(horizon, -alpha/(3*alpha-2)), Single: true}
	// Gclip would clip the norm of the whole vector, whose coordinates are runs.
	setup.Threshold = math.Pow(horizon, 1/(3*alpha-2))
	run, err := l.Start(setup, seed)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	if err := run.Steps(k / 2); err != nil {
		return 0, err
	}
	var mean float64
	for range looks {
		if err := run.Steps(k / 2 / looks); err != nil {
			return 0, err
		}
		g, err := run.Slopes()
		if err != nil {
			return 0, err
		}
		for _, v := range g {
			mean += math.Abs(v) / manyRuns / looks
		}
	}
	return mean, nil
}

// twoPointBound measures how the error of the best of several thresholds falls with the
// horizon K, on an instance whose noise has a rare value that in K steps does not come
// with probability e^(-1/2). Runs begin where all other samples have no gradient: without
// the rare value no method can know on which side the minimum is.
func twoPointBound(l *Lab) (Measured, error) {
	const alpha = 1.5
	horizons := Pick(l, []int{1 << 6, 1 << 8, 1 << 10, 1 << 12}, []int{1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14})
	levels := []float64{0.125, 0.25, 0.5, 1, 2, 4, 8}
	seeds := Pick(l, 12, 48)
	values, err := Map(l, seeds*len(horizons)*len(levels), func(i int) (float64, error) {
		level, k := levels[i%len(levels)], horizons[i/len(levels)%len(horizons)]
		return twoPointError(l, alpha, level, k, l.Seed(i))
	})
	if err != nil {
		return Measured{}, err
	}
	best := func(runs []int) []float64 {
		out := make([]float64, len(horizons))
		for h := range horizons {
			out[h] = math.Inf(1)
			for v := range levels {
				out[h] = min(out[h], MeanOf(runs, func(r int) float64 { return values[(r*len(horizons)+h)*len(levels)+v] }))
			}
		}
		return out
	}
	slope, ci := Bootstrap(l, seeds, func(runs []int) float64 {
		slope, _ := LogLog(floats(horizons), best(runs))
		return slope
	})
	means := best(indices(seeds))
	var over []float64
	for h, k := range horizons {
		shift := twoPointShift(alpha, k)
		over = append(over, means[h]/(shift*shift/2*math.Exp(-0.5)))
	}
	return Measured{
		Value: slope, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("cclip:alpha=%v lr=1/k on %s, two-point noise of prob 1/(2K), best of thresholds %v, K=%d..%d, f32; %s",
			alpha, bowl, levels, horizons[0], horizons[len(horizons)-1], replicas),
		Notes: []string{
			fmt.Sprintf("error over e^(-1/2)/2 times the square of the mean, below which no method comes on this instance and its mirror image: %.3f", over),
		},
		Series: []Series{{"f-f* of the best threshold", floats(horizons), means}},
	}, nil
}

// twoPointShift is how far the usual sample is from the mean of all, for a moment of
// order alpha of 1.
func twoPointShift(alpha float64, k int) float64 {
	p := 1 / (2 * float64(k))
	odds := p / (1 - p)
	return odds * math.Pow(p+(1-p)*math.Pow(odds, alpha), -1/alpha)
}

func twoPointError(l *Lab, alpha, level float64, k int, seed uint64) (float64, error) {
	at := make([]float64, manyRuns)
	for i := range at {
		at[i] = 1 + twoPointShift(alpha, k)
	}
	run, err := l.Start(Setup{
		Objective: bowl, Dim: manyRuns, Noise: fmt.Sprintf("two-point:alpha=%v:prob=%v", alpha, 1/(2*float64(k))),
		Optimizer: fmt.Sprintf("cclip:alpha=%v", alpha), LR: 1, Threshold: level, At: at, Single: true,
	}, seed)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	for t := 1; t <= k; t++ {
		if err := run.Step(1 / float64(t)); err != nil {
			return 0, err
		}
	}
	value, _, err := run.Look()
	return value / manyRuns, err
}
