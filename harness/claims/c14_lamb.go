package claims

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/optbench/optbench/kernels"
)

const lambPaper = "You et al. 2020, arXiv:1904.00962"

var _ = define(Claim{
	ID:        "C14",
	Statement: "LAMB needs no bias correction: without decay and epsilon the two forms go the same way",
	Source:    "the third version of " + lambPaper + ", against the lecture's first",
	Theory:    "0: the largest difference of the two over 500 steps; the trust ratio cancels the correction",
	NotShown:  "the same with decay or epsilon, where it does not hold, or on an objective whose gradients follow rounding",
	Rule:      Exact{0, 1e-12},
	Run:       func(l *Lab) (Measured, error) { return sameWay(l, "lamb:weight_decay=0:eps=0") },
}, Claim{
	ID:        "C15",
	Statement: "LAMB does not see the scales of layers: one rate serves for all",
	Source:    "lecture, LAMB; " + lambPaper,
	Theory:    "0: the exponent of the ratio of scales in the steps, at the rate that was best without it",
	NotShown:  "large batches on networks, which is what LAMB is for",
	Rule:      SlopeWithin(0, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByScales(l, "lamb:weight_decay=0") },
}, Claim{
	ID:        "C15a",
	Statement: "Adam sees the scales of layers: at one rate its steps go as their ratio",
	Source:    "lecture, LAMB; " + lambPaper,
	Theory:    "1: the exponent of the ratio of scales in the steps, at the rate that was best without it",
	NotShown:  "Adam with its rate tuned for every ratio, which is far better: see the notes",
	Rule:      SlopeWithin(1, 0.1),
	Run:       func(l *Lab) (Measured, error) { return stepsByScales(l, "adam") },
})

const layeredDim = 96

func layeredBy(ratio float64) string { return fmt.Sprintf("layered:layers=8:ratio=%v", ratio) }

// sameWay compares an optimizer with itself without bias correction, given the same
// gradients, by the largest difference in any coordinate of a tensor that begins at
// ones. On an objective each would meet gradients of its own, and near the minimum of a
// small tensor, where the sign of a gradient hangs on rounding, the two part.
func sameWay(l *Lab, optimizer string) (Measured, error) {
	const steps, dim = 500, 64
	most, err := Map(l, 1, func(int) (float64, error) {
		var forms [2]*Fed
		for k, name := range []string{optimizer, optimizer + ":no_debias=true"} {
			f, err := l.Feed(name, 0.01, dim, kernels.F64)
			if err != nil {
				return 0, err
			}
			defer f.Close()
			ones := make([]float64, dim)
			for i := range ones {
				ones[i] = 1
			}
			if err := f.Set(parameter, ones); err != nil {
				return 0, err
			}
			forms[k] = f
		}
		random := rand.New(rand.NewPCG(l.Seed(0), 0))
		most, g := 0.0, make([]float64, dim)
		for range steps {
			for i := range g {
				g[i] = random.NormFloat64()
			}
			p, err := forms[0].Step(g...)
			if err != nil {
				return 0, err
			}
			q, err := forms[1].Step(g...)
			if err != nil {
				return 0, err
			}
			for i := range p {
				most = max(most, math.Abs(p[i]-q[i]))
			}
		}
		return most, nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(most[0], fmt.Sprintf("%s lr=0.01, dim=%d, %d steps with normal gradients, the same for both, f64", optimizer, dim, steps))
	m.Seeds = 1
	m.Notes = []string{"the first design let each form find its own gradients on a quadratic and was refuted, 0.0998 apart: near the minimum the sign of a gradient hangs on rounding"}
	return m, nil
}

// layeredSteps are the steps to a hundredth of the first value, or Inf.
func layeredSteps(l *Lab, optimizer string, lr, ratio float64, seed uint64, most int) (float64, error) {
	run, err := l.Start(Setup{Objective: layeredBy(ratio), Dim: layeredDim, Optimizer: optimizer, LR: lr}, seed)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	first, _, err := run.Look()
	if err != nil {
		return 0, err
	}
	reached, err := run.Until(most, func(value, _ float64) bool { return value <= 0.01*first })
	if !reached {
		return math.Inf(1), err
	}
	return float64(run.T), err
}

// bestRate is the best of 2^-10 to 1 for a ratio, by the mean steps over seeds.
func bestRate(l *Lab, optimizer string, ratio float64, seeds int) (rate, steps float64, err error) {
	const rates = 11
	all, err := Map(l, rates*seeds, func(i int) (float64, error) {
		return layeredSteps(l, optimizer, math.Pow(2, -float64(i/seeds)), ratio, l.Seed(1000+i%seeds), 20_000)
	})
	if err != nil {
		return 0, 0, err
	}
	steps = math.Inf(1)
	for k := range rates {
		mean := 0.0
		for _, n := range all[k*seeds : (k+1)*seeds] {
			mean += n / float64(seeds)
		}
		if mean < steps {
			rate, steps = math.Pow(2, -float64(k)), mean
		}
	}
	if math.IsInf(steps, 1) {
		return 0, 0, fmt.Errorf("%s: no rate reaches the target at a ratio of %v", optimizer, ratio)
	}
	return rate, steps, nil
}

// stepsByScales tunes a rate where all layers have one scale, and keeps it.
func stepsByScales(l *Lab, optimizer string) (Measured, error) {
	ratios := Pick(l, []float64{10, 100, 1e3, 1e4}, []float64{10, 100, 1e3, 1e4, 1e5})
	seeds := Pick(l, 4, 16)
	rate, _, err := bestRate(l, optimizer, 1, seeds)
	if err != nil {
		return Measured{}, err
	}
	all, err := Map(l, len(ratios)*seeds, func(i int) (float64, error) {
		n, err := layeredSteps(l, optimizer, rate, ratios[i%len(ratios)], l.Seed(i/len(ratios)), 50_000_000)
		if err == nil && math.IsInf(n, 1) {
			err = fmt.Errorf("%s lr=%v: not there at a ratio of %v", optimizer, rate, ratios[i%len(ratios)])
		}
		return n, err
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci, means := exponent(l, ratios, bySeed(all, len(ratios)))
	_, tuned, err := bestRate(l, optimizer, 1e3, seeds)
	if err != nil {
		return Measured{}, err
	}
	return Measured{
		Value: slope, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("%s lr=%v, the best of 2^-10..1 at a ratio of 1, layered:layers=8 dim=%d, ratio=%v..%v, to 0.01 of the first value, f64", optimizer, rate, layeredDim, ratios[0], ratios[len(ratios)-1]),
		Notes:  []string{fmt.Sprintf("steps by ratio: %.0f; at a ratio of 1e3 with a rate tuned for it: %.0f", means, tuned)},
		Series: []Series{{optimizer + ", steps by ratio", ratios, means}},
	}, nil
}
