package claims

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/optbench/optbench/harness/dense"
)

const duEtAl = "lecture, Theorem 4.1; Du et al. 2017, arXiv:1705.10412"

// The setting of the paper: L is e, gamma 1, tau e, and the step 1/(4L).
var (
	tube     = dense.Octopus{L: math.E, Gamma: 1, Tau: math.E}
	tubeRate = 1 / (4 * tube.L)
	// While a coordinate grows to the next stage by 1+2*lr*gamma a step, the one after
	// it shrinks by 1-2*lr*L, and has so much farther to go.
	tubeBase = 1 - math.Log(1-2*tubeRate*tube.L)/math.Log1p(2*tubeRate*tube.Gamma)
)

var _ = define(Claim{
	ID:        "C25",
	Statement: "gradient descent can take exponential time to escape saddle points",
	Source:    duEtAl + ", part 1",
	Theory:    fmt.Sprintf("%.4g: the time is multiplied by that for every dimension, 1+|ln(1-2*lr*L)|/ln(1+2*lr*gamma)", tubeBase),
	NotShown:  "the definition itself beyond 4 dimensions: a reduced model, exact inside the tube, jumps from event to event (C25a compares the two)",
	Rule:      Near{tubeBase, 0.1},
	Run:       octopusBase,
}, Claim{
	ID:        "C25a",
	Statement: "the reduced model of C25 takes as long as the definition that it stands for",
	Source:    "check of C25",
	Theory:    "0: largest relative difference of the steps; the model neglects squares of coordinates that are tiny",
	NotShown:  "agreement in more dimensions, where float64 has no numbers as small as the definition needs",
	Rule:      Exact{0, 0.01},
	Run:       octopusCheck,
}, Claim{
	ID:        "C25b",
	Statement: "in float64 gradient descent never arrives: it stops at a saddle, bit for bit",
	Source:    "beside " + duEtAl + ", which is of real numbers",
	Theory:    "1: share of runs at rest; a coordinate that has halved 1074 times is the least number above 0, and lr times its slope rounds to 0",
	NotShown:  "anything of real arithmetic",
	Rule:      Proportion{0.9, 1},
	Run:       octopusAtRest,
}, Claim{
	ID:        "C26",
	Statement: "perturbed gradient descent passes the same saddles in polynomial time",
	Source:    duEtAl + ", part 2",
	Theory:    "1 to 1.5: exponent of the dimension, for d saddles that are left after a + b*ln(d) steps each",
	NotShown:  "that it is polynomial in 1/eps, the probability of 1-e^-d, and other functions than this",
	Rule:      Proportion{1, 1.5},
	Run: func(l *Lab) (Measured, error) {
		return octopusByDim(l, fmt.Sprintf("pgd:radius=%v:law=ball", tubeNoise))
	},
}, Claim{
	ID:        "C26a",
	Statement: "so it does with noise at small gradients alone, as the theorem's Algorithm 1 has it",
	Source:    duEtAl + ", part 2; Jin et al. 2017, arXiv:1703.00887",
	Theory:    "1 to 1.5: as C26",
	NotShown:  "a difference in kind to noise in every step: constants alone differ here",
	Rule:      Proportion{1, 1.5},
	Run: func(l *Lab) (Measured, error) {
		return octopusByDim(l, fmt.Sprintf("pgd-threshold:radius=%v:threshold=%v:pause=1", tubeNoise, tubeNoise))
	},
}, Claim{
	ID:        "C26b",
	Statement: "so it does with normal noise of that mean square, as the lecture's other slide has it",
	Source:    "lecture, Theorem 13; Jin et al. 2019, arXiv:1902.04811",
	Theory:    "1 to 1.5: as C26",
	NotShown:  "a difference in kind to the ball: constants alone differ here",
	Rule:      Proportion{1, 1.5},
	Run: func(l *Lab) (Measured, error) {
		return octopusByDim(l, fmt.Sprintf("pgd:radius=%v:law=gaussian", tubeNoise))
	},
}, Claim{
	ID:        "C26c",
	Statement: "gradient descent without the noise does not pass them in that time",
	Source:    duEtAl,
	Theory:    "0: share of runs that arrive within the steps in which all perturbed ones do",
	NotShown:  "anything but that the experiment of C26 can fail",
	Rule:      Proportion{0, 0.2},
	Run:       octopusWithoutNoise,
}, Claim{
	ID:        "C27",
	Statement: "momentum and adaptive methods without noise, on the same saddles",
	Source:    "no claim of the lecture, but the question that it leaves open",
	Theory:    "none: the measured number is how many of the methods arrive",
	NotShown:  "rates: one learning rate each; methods that leave the tube see an extension of the function, not the paper's",
	Rule:      Stated{},
	Run:       octopusOthers,
}, Claim{
	ID:        "C28",
	Statement: "can Theorem 4.1 be improved?",
	Source:    "lecture, the question after Theorem 4.1",
	Theory:    "none: an open question there; Theorem 13 answers it with polylog(d), see C30",
	NotShown:  "everything: nothing is measured",
	Rule:      Stated{},
	Run:       func(*Lab) (Measured, error) { return Exactly(0, "not measured"), nil },
})

