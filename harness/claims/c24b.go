package claims

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// definite are the probabilities that a matrix of the Gaussian orthogonal ensemble is
// positive definite, in 1 to 3 dimensions (Dean, Majumdar 2008).
var definite = []float64{0.5, (2 - math.Sqrt2) / 4, (math.Pi - 2*math.Sqrt2) / (4 * math.Pi)}

var _ = define(Claim{
	ID:         "C24b",
	Statement:  "in high dimensions almost all stationary points are saddles",
	Source:     "slide: saddles, not minima; Dauphin et al. 2014",
	Theory:     "P(H>0) = .5, .146, .025, ...",
	Limits:     "a model of random matrices, the Gaussian orthogonal ensemble: no optimizer and no objective is run",
	Quantities: definites(),
	Measure: func(t *Trial) ([]Estimate, error) {
		n := pick(t, "matrices", 40_000, 400_000)
		out := make([]Estimate, len(definite))
		err := t.Each(len(definite), func(i int) error {
			d, positive := i+1, 0
			rng := rand.New(rand.NewPCG(t.Seed(i), 0))
			h := mat.NewSymDense(d, nil)
			var c mat.Cholesky
			for range n {
				for a := range d {
					h.SetSym(a, a, math.Sqrt2*rng.NormFloat64())
					for b := range a {
						h.SetSym(a, b, rng.NormFloat64())
					}
				}
				if c.Factorize(h) {
					positive++
				}
			}
			out[i] = share(positive, n)
			return nil
		})
		return out, err
	},
})

func definites() (out []Quantity) {
	for i, p := range definite {
		out = append(out, Quantity{fmt.Sprintf("share of positive definite matrices, d = %d", i+1), Near{p, 0.005}})
	}
	return out
}
