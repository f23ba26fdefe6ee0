package claims

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

const (
	leeEtAl = "lecture, escaping saddle points; Lee, Panageas, Piliouras, Simchowitz, Jordan, Recht 2019"
	// wellRate is below 1/L: the curvatures of the double well between its minima are
	// from -1 to 2.
	wellRate = 0.1
)

var _ = define(Claim{
	ID:        "C24",
	Statement: "gradient descent from a random point with a step below 1/L avoids strict saddles",
	Source:    leeEtAl,
	Theory:    "0: the points from which it converges to a saddle have measure 0",
	NotShown:  "measure 0 itself: so many runs bound the share by 4 over their number, on one function",
	Rule:      Proportion{0, 1e-5},
	Run:       stuckAtWells,
}, Claim{
	ID:        "C24a",
	Statement: "the time to leave a strict saddle grows with the logarithm of the distance from its stable manifold",
	Source:    leeEtAl,
	Theory:    fmt.Sprintf("%.4g: steps per factor e of distance, 1/ln(1+lr*gamma)", 1/math.Log(1+wellRate)),
	NotShown:  "more than one saddle; the slope holds while the function is quadratic",
	Rule:      Near{1 / math.Log(1+wellRate), 0.02},
	Run:       escapeByDistance,
}, Claim{
	ID:        "C24b",
	Statement: "stationary points almost always have an indefinite Hessian, in high dimensions",
	Source:    "lecture, escaping saddle points",
	Theory:    fmt.Sprintf("%.5f: a random symmetric matrix of 3 dimensions is positive definite that often", definiteIn3),
	NotShown:  "Hessians of any network: a model of independent entries, in which no optimizer runs, and few dimensions, in which the share falls fast",
	Rule:      Near{definiteIn3, 2e-3},
	Run:       definiteShare,
}, Claim{
	ID:        "C24c",
	Statement: "it needs the random point: on the stable manifold gradient descent converges to the saddle",
	Source:    leeEtAl,
	Theory:    "1: of runs with one coordinate at 0 exactly, all keep it there",
	NotShown:  "anything but that the experiment of C24 can fail",
	Rule:      Exact{1, 0},
	Run:       stayingOnManifold,
}, Claim{
	ID:        "C24d",
	Statement: "gradient descent avoids the saddles of matrix factorization, which are all strict",
	Source:    leeEtAl,
	Theory:    "0: of runs from random points none ends above the minimum",
	NotShown:  "more than one matrix; a saddle that takes longer to leave than the runs last would count as one",
	Rule:      Proportion{0, 0.1},
	Run:       stuckFactorizations,
})

// stuckAtWells counts coordinates of double wells, each a run of its own, that are still
// nearer the saddle than the minima after a time in which anything farther than 3e-17
// leaves.
func stuckAtWells(l *Lab) (Measured, error) {
	const width, steps = 1 << 16, 500
	seeds := Pick(l, 16, 160)
	stuck, err := Map(l, seeds, func(i int) (int, error) {
		run, err := l.Start(Setup{Objective: "double-well", Dim: width, Optimizer: "sgd", LR: wellRate}, l.Seed(i))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		// The objective's own first point is uniform in [-1, 1), as the claim has it.
		if err := run.Steps(steps); err != nil {
			return 0, err
		}
		x, err := run.Point()
		n := 0
		for _, v := range x {
			if math.Abs(v) < 0.5 {
				n++
			}
		}
		return n, err
	})
	if err != nil {
		return Measured{}, err
	}
	total := 0
	for _, n := range stuck {
		total += n
	}
	share, ci := Share(total, seeds*width)
	return Measured{
		Value: share, CI: ci, Seeds: seeds * width,
		Params: fmt.Sprintf("sgd lr=%v on double-well, %d steps, f64, every coordinate a run", wellRate, steps),
		Notes:  []string{fmt.Sprintf("%d of %d runs near the saddle", total, seeds*width)},
	}, nil
}

