package claims

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/kernels"
)

// events returns the logarithm of the steps that gradient descent takes through the
// chain of saddles of o from a first point, in exact arithmetic. Where the coordinate of
// the way is below Tau all of it is multiplied by constants, and many steps are one;
// beyond, steps are those of the definition in two dimensions, of which the second
// stands for the next of the way, with its factor alone.
func events(t *Trial, o dense.Octopus, lr float64, first []float64) (logSteps float64, err error) {
	up, down := math.Log1p(2*lr*o.Gamma), math.Log(math.Abs(1-2*lr*o.L))
	x := make([]float64, len(first)) // logarithms of |x|
	for i, v := range first {
		x[i] = math.Log(math.Abs(v))
	}
	s := setup{text: dense.Format(o), dim: 2, update: kernels.SGD{}, lr: lr}
	total := 0.0
	err = t.walk(s, func(w *walk) error {
		for i := range x {
			n := max(0, math.Ceil((math.Log(o.Tau)-x[i])/up))
			total += n
			x[i] += n * up
			for j := i + 1; j < len(x); j++ {
				x[j] += n * down
			}
			at := math.Exp(x[i])
			for at < 2*o.Tau {
				const small = 1e-100 // its square is beside nothing
				if err := w.put([]float64{at, small}); err != nil {
					return err
				}
				if err := w.step(); err != nil {
					return err
				}
				if err := w.read(); err != nil {
					return err
				}
				at = w.x[0]
				total++
				for j := i + 1; j < len(x); j++ {
					x[j] += down
				}
				if i+1 < len(x) {
					x[i+1] += math.Log(math.Abs(w.x[1]/small)) - down
				}
			}
		}
		return nil
	})
	return math.Log(total), err
}

// start is a first point, uniform in [-1,1]^d.
func start(seed uint64, d int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([]float64, d)
	for i := range x {
		x[i] = 2*rng.Float64() - 1
	}
	return x
}

// median returns that of values, which it sorts.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// base is the factor by which a dimension more multiplies the steps.
func base(o dense.Octopus, lr float64) float64 {
	return 1 - math.Log(math.Abs(1-2*lr*o.L))/math.Log1p(2*lr*o.Gamma)
}

// mild is the octopus with the least ratio of curvatures, on which descent goes through
// some saddles before it meets the end of float64.
var mild = dense.Octopus{L: 1, Gamma: 1, Tau: math.E}

var _ = define(Claim{
	ID:        "C25",
	Statement: "gradient descent from a random point needs exp(d) steps through a chain of d saddles",
	Source:    "slide: Du et al. 2017, arXiv:1705.10412, theorem 4.1",
	Theory:    "1+|ln(1-2 lr L)|/ln(1+2 lr gamma)",
	Limits:    "a reduced model, event by event, in exact arithmetic; in float64 descent never gets through (E10). Checked against the definition where that does",
	Quantities: []Quantity{
		{"base, L/gamma = 1", Near{base(mild, 0.25), 0.05}},
		{"base, L/gamma = e", Near{base(octopus, 0.25/math.E), 0.1}},
		{"steps of the model over those of the definition", Near{1, 0.05}},
	},
	Measure: func(t *Trial) ([]Estimate, error) {
		inits := pick(t, "starts", 40, 200)
		var out []Estimate
		for _, o := range []dense.Octopus{mild, octopus} {
			var dims, logSteps []float64
			for d := 8; d <= 20; d += 2 {
				all := make([]float64, inits)
				err := t.Each(inits, func(i int) (err error) {
					all[i], err = events(t, o, 1/(4*o.L), start(t.Seed(i), d))
					return err
				})
				if err != nil {
					return nil, err
				}
				dims, logSteps = append(dims, float64(d)), append(logSteps, median(all))
			}
			e := line(dims, logSteps)
			out = append(out, Estimate{math.Exp(e.Value), math.Exp(e.Lo), math.Exp(e.Hi)})
		}
		ratios := make([]float64, inits)
		err := t.Each(inits, func(i int) error {
			const d = 4
			first := start(t.Seed(i), d)
			model, err := events(t, mild, 0.25, first)
			if err != nil {
				return err
			}
			s := setup{text: dense.Format(mild), dim: d, update: kernels.SGD{}, lr: 0.25, start: func(k int) float64 { return first[k] }}
			return t.walk(s, func(w *walk) error {
				steps, err := w.until(1_000_000, func() (bool, error) {
					err := w.read()
					return math.Abs(w.x[d-1]) >= 2*mild.Tau, err
				})
				ratios[i] = math.Exp(model) / steps
				return err
			})
		})
		check := bootstrap(inits, t.Seed(0), func(runs []int) float64 {
			drawn := make([]float64, len(runs))
			for k, r := range runs {
				drawn[k] = ratios[r]
			}
			return median(drawn)
		})
		return append(out, check), err
	},
})
