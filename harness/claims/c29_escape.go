package claims

import (
	"fmt"
	"math"
)

const jinEtAl = "lecture, Theorem 13; Jin, Netrapalli, Ge, Kakade, Jordan 2019, arXiv:1902.04811"

var _ = define(Claim{
	ID:        "C29",
	Statement: "perturbed gradient descent takes as 1/eps^2 steps, its bound for second-order stationary points, where the way is long",
	Source:    jinEtAl,
	Theory:    "2: exponent of 1/eps in the steps until the gradient is at most eps, in O(L Delta/eps^2); logarithms aside",
	NotShown:  "that no function is worse: the way along a slope of 2 eps, which has this length, is built in; no saddle lies on it, see C29a",
	Rule:      SlopeWithin(2, 0.05),
	Run:       flatByEps,
}, Claim{
	ID:        "C29a",
	Statement: "the saddles on its way, of curvature -sqrt(rho eps), cost it less",
	Source:    jinEtAl,
	Theory:    "0.5: exponent of 1/eps in the steps to leave such a saddle, logarithms aside, which is below 2",
	NotShown:  "saddles that follow one another: each costs this much",
	Rule:      SlopeWithin(0.5, 0.05),
	Run:       func(l *Lab) (Measured, error) { return saddleByEps(l, "pgd:radius=%v:law=gaussian") },
}, Claim{
	ID:        "C29b",
	Statement: "so they do where the noise is uniform in a ball, as on the lecture's other slide",
	Source:    "lecture, perturbed gradient descent; Ge, Huang, Jin, Yuan 2015; Du et al. 2017",
	Theory:    "0.5: as C29a",
	NotShown:  "as C29a",
	Rule:      SlopeWithin(0.5, 0.05),
	Run:       func(l *Lab) (Measured, error) { return saddleByEps(l, "pgd:radius=%v:law=ball") },
}, Claim{
	ID:        "C29c",
	Statement: "so they do where there is noise once, at a small gradient",
	Source:    "lecture, Theorem 4.1, Algorithm 1; Jin et al. 2017, arXiv:1703.00887",
	Theory:    "0.5: as C29a",
	NotShown:  "as C29a",
	Rule:      SlopeWithin(0.5, 0.05),
	Run: func(l *Lab) (Measured, error) {
		return saddleByEps(l, "pgd-threshold:radius=%v:threshold=1e-12:pause=1000000")
	},
}, Claim{
	ID:        "C30",
	Statement: "its time depends on the dimension by logarithms alone",
	Source:    jinEtAl,
	Theory:    fmt.Sprintf("%.4g: steps per factor e of dimension, 1/(2 ln(1+lr*gamma))", escapePerE/2),
	NotShown:  "saddles whose coordinates depend on each other; the noise along the way out is the same in all dimensions but for its factor d^(-1/2)",
	Rule:      Near{escapePerE / 2, 0.1},
	Run:       escapeByDim,
}, Claim{
	ID:        "C34b",
	Statement: "momentum with perturbation escapes faster than perturbed gradient descent",
	Source:    "lecture, other results on second-order stationary points; Jin, Netrapalli, Jordan 2017, arXiv:1711.10456; O'Neill, Wright 2019",
	Theory:    "0.5: exponent of 1/gamma in the steps to leave a saddle of curvature -gamma, with momentum 1-sqrt(lr*gamma)",
	NotShown:  "a gain where gamma is not known; a constant momentum gains a constant alone",
	Rule:      SlopeWithin(0.5, 0.05),
	Run: func(l *Lab) (Measured, error) {
		return escapeByCurvature(l, func(gamma, noise float64) string {
			return fmt.Sprintf("perturbed-momentum:radius=%v:gamma=%v", noise, gamma)
		})
	},
}, Claim{
	ID:        "C34d",
	Statement: "perturbed gradient descent takes time in proportion to 1/gamma to leave a saddle",
	Source:    "beside C34b; " + jinEtAl,
	Theory:    "1: exponent of 1/gamma, logarithms aside",
	NotShown:  "other saddles than this",
	Rule:      SlopeWithin(1, 0.05),
	Run: func(l *Lab) (Measured, error) {
		return escapeByCurvature(l, func(_, noise float64) string { return fmt.Sprintf("pgd:radius=%v:law=gaussian", noise) })
	},
}, Claim{
	ID:        "C35",
	Statement: "normalized descent leaves the neighbourhood of a saddle within a path that does not depend on how near it passes",
	Source:    "lecture, other results; Murray, Swenson, Kar 2017, arXiv:1711.05224",
	Theory:    "<= 1: largest length of its path over 5 sqrt(condition) radius, for first distances from the stable manifold down to 1e-12",
	NotShown:  "other directions of approach than one per seed",
	Rule:      AtMost{1},
	Run:       normalizedPath,
}, Claim{
	ID:        "C35a",
	Statement: "gradient descent slows down near a saddle by the logarithm of the distance; normalized descent does not",
	Source:    "lecture, other results; Murray, Swenson, Kar 2017",
	Theory:    "0: steps of normalized descent per factor e of distance over those of gradient descent",
	NotShown:  "that it is faster on the whole, which depends on the step",
	Rule:      Near{0, 0.05},
	Run:       normalizedSlope,
}, Claim{
	ID:        "C35b",
	Statement: "normalized descent needs perturbation: on the stable manifold it does not leave, with noise it does",
	Source:    "lecture, other results; Levy 2016, arXiv:1611.04831",
	Theory:    "1: share of first points from which it leaves with noise and not without",
	NotShown:  "a rate",
	Rule:      Proportion{0.8, 1},
	Run:       normalizedNoise,
}, Claim{
	ID:        "C36",
	Statement: "ADAM-like methods can escape saddle points faster than SGD, with much better constants",
	Source:    adaptiveEscape,
	Theory:    ">= 10: steps of SGD over those of RMSProp where noise along the way out is 1000 times smaller, by which it is up to 1000",
	NotShown:  "a gain where noise is the same in all directions: there is none, see C36c; the bound O(d^4 eps^-5) is not tested",
	Rule:      AtLeast{10},
	Run:       func(l *Lab) (Measured, error) { return escapeRatio(l, "rmsprop:beta=0.99:eps=1e-8", 1000) },
}, Claim{
	ID:        "C36a",
	Statement: "so does Adam",
	Source:    adaptiveEscape,
	Theory:    ">= 10: as C36",
	NotShown:  "as C36",
	Rule:      AtLeast{10},
	Run: func(l *Lab) (Measured, error) {
		return escapeRatio(l, "adam:beta1=0.9:beta2=0.99:eps=1e-8", 1000)
	},
}, Claim{
	ID:        "C36c",
	Statement: "where noise is the same in all directions, adaptive methods have no advantage",
	Source:    "control of C36",
	Theory:    "1: times of SGD over those of RMSProp, within a factor of two",
	NotShown:  "anything but that the experiment of C36 can fail",
	Rule:      Proportion{0.5, 2},
	Run:       func(l *Lab) (Measured, error) { return escapeRatio(l, "rmsprop:beta=0.99:eps=1e-8", 1) },
}, Claim{
	ID:        "C37",
	Statement: "SGD needs no perturbation where its own noise is dispersive: it escapes by the component along the way out",
	Source:    "lecture, SGD with averaging and some tricks; Fang, Lin, Zhang 2019, arXiv:1902.00247",
	Theory:    fmt.Sprintf("%.4g: steps per factor e by which that component is smaller, 1/ln(1+lr*gamma)", escapePerE),
	NotShown:  "saddles whose coordinates depend on each other; the noise is the same for all components but for its factor",
	Rule:      Near{escapePerE, 0.2},
	Run:       escapeByAnisotropy,
}, Claim{
	ID:        "C37a",
	Statement: "without such a component SGD stays on the stable manifold for ever",
	Source:    "control of C37",
	Theory:    "0: distance from it after as many steps as others need to leave, with noise of exactly 0 along the way out",
	NotShown:  "anything but that the experiment of C37 can fail",
	Rule:      Exact{0, 0},
	Run:       noComponent,
})

