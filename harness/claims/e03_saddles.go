package claims

import (
	"fmt"
	"math"
	"slices"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "E03",
	Statement: "at a local minimum the Hessian is negative definite",
	Source:    "lecture, kinds of stationary points",
	Theory:    "1: the sign of the least curvature where descent ends; -1 as printed, which is a local maximum",
	NotShown:  "anything that is not a definition",
	Rule:      AsPrinted{Printed: -1, Corrected: 1, Tolerance: 0.1},
	Run:       func(l *Lab) (Measured, error) { return signAtMinima(l, "sgd") },
}, Claim{
	ID:        "E08",
	Statement: "uniform in a ball of radius r, and normal of variance r^2/d, are one perturbation",
	Source:    "lecture, perturbed gradient descent, printed in both ways; Jin et al. 2019, arXiv:1902.04811",
	Theory:    "0.5: mean squares of their lengths in 2 dimensions, d/(d+2) and 1; 1 as printed",
	NotShown:  "a difference in how saddles are left: the constants differ, the rates do not",
	Rule:      AsPrinted{Printed: 1, Corrected: 0.5, Tolerance: 0.05},
	Run:       func(l *Lab) (Measured, error) { return squaresOfNoise(l, "ball") },
}, Claim{
	ID:        "E09",
	Statement: "cubic regularisation takes O(e^-1.5) steps",
	Source:    "lecture, escaping saddles faster; Nesterov, Polyak 2006",
	Theory:    "1.5: the exponent of 1/eps in the steps; 0 as printed, for e is epsilon",
	NotShown:  "that the slides print it so: the text that was read of them may have lost an epsilon; nor the worst case, for the instance was made to be tight" + givenRho,
	Rule:      AsPrinted{Printed: 0, Corrected: 1.5, Tolerance: 0.05},
	Run:       func(l *Lab) (Measured, error) { return flatSteps(l, "cubic-newton") },
}, Claim{
	ID:        "E10",
	Statement: "gradient descent needs exponential time on the octopus; in floating point it never arrives",
	Source:    "lecture, theorem 4.1, which holds in exact arithmetic; Du et al. 2017, arXiv:1705.10412",
	Theory:    ">= 0.8: the share of first points from which the coordinate to leave by ends where no step changes a bit",
	NotShown:  "that this is so for fewer dimensions, or where numbers have more exponents",
	Rule:      AtLeast{0.8},
	Run:       func(l *Lab) (Measured, error) { return stuck(l, "sgd") },
})

// signAtMinima runs descent on double wells, and takes the sign of the least curvature
// of all coordinates where it ends.
func signAtMinima(l *Lab, optimizer string) (Measured, error) {
	const dim, tilt = 8, "double-well:tilt=0.1"
	seeds := Pick(l, 32, 256)
	signs, err := Map(l, seeds, func(i int) (float64, error) {
		run, err := l.Start(Setup{Objective: tilt, Dim: dim, Optimizer: optimizer, LR: 0.1}, l.Seed(i))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		reached, err := run.Until(1_000_000, func(_, norm float64) bool { return norm < 1e-9 })
		if err == nil && !reached {
			err = fmt.Errorf("no stationary point after %d steps", run.T)
		}
		if err != nil {
			return 0, err
		}
		p, err := run.Point()
		if err != nil {
			return 0, err
		}
		curvatures, _, err := bends(l, tilt, slices.Clone(p), 1e-6)
		if err != nil {
			return 0, err
		}
		return math.Copysign(1, slices.Min(curvatures)), nil
	})
	if err != nil {
		return Measured{}, err
	}
	mean, ci := Bootstrap(l, seeds, func(runs []int) float64 { return MeanOf(runs, func(r int) float64 { return signs[r] }) })
	return Measured{Value: mean, CI: ci, Seeds: seeds, Params: fmt.Sprintf("%s lr=0.1, %s dim=%d, to gradients of 1e-9, f64", optimizer, tilt, dim)}, nil
}

