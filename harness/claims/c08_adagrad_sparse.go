package claims

import (
	"fmt"
	"math"
)

var _ = define(Claim{
	ID:        "C08",
	Statement: "Adagrad is good where gradients are sparse",
	Source:    "lecture, Adagrad; " + adagradPaper,
	Theory:    ">= 1.2: regret of descent over that of Adagrad, features as rare as j^-2; the bounds' ratio is larger",
	NotShown:  "that the ratio of the bounds, sqrt(dim)/sum(sqrt(p_j)), is attained",
	Rule:      AtLeast{1.2},
	Run:       func(l *Lab) (Measured, error) { return regretRatio(l, 2, "adagrad") },
}, Claim{
	ID:        "C08a",
	Statement: "where features are equally frequent Adagrad gains nothing",
	Source:    "lecture, Adagrad; " + adagradPaper,
	Theory:    "1: regret of descent over that of Adagrad, rates and schedules tuned alike",
	NotShown:  "that it loses nothing on correlated features",
	Rule:      Near{1, 0.2},
	Run:       func(l *Lab) (Measured, error) { return regretRatio(l, 0, "adagrad") },
}, Claim{
	ID:        "C08b",
	Statement: "Adagrad's full matrix sees directions where its diagonal sees coordinates alone",
	Source:    "lecture, Adagrad, printed with the full matrix; " + adagradPaper,
	Theory:    ">= 2: steps of the diagonal over those of the full matrix, whose path turns with the axes, on a rotated quadratic, each at its best rate",
	NotShown:  "time: the matrix is decomposed every step",
	Rule:      AtLeast{2},
	Run:       func(l *Lab) (Measured, error) { return stepsRotated(l, "adagrad", "full-adagrad") },
})

// stepsRotated compares the steps of two optimizers to a share of the value of a rotated
// quadratic, each at the best of the same rates, which a resample chooses anew. What is
// not there when it has to stop counts as if it were.
func stepsRotated(l *Lab, diagonal, full string) (Measured, error) {
	const dim, share, rates, most = 16, 1e-6, 10, 4000
	const objective = "rotated:condition=1e3"
	seeds := Pick(l, 4, 16)
	optimizers := []string{diagonal, full}
	all, err := Map(l, seeds*2*rates, func(i int) (float64, error) {
		run, err := l.Start(Setup{Objective: objective, Dim: dim, Optimizer: optimizers[i/rates%2], LR: math.Pow(2, 3-float64(i%rates))}, l.Seed(i/rates/2))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		first, _, err := run.Look()
		if err != nil {
			return 0, err
		}
		_, err = run.Until(most, func(value, _ float64) bool { return value <= share*first })
		return float64(run.T), err
	})
	if err != nil {
		return Measured{}, err
	}
	best := func(runs []int, optimizer int) (steps float64, rate int) {
		steps = math.Inf(1)
		for k := range rates {
			if mean := MeanOf(runs, func(r int) float64 { return all[(r*2+optimizer)*rates+k] }); mean < steps {
				steps, rate = mean, k
			}
		}
		return steps, rate
	}
	value, ci := Bootstrap(l, seeds, func(runs []int) float64 {
		a, _ := best(runs, 0)
		b, _ := best(runs, 1)
		return a / b
	})
	m := Measured{
		Value: value, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("%s over %s lr=2^3..2^-6, %s dim=%d, to %v of the first value, at most %d steps, f64", diagonal, full, objective, dim, share, most),
	}
	for i, name := range optimizers {
		steps, rate := best(indices(seeds), i)
		m.Notes = append(m.Notes, fmt.Sprintf("%s: %.4g steps at lr=2^%d", name, steps, 3-rate))
	}
	return m, nil
}

// regretRatio compares the mean excess along the way of gradient descent, at the better
// of a constant rate and 1/sqrt(t), with that of an adaptive method at a constant rate:
// each at the best of the same rates, which a resample chooses anew.
func regretRatio(l *Lab, exponent float64, adaptive string) (Measured, error) {
	const dim, every = 200, 64
	steps := Pick(l, 1<<14, 1<<16)
	seeds := Pick(l, 4, 12)
	const rates = 10
	contenders := []struct {
		name    string
		decays  bool
		largest float64
	}{{"sgd", false, 2}, {"sgd", true, 64}, {adaptive, false, 16}}

	all, err := Map(l, seeds*len(contenders)*rates, func(i int) (float64, error) {
		c := contenders[i/rates%len(contenders)]
		run, err := l.Start(Setup{
			Objective: fmt.Sprintf("sparse:exponent=%v:loss=absolute", exponent), Dim: dim, Batch: 1,
			Optimizer: c.name, LR: c.largest * math.Pow(2, -float64(i%rates)),
		}, l.Seed(i/rates/len(contenders)))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		sum, looks := 0.0, 0
		for run.T < steps {
			if run.T%every == 0 {
				value, _, err := run.Look()
				if err != nil {
					return 0, err
				}
				sum, looks = sum+value, looks+1
			}
			scale := 1.0
			if c.decays {
				scale = 1 / math.Sqrt(float64(run.T+1))
			}
			if err := run.Step(scale); err != nil {
				return 0, err
			}
		}
		return sum / float64(looks), nil
	})
	if err != nil {
		return Measured{}, err
	}
	best := func(runs []int, contender int) (least float64, rate int) {
		least = math.Inf(1)
		for k := range rates {
			mean := MeanOf(runs, func(r int) float64 { return all[(r*len(contenders)+contender)*rates+k] })
			if mean < least {
				least, rate = mean, k
			}
		}
		return least, rate
	}
	value, ci := Bootstrap(l, seeds, func(runs []int) float64 {
		constant, _ := best(runs, 0)
		decaying, _ := best(runs, 1)
		own, _ := best(runs, 2)
		return min(constant, decaying) / own
	})
	m := Measured{
		Value: value, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("sparse:exponent=%v dim=%d batch=1, %d steps; sgd lr=2/2^k, or 64/2^k/sqrt(t), %s lr=16/2^k, k=0..%d, f64", exponent, dim, steps, adaptive, rates-1),
	}
	for i, c := range contenders {
		least, rate := best(indices(seeds), i)
		kept := "at a constant rate"
		if c.decays {
			kept = "at a rate that decays"
		}
		m.Notes = append(m.Notes, fmt.Sprintf("%s %s: mean excess %.4g at k=%d of 0..%d", c.name, kept, least, rate, rates-1))
	}
	return m, nil
}