const (
	adaptiveEscape = "lecture, Escaping Saddle Points with Adaptive Gradient Methods; Staib et al. 2019, arXiv:1901.09149"
	escapeRate     = 0.5 // learning rate at saddles of L = 1
	escapeGamma    = 0.1
)

// escapePerE is how many steps gradient descent takes to be e times as far from a saddle.
var escapePerE = 1 / math.Log1p(escapeRate*escapeGamma)

// saddle is the objective with its way out along the first coordinate: its minima are at
// -2 and 2 whatever its curvature.
func saddle(gamma, anisotropy float64) string {
	return fmt.Sprintf("cubic-saddle:gamma=%v:rho=%v:stiffness=1:anisotropy=%v", gamma, gamma, anisotropy)
}

// leave returns the steps until a run on the saddle is half way to a minimum, looking after
// every one, or an error after most of them.
func leave(l *Lab, s Setup, seed uint64, most int) (float64, error) {
	run, err := l.Start(s, seed)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	gone, err := gone(run, most)
	if err == nil && !gone {
		err = fmt.Errorf("%s on %s: still at the saddle after %d steps", s.Optimizer, s.Objective, run.T)
	}
	return float64(run.T), err
}

// gone takes steps until a run on the saddle has left it, or there were most.
func gone(run *Run, most int) (bool, error) {
	for run.T < most {
		if err := run.Step(1); err != nil {
			return false, err
		}
		x, err := run.First()
		if err != nil {
			return false, err
		}
		if math.Abs(x) >= 1 {
			return true, nil
		}
	}
	return false, nil
}

