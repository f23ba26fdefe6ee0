package claims

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

var _ = define(Claim{
	ID:        "C24",
	Statement: "gradient descent from a random point avoids strict saddles almost surely",
	Source:    "slide: saddles are avoided; Lee, Simchowitz, Jordan, Recht 2016",
	Theory:    "probability 0; ln(1/x0)/ln(1+lr)",
	Limits:    "double wells, whose coordinates are independent, so that each is a start of its own; no count proves a probability of 0",
	Quantities: []Quantity{
		{"share of starts that end near the saddle", Below{2e-5}},
		{"control: share of starts on the saddle that stay", Near{1, 0}},
		{"escape steps per ln(1/x0)", Near{1 / math.Log(1.1), 0.1}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		const lr = 0.1 // of at most 1/L = 1/2
		n := pick(t, "starts", 200_000, 2_000_000)
		near := 0
		s := setup{objective: kernels.DoubleWell{}, dim: n, update: kernels.SGD{}, lr: lr, seed: t.Seed(0)}
		err := t.walk(s, func(w *walk) error {
			if err := w.steps(400); err != nil {
				return err
			}
			err := w.read()
			for _, x := range w.x {
				if math.Abs(x) < 0.5 {
					near++
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		escape := func(x0 float64, most int) (steps float64, err error) {
			s := setup{objective: kernels.DoubleWell{}, dim: 1, update: kernels.SGD{}, lr: lr, start: func(int) float64 { return x0 }}
			err = t.walk(s, func(w *walk) (err error) {
				steps, err = w.until(most, func() (bool, error) {
					err := w.read()
					return math.Abs(w.x[0]) > 0.5, err
				})
				return err
			})
			return steps, err
		}
		stay := 0.0
		if steps, err := escape(0, 10_000); err != nil {
			return nil, err
		} else if math.IsInf(steps, 1) {
			stay = 1
		}
		var logs, steps []float64
		for k := 2; k <= 200; k += 9 {
			x0 := math.Pow(10, -float64(k))
			n, err := escape(x0, 10_000)
			if err != nil {
				return nil, err
			}
			logs, steps = append(logs, -math.Log(x0)), append(steps, n)
		}
		return []Estimate{share(near, n), exactly(stay), line(logs, steps)}, nil
	},
})