// tubeNoise is the radius of the noise, and the slope that counts as small, as in the
// experiments of the paper.
const tubeNoise = math.E / 100

// tubeStart is a first point, uniform in [-1,1]^dim: those of one seed in different
// dimensions begin alike.
func tubeStart(seed uint64, dim int) []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float64, dim)
	for i := range x {
		x[i] = 2*r.Float64() - 1
	}
	return x
}

// tubeTime is how many steps gradient descent takes on the octopus until its last
// coordinate is past 2*tau, by a reduced model: within the tube every coordinate is
// multiplied by a factor that the stage has, so that logarithms replace numbers that no
// type has, and a whole stage is one jump. Between tau and 2*tau it goes step by step.
// Beyond 1e13 steps the logarithms themselves run out of digits.
func tubeTime(o dense.Octopus, lr float64, at []float64) float64 {
	ln := make([]float64, len(at))
	for i, x := range at {
		ln[i] = math.Log(math.Abs(x))
	}
	grow, shrink := math.Log1p(2*lr*o.Gamma), math.Log(1-2*lr*o.L)
	var t float64
	for i := range ln {
		n := max(0, math.Ceil((math.Log(o.Tau)-ln[i])/grow))
		t += n
		for j := i + 1; j < len(ln); j++ {
			ln[j] += n * shrink
		}
		for u := math.Exp(ln[i] + n*grow); u < 2*o.Tau; t++ {
			w := u - o.Tau
			cubic := (10*o.Gamma - 14*o.L) / (3 * o.Tau)
			quartic := (5*o.L - 3*o.Gamma) / (2 * o.Tau * o.Tau)
			v := (u - 2*o.Tau) / o.Tau
			share := 1 + (10+(15+6*v)*v)*v*v*v // of the next stage
			u -= lr * (-2*o.Gamma*u + (3*cubic+4*quartic*w)*w*w)
			for j := i + 1; j < len(ln); j++ {
				curvature := 2 * o.L
				if j == i+1 {
					curvature = 2 * ((1-share)*o.L - share*o.Gamma)
				}
				ln[j] += math.Log(1 - lr*curvature)
			}
		}
	}
	return t
}

func octopusBase(l *Lab) (Measured, error) {
	dims := Pick(l, []int{8, 10, 12, 14, 16}, []int{8, 10, 12, 14, 16, 18})
	seeds := Pick(l, 200, 1000)
	times, err := Map(l, seeds, func(i int) ([]float64, error) {
		var out []float64
		for _, d := range dims {
			out = append(out, math.Log(tubeTime(tube, tubeRate, tubeStart(l.Seed(i), d))))
		}
		return out, nil
	})
	if err != nil {
		return Measured{}, err
	}
	x := floats(dims)
	base, ci := Bootstrap(l, seeds, func(runs []int) float64 {
		slope, _ := Slope(x, meansOf(times, runs))
		return math.Exp(slope)
	})
	var y []float64
	for _, m := range meansOf(times, indices(seeds)) {
		y = append(y, math.Exp(m))
	}
	return Measured{
		Value: base, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("event-driven gradient descent on octopus L=e gamma=1 tau=e lr=1/(4L), dim=%d..%d", dims[0], dims[len(dims)-1]),
		Notes:  []string{fmt.Sprintf("typical steps in %d dimensions: %.3g", dims[len(dims)-1], y[len(y)-1])},
		Series: []Series{{"steps of gradient descent by dimension", x, y}},
	}, nil
}

