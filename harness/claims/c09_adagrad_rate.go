package claims

import (
	"fmt"
)

const adagradPaper = "Duchi, Hazan, Singer 2011"

var _ = define(Claim{
	ID:        "C09",
	Statement: "Adagrad's rate shrinks as 1/sqrt(t) where gradients stay as they are",
	Source:    "lecture, Adagrad; " + adagradPaper,
	Theory:    "-0.5: the exponent of t in the length of a step",
	NotShown:  "that this is too fast: on convex functions it is the right rate",
	Rule:      SlopeWithin(-0.5, 0.02),
	Run:       func(l *Lab) (Measured, error) { return lengthByTime(l, "adagrad") },
}, Claim{
	ID:        "C09a",
	Statement: "an average of squares in place of their sum keeps the rate",
	Source:    "lecture, from Adagrad to RMSProp; Tieleman, Hinton 2012",
	Theory:    "0: the exponent of t in the length of a step",
	NotShown:  "that it converges where gradients are noisy, which a rate that is kept does not",
	Rule:      SlopeWithin(0, 0.02),
	Run:       func(l *Lab) (Measured, error) { return lengthByTime(l, "rmsprop") },
}, Claim{
	ID:        "C09b",
	Statement: "Adagrad falls behind a minimum that moves, as the root of time",
	Source:    "lecture, Adagrad shrinks too fast",
	Theory:    "0.5: the exponent of t in the distance; speed*sigma*sqrt(t)/lr where noise outweighs the gradient",
	NotShown:  "a minimum so fast that the gradient outweighs its noise: ten times this speed gave 0.935, for then it is lost in proportion to time",
	Rule:      SlopeWithin(0.5, 0.1),
	Run:       func(l *Lab) (Measured, error) { return lagByTime(l, "adagrad", 1, 0.001) },
}, Claim{
	ID:        "C09c",
	Statement: "RMSProp stays as near to a minimum that moves",
	Source:    "lecture, from Adagrad to RMSProp",
	Theory:    "0: the exponent of t in the distance",
	NotShown:  "that minima of practice move",
	Rule:      SlopeWithin(0, 0.1),
	Run:       func(l *Lab) (Measured, error) { return lagByTime(l, "rmsprop", 0.05, 0.01) },
}, Claim{
	ID:        "C09d",
	Statement: "Adagrad never forgets a burst of large gradients; RMSProp does",
	Source:    "lecture, Adagrad shrinks too fast",
	Theory:    ">= 10: steps of Adagrad over those of RMSProp after a burst, each at the same rate; the former go with its size, the latter with its logarithm",
	NotShown:  "what rates tuned for the burst would do",
	Rule:      AtLeast{10},
	Run:       func(l *Lab) (Measured, error) { return recovery(l, "adagrad", "rmsprop") },
})

func lengthByTime(l *Lab, optimizer string) (Measured, error) {
	steps := Pick(l, 1<<15, 1<<20)
	paths, err := Map(l, 1, func(int) ([]float64, error) { return l.path(optimizer, 0.01, 1, steps) })
	if err != nil {
		return Measured{}, err
	}
	all := lengths(paths[0])
	var times, sizes []float64
	for t := 1 << 10; t <= steps; t *= 2 {
		times, sizes = append(times, float64(t)), append(sizes, all[t-1])
	}
	slope, ci := LogLog(times, sizes)
	return Measured{
		Value: slope, CI: ci, Params: fmt.Sprintf("%s lr=0.01, gradient 1, steps 2^10..%d, f64", optimizer, steps),
		Series: []Series{{optimizer + ", length of step", times, sizes}},
	}, nil
}

// lagByTime measures how far behind a minimum that moves the mean of many coordinates
// is, whose gradients have noise of size 1.
func lagByTime(l *Lab, optimizer string, lr, speed float64) (Measured, error) {
	const dim = 256
	seeds := Pick(l, 4, 16)
	var times []float64
	for t := 1 << 10; t <= Pick(l, 1<<13, 1<<16); t *= 2 {
		times = append(times, float64(t))
	}
	setup := Setup{
		Objective: fmt.Sprintf("drift:speed=%v", speed), Dim: dim, Noise: "gaussian:scale=1",
		Optimizer: optimizer, LR: lr, At: make([]float64, dim),
	}
	lags, err := Map(l, seeds, func(i int) ([]float64, error) {
		return l.Along(setup, l.Seed(i), times, func(r *Run, t float64) (lag float64, err error) {
			p, err := r.Point()
			for _, x := range p {
				lag += (speed*t - x) / dim
			}
			return lag, err
		})
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci, means := exponent(l, times, lags)
	return Measured{
		Value: slope, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("%s lr=%v, drift:speed=%v, dim=%d, gaussian:scale=1, steps %v..%v, f64", optimizer, lr, speed, dim, times[0], times[len(times)-1]),
		Series: []Series{{optimizer + ", distance by step", times, means}},
	}, nil
}

// recovery measures how many steps after a burst each comes to a share of 1e-4.
func recovery(l *Lab, slow, fast string) (Measured, error) {
	optimizers := []string{slow, fast}
	steps, err := Map(l, 2, func(i int) (float64, error) {
		run, err := l.Start(Setup{Objective: "burst:factor=1000:from=1:steps=10", Dim: 1, Optimizer: optimizers[i], LR: 0.01, At: []float64{0}}, 0)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		if err := run.Steps(10); err != nil {
			return 0, err
		}
		reached, err := run.Until(100_000_000, func(value, _ float64) bool { return value <= 1e-4 })
		if err == nil && !reached {
			err = fmt.Errorf("%s: not there after %d steps", optimizers[i], run.T)
		}
		return float64(run.T - 10), err
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(steps[0]/steps[1], slow+" and "+fast+" lr=0.01, burst:factor=1000:steps=10, to a value of 1e-4, f64")
	m.Notes = []string{fmt.Sprintf("steps: %.0f and %.0f", steps[0], steps[1])}
	return m, nil
}

var _ = define(Claim{
	ID:        "E06",
	Statement: "Adagrad and Adam are printed without a rate: their first step is then 1 in every coordinate",
	Source:    "lecture, Adagrad and the matrix form of Adam",
	Theory:    "1: the length of the first step at a rate of 1, however small the gradient",
	NotShown:  "that a rate of 1 is always wrong: it is a question of units",
	Rule:      Exact{1, 1e-3},
	Run: func(l *Lab) (Measured, error) {
		sizes := []float64{1e-3, 1, 1e3}
		var all []float64
		for _, optimizer := range []string{"adagrad", "adam"} {
			steps, err := Map(l, len(sizes), func(i int) (float64, error) {
				p, err := l.path(optimizer, 1, sizes[i], 1)
				return lengths(p)[0], err
			})
			if err != nil {
				return Measured{}, err
			}
			all = append(all, steps...)
		}
		m := Exactly(farthest(all, 1), "adagrad and adam lr=1, one gradient of 1e-3, 1, 1e3, f64")
		m.Notes = []string{fmt.Sprintf("the lengths: %.8g; the one that is farthest from 1 counts", all)}
		return m, nil
	},
})
