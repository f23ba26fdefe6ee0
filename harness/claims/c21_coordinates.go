package claims

import (
	"fmt"
	"math"
	"slices"
)

const adaptiveAttention = "lecture, heavy-tailed noise; Zhang et al. 2020, arXiv:1912.03194"

var _ = byAlpha("C21", tails, func(alpha float64) Claim {
	return Claim{
		Statement: fmt.Sprintf("clipping per coordinate is better than by the norm in high dimensions, for alpha %v", alpha),
		Source:    adaptiveAttention + ", GClip and CClip",
		Theory:    fmt.Sprintf("%.4g: exponent of the dimension in the ratio of errors, 2/alpha - 1: they go with |B|_2^2 and |B|_alpha^2", 2/alpha-1),
		NotShown:  "noise whose scale differs between coordinates, where the ratio is smaller; both get thresholds that know the scale",
		Rule:      SlopeWithin(2/alpha-1, 0.07),
		Run:       func(l *Lab) (Measured, error) { return normAgainstCoordinates(l, alpha) },
	}
})

const (
	// heavy and light are tail indices of label noise: the second is normal.
	heavy, light = 1.3, 2.0

	plainSGD  = "sgd"
	adam99    = "adam:beta1=0.9:beta2=0.99"
	adam999   = "adam:beta1=0.9:beta2=0.999"
	acclip99  = "acclip:beta1=0.9:beta2=0.99:alpha=1.3"
	acclipV99 = "acclip-v:beta1=0.9:beta2=0.99:alpha=1.3"

	oneRegression = "other objectives, dimensions and batches than one synthetic regression of squared loss; medians, for means of SGD do not exist"
)

var _ = define(Claim{
	ID:        "C22",
	Statement: "heavy-tailed noise could explain why Adam works better than SGD",
	Source:    adaptiveAttention,
	Theory:    "> 1: error of SGD over that of Adam, both at their best learning rates, under noise of tail index 1.3",
	NotShown:  oneRegression,
	Rule:      Above{1},
	Run:       func(l *Lab) (Measured, error) { return tunedRatio(l, heavy, plainSGD, adam99) },
}, Claim{
	ID:        "C22a",
	Statement: "where the noise is normal Adam is not better",
	Source:    "control of C22",
	Theory:    "1: error of SGD over that of Adam under normal noise, between two thirds and three halves",
	NotShown:  oneRegression,
	Rule:      Proportion{2. / 3, 1.5},
	Run:       func(l *Lab) (Measured, error) { return tunedRatio(l, light, plainSGD, adam99) },
}, Claim{
	ID:        "C22b",
	Statement: "ACClip as on the slide is better than Adam under heavy tails",
	Source:    adaptiveAttention + ", Algorithm 1",
	Theory:    "> 1: error of Adam over that of ACClip, with the same beta2 and both at their best learning rates",
	NotShown:  oneRegression,
	Rule:      Above{1},
	Run:       func(l *Lab) (Measured, error) { return tunedRatio(l, heavy, adam99, acclip99) },
}, Claim{
	ID:        "C22c",
	Statement: "ACClip over a second moment, as its authors' code has it, is better than Adam under heavy tails",
	Source:    adaptiveAttention + "; rivercold/ACClip-Pytorch",
	Theory:    "> 1: error of Adam over that of it, with the same beta2 and both at their best learning rates",
	NotShown:  oneRegression,
	Rule:      Above{1},
	Run:       func(l *Lab) (Measured, error) { return tunedRatio(l, heavy, adam99, acclipV99) },
}, Claim{
	ID:        "C22d",
	Statement: "against Adam with its usual beta2 it is a memory of 100 instead of 1000 steps that helps, with no clipping",
	Source:    "control of C22c",
	Theory:    "> 1: error of Adam with beta2 0.999 over that with 0.99",
	NotShown:  oneRegression,
	Rule:      Above{1},
	Run:       func(l *Lab) (Measured, error) { return tunedRatio(l, heavy, adam999, adam99) },
}, Claim{
	ID:        "C23",
	Statement: "noise of gradients can be heavy-tailed, as in the training of BERT, and its tail index can be estimated",
	Source:    adaptiveAttention + ", histograms of BERT and ResNet",
	Theory:    "1.5: tail index of the norm of gradient noise, that of the label noise",
	NotShown:  "anything of BERT or ResNet: a regression stands in for them, with label noise of known tail",
	Rule:      Near{1.5, 0.15},
	Run:       func(l *Lab) (Measured, error) { return noiseTail(l, 1.5) },
}, Claim{
	ID:        "C23a",
	Statement: "so can it be told that the tail is light, as in the training of ResNet",
	Source:    adaptiveAttention + ", histograms of BERT and ResNet",
	Theory:    ">= 3: the estimate, where all moments exist",
	NotShown:  "as C23",
	Rule:      AtLeast{3},
	Run:       func(l *Lab) (Measured, error) { return noiseTail(l, light) },
})

