package claims

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C06",
	Statement: "gradient descent, unrolled, is the first point less lr times the sum of gradients",
	Source:    "lecture, momentum unrolled",
	Theory:    "1: the way that was gone over -lr*sum(g)",
	NotShown:  "anything that is not algebra",
	Rule:      Exact{1, 1e-12},
	Run: func(l *Lab) (Measured, error) {
		return unrolled(l, "sgd", func(int) float64 { return 1 })
	},
}, Claim{
	ID:        "E02",
	Statement: "momentum, unrolled, weighs the gradient of step i by (1-beta^(t+1-i))/(beta-1)",
	Source:    "lecture, momentum unrolled",
	Theory:    "-1: the way that was gone over the formula; 1 as printed. The divisor is 1-beta",
	NotShown:  "anything that is not algebra",
	Rule:      AsPrinted{Printed: 1, Corrected: -1, Tolerance: 1e-12},
	Run: func(l *Lab) (Measured, error) {
		return unrolled(l, "momentum:beta=0.9:weight_decay=0", func(age int) float64 { return (1 - math.Pow(0.9, float64(age))) / (0.9 - 1) })
	},
})

// unrolled compares the way that an update goes with -lr*sum(weight*g), in which the
// gradient of the last step has age 1.
func unrolled(l *Lab, optimizer string, weight func(age int) float64) (Measured, error) {
	const steps, lr = 100, 0.1
	ways, err := Map(l, 1, func(int) (float64, error) {
		f, err := l.Feed(optimizer, lr, 1, kernels.F64)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		random := rand.New(rand.NewPCG(l.Seed(0), 0))
		formula, at := 0.0, 0.0
		for t := range steps {
			g := random.Float64() + 0.5 // of one sign, so that the sum does not cancel
			formula -= lr * weight(steps-t) * g
			p, err := f.Step(g)
			if err != nil {
				return 0, err
			}
			at = p[0]
		}
		return at / formula, nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(ways[0], fmt.Sprintf("%s lr=%v, %d steps with gradients drawn from [0.5, 1.5), f64", optimizer, lr, steps))
	m.Seeds = 1
	return m, nil
}