// byColumn runs f for every seed and every x, and fits by what fit does.
func byColumn(l *Lab, seeds int, x []float64, fit func(x, y []float64) (float64, [2]float64), f func(x float64, seed uint64) (float64, error)) (m Measured, err error) {
	values, err := Map(l, seeds*len(x), func(i int) (float64, error) { return f(x[i%len(x)], l.Seed(i/len(x))) })
	if err != nil {
		return m, err
	}
	rows := bySeed(values, len(x))
	m.Value, m.CI = Bootstrap(l, seeds, func(runs []int) float64 {
		slope, _ := fit(x, meansOf(rows, runs))
		return slope
	})
	m.Seeds = seeds
	m.Series = []Series{{"mean steps", x, meansOf(rows, indices(seeds))}}
	return m, nil
}

// semilog is [Slope] against the logarithm of x.
func semilog(x, y []float64) (slope float64, ci [2]float64) { return Slope(logs(x), y) }

func flatByEps(l *Lab) (Measured, error) {
	const dim, rate = 10, 0.5
	inverse := Pick(l, []float64{20, 40, 80, 160}, []float64{20, 40, 80, 160, 320, 640})
	m, err := byColumn(l, Pick(l, 4, 8), inverse, LogLog, func(inverse float64, seed uint64) (float64, error) {
		eps := 1 / inverse
		run, err := l.Start(Setup{
			Objective: fmt.Sprintf("stiff-flat:eps=%v:gap=1:stiffness=1", eps), Dim: dim,
			Optimizer: fmt.Sprintf("pgd:radius=%v:law=gaussian", eps), LR: rate,
		}, seed)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		ok, err := run.Until(1e8, func(_, norm float64) bool { return norm <= eps })
		if err == nil && !ok {
			err = fmt.Errorf("eps %v: gradients are larger after %d steps", eps, run.T)
		}
		return float64(run.T), err
	})
	m.Params = fmt.Sprintf("pgd radius=eps lr=%v on stiff-flat gap=1, dim=%d, eps=%.3g..%.3g, f64", rate, dim, 1/inverse[0], 1/inverse[len(inverse)-1])
	return m, err
}