// normAgainstCoordinates measures how the ratio of the errors of gclip and of cclip grows
// with the dimension, at the averages that their theorem gives out.
func normAgainstCoordinates(l *Lab, alpha float64) (Measured, error) {
	dims := Pick(l, []float64{64, 256, 1024}, []float64{64, 256, 1024, 4096})
	steps, seeds := Pick(l, 512, 2048), Pick(l, 100, 200)
	rules := []func(d float64) string{
		func(d float64) string {
			return fmt.Sprintf("gclip:tau=%v:alpha=%v:case=strongly-convex", math.Pow(d, 1/alpha), alpha)
		},
		func(float64) string { return fmt.Sprintf("cclip-average:tau=1:alpha=%v", alpha) },
	}
	n := len(dims)
	errors, err := Map(l, seeds*2*n, func(i int) (float64, error) {
		d, r := dims[i%n], rules[i/n%2]
		run, err := l.Start(Setup{Objective: bowl, Dim: int(d), Noise: skewed(alpha), Optimizer: r(d), LR: 1, Single: true}, l.Seed(i/n/2))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		if err := run.Steps(steps); err != nil {
			return 0, err
		}
		return run.Value()
	})
	if err != nil {
		return Measured{}, err
	}
	mean := func(runs []int, rule int) []float64 {
		out := make([]float64, n)
		for k := range out {
			out[k] = MeanOf(runs, func(r int) float64 { return errors[(r*2+rule)*n+k] })
		}
		return out
	}
	ratio := func(runs []int) []float64 {
		out := mean(runs, 0)
		for k, v := range mean(runs, 1) {
			out[k] /= v
		}
		return out
	}
	slope, ci := Bootstrap(l, seeds, func(runs []int) float64 {
		slope, _ := LogLog(dims, ratio(runs))
		return slope
	})
	all := indices(seeds)
	norm, _ := LogLog(dims, mean(all, 0))
	coordinates, _ := LogLog(dims, mean(all, 1))
	return Measured{
		Value: slope, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("gclip tau=d^(1/alpha) and cclip-average tau=1 on %s, %s, %d steps, dim=%v, f32", bowl, skewed(alpha), steps, dims),
		Notes: []string{
			fmt.Sprintf("exponents: %.3f of clipping by the norm, in theory %.3f, and %.3f per coordinate, in theory 1", norm, 2/alpha, coordinates),
			fmt.Sprintf("ratios: %.3g", ratio(all)),
		},
		Series: []Series{{"gclip", dims, mean(all, 0)}, {"cclip", dims, mean(all, 1)}},
	}, nil
}

const (
	regressionDim = 32
	// spareSeeds is where the seeds begin on which learning rates are chosen.
	spareSeeds = 1 << 20
)

func regression(alpha float64) string {
	return fmt.Sprintf("heavy-tailed:condition=10:law=stable:alpha=%v:skew=0:noise=1", alpha)
}

// riskOf is the mean excess risk over the second half of a run.
func riskOf(l *Lab, alpha float64, optimizer string, lr float64, steps int, seed uint64) (float64, error) {
	const looks = 32
	run, err := l.Start(Setup{Objective: regression(alpha), Dim: regressionDim, Batch: 1, Optimizer: optimizer, LR: lr}, seed)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	if err := run.Steps(steps / 2); err != nil {
		return 0, err
	}
	var mean float64
	for range looks {
		if err := run.Steps(steps / 2 / looks); err != nil {
			return 0, err
		}
		value, _, err := run.Look()
		if err != nil {
			return 0, err
		}
		mean += value / looks
	}
	if math.IsNaN(mean) {
		mean = math.Inf(1)
	}
	return mean, nil
}

