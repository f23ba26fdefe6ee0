package claims

import "github.com/optbench/optbench/kernels"

// meanSquares draws a law in dim dimensions and returns |x|^2 of each sample.
func meanSquares(t *Trial, law kernels.Noise, dim, samples int) []float64 {
	law = t.swapped(law).(kernels.Noise)
	out := make([]float64, samples)
	seed := t.Seed(0)
	for i := range out {
		x := make([]float64, dim)
		kernels.AddNoise(law, kernels.Sample{Seed: seed, Index: i + 1}, x, nil)
		out[i] = norm(x) * norm(x)
	}
	return out
}

var _ = define(Claim{
	ID:        "E8",
	Statement: "perturbed descent adds noise uniform in the ball of radius r, which is N(0, r^2/d)",
	Source:    "slides: perturbed gradient descent; Du et al. 2017 and Jin et al. 2019",
	Theory:    "E|x|^2 = d/(d+2) r^2 in the ball",
	Limits:    "second moments in 4 dimensions; in high dimensions the laws do agree",
	Quantities: []Quantity{
		{"E|x|^2/r^2 of the ball in 4 dimensions", Misprint{Printed: 1, Corrected: 4. / 6, Within: 0.02}},
		{"E|x|^2/r^2 of the normal law", Near{1, 0.05}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		n := pick(t, "samples", 4000, 20_000)
		return []Estimate{
			meanOf(meanSquares(t, kernels.Ball{Radius: 1}, 4, n), t.Seed(1)),
			meanOf(meanSquares(t, kernels.Gaussian{Scale: 0.5, Batch: 1}, 4, n), t.Seed(2)),
		}, nil
	},
})
