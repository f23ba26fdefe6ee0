package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

var _ = define(Claim{
	ID:        "C07",
	Statement: "momentum handles ill-conditioning: heavy ball needs the root of the steps",
	Source:    "lecture, momentum; Polyak 1964",
	Theory:    "0.5: steps to a share of the value go as condition^(1/2)",
	NotShown:  "that it does so on functions that are not quadratic, or without knowing their curvatures",
	Rule:      SlopeWithin(0.5, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByCondition(l, "momentum:beta=%v", heavyBall, small) },
}, Claim{
	ID:        "C07a",
	Statement: "ill-conditioning: gradient descent needs steps in proportion to the condition",
	Source:    "lecture, momentum; Nesterov 2004",
	Theory:    "1: steps to a share of the value go as the condition",
	NotShown:  "more than the slope at the best constant step of a quadratic",
	Rule:      SlopeWithin(1, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByCondition(l, "sgd", bestStep, small) },
}, Claim{
	ID:        "C07b",
	Statement: "heavy ball is stable for steps below 2(1+beta)/L, and for none above",
	Source:    "lecture, momentum; distill.pub/2017/momentum",
	Theory:    "1: the longest stable step over 2(1+beta)/L",
	NotShown:  "stability where the curvature changes along the way",
	Rule:      Exact{1, 1e-3},
	Run:       func(l *Lab) (Measured, error) { return longestStable(l, "momentum:beta=%v") },
}, Claim{
	ID:        "C07c",
	Statement: "Nesterov's momentum handles ill-conditioning likewise",
	Source:    "Nesterov 1983; beside the lecture's heavy ball",
	Theory:    "0.5: steps to a share of the value go as condition^(1/2)",
	NotShown:  "that it does so without knowing the curvatures",
	Rule:      SlopeWithin(0.5, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByCondition(l, "nesterov:beta=%v", nesterov, small) },
}, Claim{
	ID:        "C07d",
	Statement: "momentum does so in float32 on a large vector too",
	Source:    "C07, where people use it",
	Theory:    "0.5: steps to a share of the value go as condition^(1/2)",
	NotShown:  "values below the rounding of float32, where no optimizer goes",
	Rule:      SlopeWithin(0.5, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByCondition(l, "momentum:beta=%v", heavyBall, large) },
})

// A scale is how large an experiment on conditions is, and how far it goes down.
type scale struct {
	dim    func(l *Lab) int
	single bool
	share  float64 // of the first value
	most   float64 // condition, in full
}

var (
	small = scale{func(*Lab) int { return 16 }, false, 1e-12, 1e6}
	large = scale{func(l *Lab) int { return Pick(l, 100_000, 1_000_000) }, true, 1e-8, 1e4}
)

// What is best for curvatures from 1/condition to 1: the step and the momentum.

func bestStep(condition float64) (lr, beta float64) { return 2 / (1 + 1/condition), 0 }

func heavyBall(condition float64) (lr, beta float64) {
	root := math.Sqrt(1 / condition)
	ratio := (1 - root) / (1 + root)
	return 4 / ((1 + root) * (1 + root)), ratio * ratio
}

func nesterov(condition float64) (lr, beta float64) {
	root := math.Sqrt(1 / condition)
	return 1, (1 - root) / (1 + root)
}

// stepsByCondition measures the exponent of the condition in the steps that take the
// value of a quadratic to a share of it.
func stepsByCondition(l *Lab, optimizer string, best func(condition float64) (lr, beta float64), s scale) (Measured, error) {
	conditions := Pick(l, []float64{1e2, 10 * math.Sqrt(1000), 1e3, 1e4}, []float64{1e2, 1e3, 1e4, 1e5, 1e6})
	conditions = slices.DeleteFunc(conditions, func(c float64) bool { return c > s.most })
	dim := s.dim(l)
	steps, err := Map(l, len(conditions), func(i int) (float64, error) {
		lr, beta := best(conditions[i])
		name := optimizer
		if beta > 0 {
			name = fmt.Sprintf(optimizer, beta)
		}
		run, err := l.Start(Setup{Objective: fmt.Sprintf("diagonal:condition=%v", conditions[i]), Dim: dim, Optimizer: name, LR: lr, At: make([]float64, dim), Single: s.single}, 0)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		first, _, err := run.Look()
		if err != nil {
			return 0, err
		}
		reached, err := run.Until(100_000_000, func(value, _ float64) bool { return value <= s.share*first })
		if err == nil && !reached {
			err = fmt.Errorf("condition %v: not there after %d steps", conditions[i], run.T)
		}
		return float64(run.T), err
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci := LogLog(conditions, steps)
	name, _, _ := strings.Cut(optimizer, ":")
	return Measured{
		Value: slope, CI: ci,
		Params: fmt.Sprintf("%s at its best constants, diagonal, dim=%v, condition=%v..%v, to %v of the first value, %s", name, dim, conditions[0], conditions[len(conditions)-1], s.share, map[bool]string{false: "f64", true: "f32"}[s.single]),
		Notes:  []string{fmt.Sprintf("steps at the largest condition: %.0f", steps[len(steps)-1])},
		Series: []Series{{name, conditions, steps}},
	}, nil
}

// longestStable finds the longest step with which momentum stays bounded on one
// curvature of 1, by bisection, as a share of 2(1+beta): the one of four values of beta
// that is the farthest from 1.
func longestStable(l *Lab, optimizer string) (Measured, error) {
	betas := []float64{0, 0.5, 0.9, 0.99}
	shares, err := Map(l, len(betas), func(i int) (float64, error) {
		stable := func(lr float64) (bool, error) {
			run, err := l.Start(Setup{Objective: "diagonal:condition=1", Dim: 1, Optimizer: fmt.Sprintf(optimizer, betas[i]), LR: lr, At: []float64{2}}, 0)
			if err != nil {
				return false, err
			}
			defer run.Close()
			if err := run.Steps(20_000); err != nil {
				return false, err
			}
			value, _, err := run.Look()
			return value <= 1e4, err
		}
		lo, hi := 0.0, 8.0
		for hi-lo > 1e-4 {
			mid := (lo + hi) / 2
			ok, err := stable(mid)
			if err != nil {
				return 0, err
			}
			if ok {
				lo = mid
			} else {
				hi = mid
			}
		}
		return lo / (2 * (1 + betas[i])), nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(farthest(shares, 1), "momentum on p^2/2, beta=0, 0.5, 0.9, 0.99, 20000 steps, bisected to 1e-4, f64")
	m.Notes = []string{fmt.Sprintf("shares by beta: %.5f", shares)}
	return m, nil
}