func saddleByEps(l *Lab, optimizer string) (Measured, error) {
	dim := Pick(l, 100, 1000)
	inverse := Pick(l, []float64{1e2, 1e3, 1e4, 1e5}, []float64{1e2, 1e3, 1e4, 1e5, 1e6})
	m, err := byColumn(l, Pick(l, 10, 40), inverse, LogLog, func(inverse float64, seed uint64) (float64, error) {
		gamma := math.Sqrt(1 / inverse) // rho is 1; lengths are in units of gamma/rho
		return leave(l, Setup{
			Objective: saddle(gamma, 1), Dim: dim,
			// Of order eps, in units of gamma/rho.
			Optimizer: fmt.Sprintf(optimizer, gamma*1e-3), LR: escapeRate, At: make([]float64, dim), Single: true,
		}, seed, 1e6)
	})
	m.Params = fmt.Sprintf("%s lr=%v on cubic-saddle gamma=sqrt(eps), dim=%d, eps=%.3g..%.3g, from the saddle, f32", fmt.Sprintf(optimizer, "sqrt(eps)/1000"), escapeRate, dim, 1/inverse[0], 1/inverse[len(inverse)-1])
	return m, err
}

func escapeByDim(l *Lab) (Measured, error) {
	dims := Pick(l, []float64{10, 100, 1000, 10_000, 100_000}, []float64{10, 100, 1000, 10_000, 100_000, 1_000_000})
	m, err := byColumn(l, Pick(l, 10, 20), dims, semilog, func(d float64, seed uint64) (float64, error) {
		return leave(l, Setup{
			Objective: saddle(escapeGamma, 1), Dim: int(d), Optimizer: "pgd:radius=1e-2:law=gaussian", LR: escapeRate, At: make([]float64, int(d)), Single: true,
		}, seed, 1e5)
	})
	if err != nil {
		return m, err
	}
	exponent, _ := LogLog(dims, m.Series[0].Y)
	m.Params = fmt.Sprintf("pgd radius=0.01 lr=%v on cubic-saddle gamma=%v in full, dim=%.0f..%.0f, from the saddle, f32", escapeRate, escapeGamma, dims[0], dims[len(dims)-1])
	m.Notes = []string{fmt.Sprintf("as a power of the dimension: %.3f", exponent), "seeds share the noise along the way out between dimensions"}
	return m, nil
}

func escapeByCurvature(l *Lab, optimizer func(gamma, noise float64) string) (Measured, error) {
	dim := Pick(l, 30, 100)
	inverse := Pick(l, []float64{10, 40, 160, 640}, []float64{10, 100, 1000, 10_000, 100_000})
	m, err := byColumn(l, Pick(l, 8, 20), inverse, LogLog, func(inverse float64, seed uint64) (float64, error) {
		// Noise of order sqrt(gamma) leaves gradient descent as far from the saddle for
		// every gamma when it begins to leave.
		noise := 1e-6 * math.Sqrt(1/inverse)
		return leave(l, Setup{
			Objective: saddle(1/inverse, 1), Dim: dim, Optimizer: optimizer(1/inverse, noise), LR: escapeRate, At: make([]float64, dim), Single: true,
		}, seed, 1e8)
	})
	m.Params = fmt.Sprintf("%s lr=%v on cubic-saddle in full, dim=%d, gamma=%.3g..%.3g, radius 1e-6 sqrt(gamma), f32", optimizer(1, 1e-6), escapeRate, dim, 1/inverse[0], 1/inverse[len(inverse)-1])
	return m, err
}

// saddleApproach is a first point at distance 1 from the saddle along a random direction
// of its stable manifold, and off beside that.
func saddleApproach(seed uint64, dim int, off float64) []float64 {
	x := tubeStart(seed, dim)
	var square float64
	for _, v := range x[1:] {
		square += v * v
	}
	for i := range x {
		x[i] /= math.Sqrt(square)
	}
	x[0] = off
	return x
}

const (
	saddleDim    = 10
	normalizedLR = 1e-3
)