// squaresOfNoise compares the mean square of the length of a law of radius 1 with that
// of normal numbers, in two dimensions.
func squaresOfNoise(l *Lab, law string) (Measured, error) {
	const dim = 2
	seeds, samples := Pick(l, 20, 100), Pick(l, 1000, 10_000)
	laws := []string{law, fmt.Sprintf("gaussian:scale=%v", 1/math.Sqrt(dim))}
	all, err := Map(l, seeds, func(i int) ([2]float64, error) {
		var out [2]float64
		b, err := l.Backend(kernels.F64)
		if err != nil {
			return out, err
		}
		defer b.Close()
		x, err := b.Alloc(kernels.F64, dim)
		if err != nil {
			return out, err
		}
		for k, name := range laws {
			n, err := kernels.ParseNoise(name)
			if err != nil {
				return out, err
			}
			plan, err := b.Bind(backend.Noise{Law: n, Seed: l.Seed(i), X: x})
			if err != nil {
				return out, err
			}
			last, now := make([]float64, dim), make([]float64, dim)
			if err := backend.Put(x, last); err != nil {
				return out, err
			}
			for t := range samples {
				if err := plan.Step(kernels.At(t + 1)); err != nil {
					return out, err
				}
				if err := backend.Get(x, now); err != nil {
					return out, err
				}
				for j := range now {
					out[k] += (now[j] - last[j]) * (now[j] - last[j]) / float64(samples)
				}
				copy(last, now)
			}
			if err := plan.Close(); err != nil {
				return out, err
			}
		}
		return out, nil
	})
	if err != nil {
		return Measured{}, err
	}
	value, ci := Bootstrap(l, seeds, func(runs []int) float64 {
		return MeanOf(runs, func(r int) float64 { return all[r][0] }) / MeanOf(runs, func(r int) float64 { return all[r][1] })
	})
	return Measured{Value: value, CI: ci, Seeds: seeds, Params: fmt.Sprintf("%s and %s, dim=%d, %d samples a seed, f64", laws[0], laws[1], dim, samples)}, nil
}

// flatSteps measures the exponent of 1/eps in the steps that take the gradient of a
// flat function to eps, at a constant of 1 for the Hessian.
func flatSteps(l *Lab, optimizer string) (Measured, error) {
	precisions := Pick(l, []float64{0.01, 0.005, 0.0025, 0.00125}, []float64{0.01, 0.005, 0.0025, 0.00125, 0.000625, 0.0003125})
	steps, err := each(l, precisions, func(eps float64) (float64, error) {
		run, err := l.Start(Setup{
			Objective: fmt.Sprintf("stiff-flat:eps=%v:gap=1:stiffness=1", eps), Dim: 4, Optimizer: optimizer, LR: 1,
			At: []float64{1 + (1-1.25*eps)/(2*eps), 0, 0, 0},
		}, 0)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		reached, err := run.Until(2_000_000, func(_, norm float64) bool { return norm <= eps })
		if !reached {
			return 0, err
		}
		return float64(run.T), err
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci := LogLog(precisions, steps)
	return Measured{
		Value: -slope, CI: [2]float64{-ci[1], -ci[0]}, Series: []Series{{optimizer + ", steps by eps", precisions, steps}},
		Params: fmt.Sprintf("%s lr=1, stiff-flat gap=1 stiffness=1 dim=4, eps=%v..%v, f64", optimizer, precisions[0], precisions[len(precisions)-1]),
		Notes:  []string{fmt.Sprintf("steps by eps: %.0f", steps)},
	}, nil
}

// stuck counts the first points from which an optimizer comes to one far from the
// minimum whose least coordinate, by which it should leave, is below 1e-300 and stays as
// it is for a thousand steps, bit by bit.
func stuck(l *Lab, optimizer string) (Measured, error) {
	const dim, steps = 5, 50_000
	seeds := Pick(l, 20, 40)
	ends, err := Map(l, seeds, func(i int) (bool, error) {
		run, err := l.Start(Setup{Objective: "octopus", Dim: dim, Optimizer: optimizer, LR: 1 / (4 * math.E)}, l.Seed(i))
		if err != nil {
			return false, err
		}
		defer run.Close()
		if err := run.Steps(steps); err != nil {
			return false, err
		}
		p, err := run.Point()
		if err != nil {
			return false, err
		}
		least := 0
		for i, x := range p {
			if math.Abs(x) < math.Abs(p[least]) {
				least = i
			}
		}
		before := p[least]
		for range 1000 {
			if err := run.Step(1); err != nil {
				return false, err
			}
			if p, err = run.Point(); err != nil || p[least] != before {
				return false, err
			}
		}
		value, _, err := run.Look()
		return math.Abs(before) < 1e-300 && value > 1, err
	})
	if err != nil {
		return Measured{}, err
	}
	value, ci := Share(count(ends), seeds)
	return Measured{
		Value: value, CI: ci, Seeds: seeds,
		Notes:  []string{"the first design asked the same of all coordinates and was refuted: those that have settled may swing by their last bit"},
		Params: fmt.Sprintf("%s lr=1/(4L), octopus L=e gamma=1 dim=%d, %d steps, f64", optimizer, dim, steps),
	}, nil
}