// tunedRatio is the median risk of an optimizer over that of another, each at the
// learning rate that is best on seeds of its own.
func tunedRatio(l *Lab, alpha float64, optimizers ...string) (Measured, error) {
	const lowest, rates, tuning = 14, 14, 6 // learning rates are 2^-14 .. 2^-1
	steps, seeds := Pick(l, 2048, 8192), Pick(l, 40, 240)
	trials, err := Map(l, 2*rates*tuning, func(i int) (float64, error) {
		lr := math.Ldexp(1, i/tuning%rates-lowest)
		return riskOf(l, alpha, optimizers[i/tuning/rates], lr, steps, l.Seed(spareSeeds+i%tuning))
	})
	if err != nil {
		return Measured{}, err
	}
	m := Measured{
		Seeds: seeds, Params: fmt.Sprintf("%s over %s, each at the best of lr=2^-14..2^-1 on other seeds, on %s batch=1, dim=%d, median risk over the second half of %d steps, f64",
			optimizers[0], optimizers[1], regression(alpha), regressionDim, steps),
	}
	var best [2]float64
	for o := range best {
		var x, curve []float64
		for k := range rates {
			x = append(x, math.Ldexp(1, k-lowest))
			curve = append(curve, median(trials[(o*rates+k)*tuning:][:tuning]))
		}
		at := slices.Index(curve, slices.Min(curve))
		best[o] = x[at]
		m.Notes = append(m.Notes, fmt.Sprintf("%s: best lr 2^%d", optimizers[o], at-lowest))
		if at == 0 || at == rates-1 {
			m.Notes = append(m.Notes, "that is at the end of the grid")
		}
	}
	risks, err := Map(l, 2*seeds, func(i int) (float64, error) {
		return riskOf(l, alpha, optimizers[i%2], best[i%2], steps, l.Seed(i/2))
	})
	if err != nil {
		return m, err
	}
	middle := func(runs []int, o int) float64 {
		var x []float64
		for _, r := range runs {
			x = append(x, risks[2*r+o])
		}
		return median(x)
	}
	m.Value, m.CI = Bootstrap(l, seeds, func(runs []int) float64 { return middle(runs, 0) / middle(runs, 1) })
	all := indices(seeds)
	m.Notes = append(m.Notes, fmt.Sprintf("median risks %.4g and %.4g", middle(all, 0), middle(all, 1)))
	return m, nil
}

// median sorts x.
func median(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// noiseTail estimates the tail index of the norm of what a gradient of one example is off
// the whole objective's, at the first point.
func noiseTail(l *Lab, alpha float64) (Measured, error) {
	const share = 200
	seeds, each := Pick(l, 20, 100), 10_000
	parts, err := Map(l, seeds, func(i int) ([]float64, error) {
		run, err := l.Start(Setup{Objective: regression(alpha), Dim: regressionDim, Batch: 1, Optimizer: plainSGD, LR: 1}, l.Seed(i))
		if err != nil {
			return nil, err
		}
		defer run.Close()
		whole, err := run.Slopes()
		if err != nil {
			return nil, err
		}
		whole = slices.Clone(whole)
		var norms []float64
		for range each {
			g, err := run.Sample(len(norms) + 1)
			if err != nil {
				return nil, err
			}
			var square float64
			for k, v := range g {
				square += (v - whole[k]) * (v - whole[k])
			}
			norms = append(norms, math.Sqrt(square))
		}
		return norms, nil
	})
	if err != nil {
		return Measured{}, err
	}
	all := slices.Concat(parts...)
	index, ci := Hill(all, len(all)/share)
	return Measured{
		Value: index, CI: ci, Seeds: len(all),
		Params: fmt.Sprintf("Hill's estimate of the largest 1/%d of gradient noise on %s batch=1, dim=%d, f64", share, regression(alpha), regressionDim),
	}, nil
}