func normalizedPath(l *Lab) (Measured, error) {
	conditions := []float64{3, 10, 30, 100}
	offs := Pick(l, []float64{1e-3, 1e-6, 1e-12}, []float64{1e-1, 1e-2, 1e-3, 1e-6, 1e-9, 1e-12})
	seeds := Pick(l, 2, 10)
	shares, err := Map(l, seeds*len(offs)*len(conditions), func(i int) (float64, error) {
		c, off := conditions[i%len(conditions)], offs[i/len(conditions)%len(offs)]
		seed := l.Seed(i / len(conditions) / len(offs))
		bound := 5 * math.Sqrt(c)
		t, err := leave(l, Setup{
			Objective: saddle(1/c, 1), Dim: saddleDim, Optimizer: "normalized-gd:eps=0", LR: normalizedLR, At: saddleApproach(seed, saddleDim, off),
		}, seed, int(10*bound/normalizedLR))
		return t * normalizedLR / bound, err
	})
	if err != nil {
		return Measured{}, err
	}
	var worst float64
	for _, s := range shares {
		worst = max(worst, s)
	}
	m := Exactly(worst, fmt.Sprintf("normalized-gd lr=%v on cubic-saddle, conditions %v, dim=%d, from distance 1 to 1 along the way out, off by %v..%v, f64",
		normalizedLR, conditions, saddleDim, offs[0], offs[len(offs)-1]))
	m.Seeds = seeds
	return m, nil
}

func normalizedSlope(l *Lab) (Measured, error) {
	inverse := Pick(l, []float64{1e3, 1e6, 1e9, 1e12}, []float64{1e2, 1e4, 1e6, 1e8, 1e10, 1e12})
	slopes := make([]Measured, 2)
	for i, optimizer := range []string{"normalized-gd:eps=0", "sgd"} {
		m, err := byColumn(l, Pick(l, 3, 20), inverse, semilog, func(inverse float64, seed uint64) (float64, error) {
			return leave(l, Setup{
				Objective: saddle(escapeGamma, 1), Dim: saddleDim, Optimizer: optimizer, LR: normalizedLR, At: saddleApproach(seed, saddleDim, 1/inverse),
			}, seed, 1e7)
		})
		if err != nil {
			return m, err
		}
		m.Series[0].Name = "mean steps of " + optimizer
		slopes[i] = m
	}
	m, other := slopes[0], slopes[1]
	m.Series = append(m.Series, other.Series...)
	m.Notes = []string{fmt.Sprintf("steps per factor e: %.3g, and %.5g of gradient descent, in theory %.5g", m.Value, other.Value, 1/math.Log1p(normalizedLR*escapeGamma))}
	m.Value /= other.Value
	for i := range m.CI {
		m.CI[i] /= other.Value
	}
	m.Params = fmt.Sprintf("normalized-gd and sgd lr=%v on cubic-saddle, condition 10, dim=%d, off by %.0e..%.0e, f64", normalizedLR, saddleDim, 1/inverse[0], 1/inverse[len(inverse)-1])
	return m, nil
}

func normalizedNoise(l *Lab) (Measured, error) {
	const most = 20_000
	seeds := Pick(l, 20, 100)
	left, err := Map(l, 2*seeds, func(i int) (bool, error) {
		optimizer := "normalized-gd:eps=0"
		if i%2 == 1 {
			optimizer = "saddle-ngd:radius=1e-3:law=ball:every=10"
		}
		seed := l.Seed(i / 2)
		run, err := l.Start(Setup{Objective: saddle(escapeGamma, 1), Dim: saddleDim, Optimizer: optimizer, LR: normalizedLR, At: saddleApproach(seed, saddleDim, 0)}, seed)
		if err != nil {
			return false, err
		}
		defer run.Close()
		return gone(run, most)
	})
	if err != nil {
		return Measured{}, err
	}
	without, with, needed := make([]bool, seeds), make([]bool, seeds), make([]bool, seeds)
	for i := range needed {
		without[i], with[i] = left[2*i], left[2*i+1]
		needed[i] = with[i] && !without[i]
	}
	share, ci := Share(count(needed), seeds)
	return Measured{
		Value: share, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("saddle-ngd and normalized-gd lr=%v on cubic-saddle, condition 10, dim=%d, %d steps, f64", normalizedLR, saddleDim, most),
		Notes:  []string{fmt.Sprintf("with noise %d of %d left, without %d", count(with), seeds, count(without))},
	}, nil
}