// escapeByDistance fits the steps until a coordinate is nearer a minimum to the logarithm
// of its first distance.
func escapeByDistance(l *Lab) (Measured, error) {
	per := Pick(l, 10, 40) // distances per decade
	n := 280*per/40 + 1
	var at, logs []float64
	for i := range n {
		z := math.Pow(10, -1-float64(i)/float64(per))
		at, logs = append(at, z), append(logs, -math.Log(z))
	}
	times, err := Map(l, 1, func(int) ([]float64, error) {
		run, err := l.Start(Setup{Objective: "double-well", Dim: n, Optimizer: "sgd", LR: wellRate, At: at}, 0)
		if err != nil {
			return nil, err
		}
		defer run.Close()
		out := make([]float64, n)
		for left := n; left > 0 && run.T < 1000; {
			if err := run.Step(1); err != nil {
				return nil, err
			}
			x, err := run.Point()
			if err != nil {
				return nil, err
			}
			for i, v := range x {
				if out[i] == 0 && v >= 0.5 {
					out[i] = float64(run.T)
					left--
				}
			}
		}
		return out, nil
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci := Slope(logs, times[0])
	return Measured{
		Value: slope, CI: ci,
		Params: fmt.Sprintf("sgd lr=%v on double-well, distances 1e-1..1e-8, f64", wellRate),
		Series: []Series{{"steps by ln(1/distance)", logs, times[0]}},
	}, nil
}

// definiteIn3 is the probability that a matrix of the Gaussian orthogonal ensemble is
// positive definite in 3 dimensions (Dean, Majumdar 2008, Phys. Rev. E 77, 041108).
const definiteIn3 = (math.Pi - 2*math.Sqrt2) / (4 * math.Pi)

// definiteShare draws symmetric matrices by the normal law of package kernels.
func definiteShare(l *Lab) (Measured, error) {
	const most, part = 5, 1 << 13
	parts := Pick(l, 16, 128)
	counts, err := Map(l, most*parts, func(i int) (int, error) { return definite(l, i%most+1, part, l.Seed(i)) })
	if err != nil {
		return Measured{}, err
	}
	var totals [most]int
	for i, n := range counts {
		totals[i%most] += n
	}
	share, ci := Share(totals[2], parts*part)
	m := Measured{
		Value: share, CI: ci, Seeds: parts * part,
		Params: "Gaussian orthogonal ensemble in 3 dimensions, f64",
	}
	var x, y []float64
	for d, n := range totals {
		x, y = append(x, float64(d+1)), append(y, float64(n)/float64(parts*part))
	}
	m.Notes = []string{fmt.Sprintf("positive definite in 1..5 dimensions: %.5f", y)}
	m.Series = []Series{{"share of positive definite matrices by dimension", x, y}}
	return m, nil
}

// definite counts positive definite matrices among n random ones.
func definite(l *Lab, dim, n int, seed uint64) (count int, err error) {
	b, err := l.Backend(kernels.F64)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	x, err := b.Alloc(kernels.F64, n*dim*dim)
	if err != nil {
		return 0, err
	}
	plan, err := b.Bind(backend.Noise{Law: kernels.Gaussian{Scale: 1, Batch: 1}, Seed: seed, X: x})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(plan.Close(), err) }()
	if err := plan.Step(kernels.At(1)); err != nil {
		return 0, err
	}
	numbers := make([]float64, n*dim*dim)
	if err := backend.Get(x, numbers); err != nil {
		return 0, err
	}
	a := mat.NewSymDense(dim, nil)
	var c mat.Cholesky
	for k := range n {
		g := numbers[k*dim*dim:]
		for i := range dim {
			for j := range i + 1 {
				a.SetSym(i, j, g[i*dim+j]+g[j*dim+i])
			}
		}
		if c.Factorize(a) {
			count++
		}
	}
	return count, nil
}

func stayingOnManifold(l *Lab) (Measured, error) {
	stayed, err := Map(l, 1, func(int) (float64, error) {
		const n = 1024
		at := make([]float64, n)
		for i := range n / 2 {
			at[2*i+1] = -1 + float64(4*i+2)/n
		}
		run, err := l.Start(Setup{Objective: "double-well", Dim: n, Optimizer: "sgd", LR: wellRate, At: at}, 0)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		if err := run.Steps(500); err != nil {
			return 0, err
		}
		x, err := run.Point()
		stayed := 0
		for i := range n / 2 {
			if x[2*i] == 0 && math.Abs(math.Abs(x[2*i+1])-1) < 1e-12 {
				stayed++
			}
		}
		return float64(stayed) / (n / 2), err
	})
	if err != nil {
		return Measured{}, err
	}
	return Exactly(stayed[0], fmt.Sprintf("sgd lr=%v on double-well in pairs of coordinates, one of them at 0, 500 steps, f64", wellRate)), nil
}

// stuckFactorizations counts runs that end above a share of the first value.
func stuckFactorizations(l *Lab) (Measured, error) {
	seeds, dim := Pick(l, 40, 400), 40
	stuck, err := Map(l, seeds, func(i int) (int, error) {
		run, err := l.Start(Setup{Objective: "factorization:rank=1", Dim: dim, Optimizer: "sgd", LR: 0.05}, l.Seed(i))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		first, _, err := run.Look()
		if err != nil {
			return 0, err
		}
		reached, err := run.Until(20_000, func(value, _ float64) bool { return value <= 1e-3*first })
		if reached {
			return 0, err
		}
		return 1, err
	})
	if err != nil {
		return Measured{}, err
	}
	total := 0
	for _, n := range stuck {
		total += n
	}
	share, ci := Share(total, seeds)
	return Measured{
		Value: share, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("sgd lr=0.05 on factorization of rank 1, dim=%d, 20000 steps to 1e-3 of the first value, f64", dim),
		Notes:  []string{fmt.Sprintf("%d of %d runs were not there", total, seeds)},
	}, nil
}