func octopusCheck(l *Lab) (Measured, error) {
	const most, budget = 4, 100_000
	seeds := Pick(l, 20, 100)
	off, err := Map(l, seeds*most, func(i int) (float64, error) {
		at := tubeStart(l.Seed(i/most), i%most+1)
		run, err := l.Start(Setup{Objective: dense.Format(tube), Dim: len(at), Optimizer: "sgd", LR: tubeRate, At: at}, 0)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		for run.T < budget {
			x, err := run.Point()
			if err != nil {
				return 0, err
			}
			if math.Abs(x[len(x)-1]) >= 2*tube.Tau {
				break
			}
			if err := run.Step(1); err != nil {
				return 0, err
			}
		}
		return math.Abs(float64(run.T)/tubeTime(tube, tubeRate, at) - 1), nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(slices.Max(off), "sgd lr=1/(4L) on octopus against the event-driven model, dim=1..4, f64")
	m.Seeds = seeds
	return m, nil
}

func octopusAtRest(l *Lab) (Measured, error) {
	const dim, steps = 6, 20_000
	seeds := Pick(l, 40, 200)
	rest, err := Map(l, seeds, func(i int) (bool, error) {
		run, err := l.Start(Setup{Objective: dense.Format(tube), Dim: dim, Optimizer: "sgd", LR: tubeRate, At: tubeStart(l.Seed(i), dim)}, 0)
		if err != nil {
			return false, err
		}
		defer run.Close()
		if err := run.Steps(steps); err != nil {
			return false, err
		}
		x, err := run.Point()
		if err != nil {
			return false, err
		}
		before := slices.Clone(x)
		if err := run.Steps(1000); err != nil {
			return false, err
		}
		x, err = run.Point()
		return slices.Equal(x, before) && math.Abs(x[dim-1]) < tube.Tau, err
	})
	if err != nil {
		return Measured{}, err
	}
	share, ci := Share(count(rest), seeds)
	return Measured{
		Value: share, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("sgd lr=1/(4L) on octopus, dim=%d, the same bits after %d steps and 1000 more, f64", dim, steps),
	}, nil
}

func count(x []bool) (n int) {
	for _, v := range x {
		if v {
			n++
		}
	}
	return n
}

// arrives takes steps on the octopus until the value is below a hundredth of what one
// saddle is worth, and returns how many, or NaN where there would be more than most.
func arrives(l *Lab, optimizer string, lr float64, dim, most int, seed uint64) (float64, error) {
	run, err := l.Start(Setup{Objective: dense.Format(tube), Dim: dim, Optimizer: optimizer, LR: lr, At: tubeStart(seed, dim)}, seed)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	first, _, err := run.Look()
	if err != nil {
		return 0, err
	}
	ok, err := run.Until(most, func(value, _ float64) bool { return value <= 0.01*first/float64(dim) })
	if !ok {
		return math.NaN(), err
	}
	return float64(run.T), err
}

func octopusByDim(l *Lab, optimizer string) (Measured, error) {
	dims := Pick(l, []int{4, 8, 16, 32, 64}, []int{4, 8, 16, 32, 64, 128, 256})
	seeds := Pick(l, 8, 20)
	m, err := byColumn(l, seeds, floats(dims), LogLog, func(x float64, seed uint64) (float64, error) {
		d := int(x)
		most := 30 * d * d
		t, err := arrives(l, optimizer, tubeRate, d, most, seed)
		if err == nil && math.IsNaN(t) {
			t = float64(most) // a lower bound, which makes the exponent too large for the rule
		}
		return t, err
	})
	if err != nil {
		return m, err
	}
	m.Params = fmt.Sprintf("%s lr=1/(4L) on octopus, dim=%d..%d, f64", optimizer, dims[0], dims[len(dims)-1])
	m.Notes = []string{fmt.Sprintf("mean steps by dimension: %.0f", m.Series[0].Y)}
	m.Series[0].Name = "steps of " + optimizer + " by dimension"
	return m, nil
}

func octopusWithoutNoise(l *Lab) (Measured, error) {
	const dim = 16
	seeds := Pick(l, 20, 100)
	there, err := Map(l, seeds, func(i int) (bool, error) {
		t, err := arrives(l, "sgd", tubeRate, dim, 2000*dim, l.Seed(i))
		return !math.IsNaN(t), err
	})
	if err != nil {
		return Measured{}, err
	}
	share, ci := Share(count(there), seeds)
	return Measured{Value: share, CI: ci, Seeds: seeds, Params: fmt.Sprintf("sgd lr=1/(4L) on octopus, dim=%d, %d steps, f64", dim, 2000*dim)}, nil
}

func octopusOthers(l *Lab) (Measured, error) {
	others := []struct {
		optimizer string
		lr        float64
	}{
		{"sgd", tubeRate}, {"momentum:beta=0.9", tubeRate / 10}, {"nesterov:beta=0.9", tubeRate / 10}, {"normalized-gd", 0.01},
		{"adagrad", 0.1}, {"rmsprop", 0.01}, {"adam", 0.01}, {"lion", 0.01},
	}
	const seeds, most = 5, 40_000
	dim := Pick(l, 8, 24)
	times, err := Map(l, len(others)*seeds, func(i int) (float64, error) {
		o := others[i/seeds]
		t, err := arrives(l, o.optimizer, o.lr, dim, most, l.Seed(i%seeds))
		if math.IsNaN(t) {
			t = math.Inf(1)
		}
		return t, err
	})
	if err != nil {
		return Measured{}, err
	}
	m := Measured{Params: fmt.Sprintf("one learning rate each, on octopus, dim=%d, at most %d steps, f64", dim, most), Seeds: seeds}
	for i, o := range others {
		t := times[i*seeds:][:seeds]
		slices.Sort(t)
		if math.IsInf(t[seeds/2], 1) {
			m.Notes = append(m.Notes, o.optimizer+": not there")
			continue
		}
		m.Value++
		m.Notes = append(m.Notes, fmt.Sprintf("%s: median of %.0f steps", o.optimizer, t[seeds/2]))
	}
	m.CI = [2]float64{m.Value, m.Value}
	return m, nil
}