// escapeRatio is how many times longer SGD takes than another optimizer to leave a saddle
// whose noise is smaller along the way out. Both have the same steps in the other
// directions, where noise is 1: what is left there is in the notes.
func escapeRatio(l *Lab, optimizer string, anisotropy float64) (Measured, error) {
	const dim, lr = 100, 0.01
	seeds := Pick(l, 40, 200)
	both := []string{"sgd", optimizer}
	type outcome struct{ steps, level float64 }
	out, err := Map(l, 2*seeds, func(i int) (outcome, error) {
		run, err := l.Start(Setup{
			Objective: saddle(escapeGamma, anisotropy), Dim: dim, Noise: "gaussian", Optimizer: both[i%2], LR: lr, At: make([]float64, dim), Single: true,
		}, l.Seed(i/2))
		if err != nil {
			return outcome{}, err
		}
		defer run.Close()
		left, err := gone(run, 1e6)
		if err != nil || !left {
			return outcome{}, fmt.Errorf("%s: left %v, %w", both[i%2], left, err)
		}
		t := float64(run.T)
		if err := run.Steps(1000); err != nil { // to be at the level of the noise
			return outcome{}, err
		}
		x, err := run.Point()
		var square float64
		for _, v := range x[1:] {
			square += v * v / (dim - 1)
		}
		return outcome{t, square}, err
	})
	if err != nil {
		return Measured{}, err
	}
	mean := func(runs []int, k int) float64 {
		return MeanOf(runs, func(r int) float64 { return out[2*r+k].steps })
	}
	ratio, ci := Bootstrap(l, seeds, func(runs []int) float64 { return mean(runs, 0) / mean(runs, 1) })
	all := indices(seeds)
	return Measured{
		Value: ratio, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("sgd and %s, both lr=%v, on cubic-saddle gamma=%v anisotropy=%v in full, dim=%d, normal noise, from the saddle, f32", optimizer, lr, escapeGamma, anisotropy, dim),
		Notes: []string{
			fmt.Sprintf("mean steps of sgd %.0f, of the other %.0f", mean(all, 0), mean(all, 1)),
			fmt.Sprintf("mean square in the other directions: %.3g of sgd, %.3g of the other", MeanOf(all, func(r int) float64 { return out[2*r].level }), MeanOf(all, func(r int) float64 { return out[2*r+1].level })),
		},
	}, nil
}

func escapeByAnisotropy(l *Lab) (Measured, error) {
	dim := Pick(l, 30, 1000)
	ratios := []float64{1e2, 1e4, 1e6, 1e8}
	m, err := byColumn(l, Pick(l, 10, 40), ratios, semilog, func(ratio float64, seed uint64) (float64, error) {
		return leave(l, Setup{Objective: saddle(escapeGamma, ratio), Dim: dim, Noise: "gaussian:scale=0.1", Optimizer: "sgd", LR: escapeRate, At: make([]float64, dim), Single: true}, seed, 1e5)
	})
	m.Params = fmt.Sprintf("sgd lr=%v on cubic-saddle gamma=%v in full, dim=%d, normal noise 0.1, smaller by 1e2..1e8 along the way out, f32", escapeRate, escapeGamma, dim)
	m.Notes = []string{"seeds share the noise along the way out between components"}
	return m, err
}

func noComponent(l *Lab) (Measured, error) {
	distance, err := Map(l, 1, func(int) (float64, error) {
		// Between numbers of float32 there is no 1e-60: noise along the way out is 0.
		run, err := l.Start(Setup{Objective: saddle(escapeGamma, 1e60), Dim: 30, Noise: "gaussian:scale=0.1", Optimizer: "sgd", LR: escapeRate, At: make([]float64, 30), Single: true}, l.Seed(0))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		if err := run.Steps(10_000); err != nil {
			return 0, err
		}
		x, err := run.First()
		return math.Abs(x), err
	})
	if err != nil {
		return Measured{}, err
	}
	return Exactly(distance[0], "sgd on cubic-saddle, dim=30, 10000 steps, f32"), nil
}
