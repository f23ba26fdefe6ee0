package claims

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/optbench/optbench/kernels"
)

const adamPaper = "Kingma, Ba 2015, arXiv:1412.6980"

var _ = define(Claim{
	ID:        "C10",
	Statement: "Adam keeps exponential averages of gradients and of their squares",
	Source:    "lecture, Adam; " + adamPaper,
	Theory:    "0: the largest relative difference of both states from (1-beta)*sum(beta^(t-i)*g^k)",
	NotShown:  "why such averages should serve",
	Rule:      Exact{0, 1e-12},
	Run:       func(l *Lab) (Measured, error) { return averages(l, "adam:beta1=0.9:beta2=0.99") },
}, Claim{
	ID:        "C10a",
	Statement: "the epsilon-hat form of Adam is Adam, if epsilon follows sqrt(1-beta2^t)",
	Source:    adamPaper + ", before section 2.1",
	Theory:    "0: the largest relative difference between the two paths",
	NotShown:  "that a constant epsilon-hat is as good",
	Rule:      Exact{0, 1e-12},
	Run: func(l *Lab) (Measured, error) {
		return epsilonHat(l, func(t int) float64 { return 1e-3 * math.Sqrt(1-math.Pow(0.999, float64(t))) })
	},
}, Claim{
	ID:        "C11",
	Statement: "epsilon within the root and beside it differ by a factor of 10 at |g| = 1e-5",
	Source:    "lecture, Adam and LAMB, whose slides differ",
	Theory:    "10.04: sqrt(g^2+eps)/(|g|+eps) at eps = 1e-8",
	NotShown:  "gradients that are not far below the root of epsilon, where the two agree",
	Rule:      Exact{math.Sqrt(1e-10+1e-8) / (1e-5 + 1e-8), 1e-6},
	Run:       func(l *Lab) (Measured, error) { return epsilonPlaces(l, "lamb:eps=1e-8:weight_decay=0", 1e-5) },
}, Claim{
	ID:        "C12",
	Statement: "without bias correction Adam's first step is (1-beta1)/sqrt(1-beta2) times lr",
	Source:    "lecture, Adam, bias correction; " + adamPaper,
	Theory:    "3.162: the first step without the correction over the one with it",
	NotShown:  "whether that harms: C12b does",
	Rule:      Exact{0.1 / math.Sqrt(0.001), 1e-6},
	Run:       func(l *Lab) (Measured, error) { return firstSteps(l, uncorrected, 1) },
}, Claim{
	ID:        "C12a",
	Statement: "without bias correction Adam's steps grow to 6.57 times lr, at the twelfth",
	Source:    "lecture, Adam, bias correction; " + adamPaper,
	Theory:    "6.569: the largest of (1-0.9^t)/sqrt(1-0.999^t)",
	NotShown:  "gradients that vary",
	Rule:      Exact{largestUncorrected(), 1e-6},
	Run:       func(l *Lab) (Measured, error) { return firstSteps(l, uncorrected, 1000) },
}, Claim{
	ID:        "C12b",
	Statement: "bias correction matters: without it Adam leaves a minimum at once",
	Source:    "lecture, Adam, bias correction; " + adamPaper,
	Theory:    ">= 4: the mean of the largest values of 100 steps from the minimum, without over with",
	NotShown:  "that it matters with a warm-up, which has the same effect",
	Rule:      AtLeast{4},
	Run:       func(l *Lab) (Measured, error) { return excursions(l, uncorrected) },
}, Claim{
	ID:        "C13",
	Statement: "moments that are corrected in place overflow float32 at the 20th step",
	Source:    "lecture, Adam and LAMB, m = m/(1-beta^t)",
	Theory:    "20: the step at which v = (beta2*v + (1-beta2)g^2)/(1-beta2^t) is infinite, for g = 1",
	NotShown:  "that anyone computes it so",
	Rule:      Exact{20, 0},
	Run:       func(l *Lab) (Measured, error) { return overflow(l, kernels.F32) },
}, Claim{
	ID:        "C13a",
	Statement: "moments that are corrected in place overflow float64 at the 329th step",
	Source:    "lecture, Adam and LAMB, m = m/(1-beta^t)",
	Theory:    "329: the step at which v = (beta2*v + (1-beta2)g^2)/(1-beta2^t) is infinite, for g = 1",
	NotShown:  "that anyone computes it so",
	Rule:      Exact{329, 0},
	Run:       func(l *Lab) (Measured, error) { return overflow(l, kernels.F64) },
}, Claim{
	ID:        "E04",
	Statement: "Adam corrects its moments in place, m = m/(1-beta1^t), and steps by lr for a constant gradient",
	Source:    "lecture, Adam and LAMB",
	Theory:    "-7.18: log10 of the tenth step over lr, for it compounds; 0 with m^ and v^ beside m and v, and as printed",
	NotShown:  "that anyone computes it so",
	Rule:      AsPrinted{Printed: 0, Corrected: math.Log10(literalStep(10)), Tolerance: 0.01},
	Run:       func(l *Lab) (Measured, error) { return tenthStep(l) },
}, Claim{
	ID:        "E05",
	Statement: "LAMB divides by sqrt(v)+eps and by sqrt(v+eps): within the root eps acts as its root",
	Source:    "lecture, LAMB, printed in both ways",
	Theory:    "0.7071: the step at |g| = sqrt(eps) over lr, with eps within the root; 0.9999 with eps beside it",
	NotShown:  "which of the two trains better, or that the slides print both: the text that was read of them does",
	Rule:      Exact{math.Sqrt2 / 2, 1e-6},
	Run: func(l *Lab) (Measured, error) {
		paths, err := Map(l, 1, func(int) ([]float64, error) {
			return l.path("lamb:eps=1e-8:weight_decay=0:eps_inside=true", 1, 1e-4, 1)
		})
		if err != nil {
			return Measured{}, err
		}
		return Exactly(lengths(paths[0])[0], "lamb eps=1e-8 eps_inside=true lr=1, one gradient of 1e-4 at a parameter of 0, f64"), nil
	},
})

const (
	corrected   = "adam:eps=0"
	uncorrected = "adam:correction=uncorrected:eps=0"
)

// largestUncorrected is the largest step of Adam without bias correction, over lr, for
// a constant gradient.
func largestUncorrected() float64 {
	most := 0.0
	for t := 1; t <= 1000; t++ {
		most = max(most, (1-math.Pow(0.9, float64(t)))/math.Sqrt(1-math.Pow(0.999, float64(t))))
	}
	return most
}

// literal are the moments after t steps by a gradient of 1, corrected in place.
func literal(t int) (m, v float64) {
	for k := 1; k <= t; k++ {
		m = (0.9*m + 0.1) / (1 - math.Pow(0.9, float64(k)))
		v = (0.999*v + 0.001) / (1 - math.Pow(0.999, float64(k)))
	}
	return m, v
}

func literalStep(t int) float64 {
	m, v := literal(t)
	return m / math.Sqrt(v)
}

// averages compares the states of Adam with the sums that they stand for.
func averages(l *Lab, optimizer string) (Measured, error) {
	const steps, beta1, beta2 = 200, 0.9, 0.99
	worst, err := Map(l, 1, func(int) (float64, error) {
		f, err := l.Feed(optimizer, 1e-3, 1, kernels.F64)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		random := rand.New(rand.NewPCG(l.Seed(0), 0))
		var past []float64
		most := 0.0
		for range steps {
			past = append(past, random.Float64()+0.5)
			if _, err := f.Step(past[len(past)-1]); err != nil {
				return 0, err
			}
			var m, v float64
			for i, g := range past {
				age := float64(len(past) - 1 - i)
				m += (1 - beta1) * math.Pow(beta1, age) * g
				v += (1 - beta2) * math.Pow(beta2, age) * g * g
			}
			for k, want := range []float64{m, v} {
				got, err := f.Slot(gradient + 1 + k)
				if err != nil {
					return 0, err
				}
				most = max(most, math.Abs(got[0]/want-1))
			}
		}
		return most, nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(worst[0], fmt.Sprintf("%s, %d steps with gradients drawn from [0.5, 1.5), f64", optimizer, steps))
	m.Seeds = 1
	return m, nil
}

// epsilonHat compares Adam with its other form, whose epsilon is set anew each step.
func epsilonHat(l *Lab, eps func(t int) float64) (Measured, error) {
	const steps = 200
	worst, err := Map(l, 1, func(int) (float64, error) {
		a, err := l.Feed("adam:eps=1e-3", 0.1, 1, kernels.F64)
		if err != nil {
			return 0, err
		}
		defer a.Close()
		b, err := l.Feed("adam", 0.1, 1, kernels.F64)
		if err != nil {
			return 0, err
		}
		defer b.Close()
		random := rand.New(rand.NewPCG(l.Seed(0), 0))
		most := 0.0
		for t := 1; t <= steps; t++ {
			if err := b.bind(kernels.Adam{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: eps(t), Correction: kernels.EpsilonHat}); err != nil {
				return 0, err
			}
			g := 1e-3 * (random.Float64() + 0.5)
			x, err := a.Step(g)
			if err != nil {
				return 0, err
			}
			y, err := b.Step(g)
			if err != nil {
				return 0, err
			}
			most = max(most, math.Abs(y[0]/x[0]-1))
		}
		return most, nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(worst[0], fmt.Sprintf("adam eps=1e-3 lr=0.1, %d steps with gradients drawn from 1e-3*[0.5, 1.5), f64", steps))
	m.Seeds = 1
	return m, nil
}

func epsilonPlaces(l *Lab, optimizer string, g float64) (Measured, error) {
	forms := []string{optimizer, optimizer + ":eps_inside=true"}
	steps, err := Map(l, 2, func(i int) (float64, error) {
		path, err := l.path(forms[i], 1, g, 1)
		return lengths(path)[0], err
	})
	if err != nil {
		return Measured{}, err
	}
	return Exactly(steps[0]/steps[1], fmt.Sprintf("%s, one gradient of %v at a parameter of 0, f64", optimizer, g)), nil
}

// firstSteps is the largest of some steps over lr, for a constant gradient.
func firstSteps(l *Lab, optimizer string, steps int) (Measured, error) {
	paths, err := Map(l, 2, func(i int) ([]float64, error) { return l.path([]string{optimizer, corrected}[i], 1, 1, steps) })
	if err != nil {
		return Measured{}, err
	}
	most, at := 0.0, 0
	own := lengths(paths[0])
	for t, s := range own {
		if s > most {
			most, at = s, t+1
		}
	}
	m := Exactly(most, fmt.Sprintf("%s lr=1, gradient 1, %d steps, f64", optimizer, steps))
	m.Notes = []string{fmt.Sprintf("at step %d; the way that was gone: %.1f, corrected %.1f", at, -paths[0][steps-1], -paths[1][steps-1])}
	if steps > 1 {
		var times []float64
		for t := range steps {
			times = append(times, float64(t+1))
		}
		m.Series = []Series{{"length of step, uncorrected", times, own}, {"length of step, corrected", times, lengths(paths[1])}}
	}
	return m, nil
}

// excursions compares how high a value rises within 100 steps from the minimum, by
// noise alone.
func excursions(l *Lab, optimizer string) (Measured, error) {
	const steps, dim = 100, 16
	seeds := Pick(l, 32, 256)
	highest, err := Map(l, seeds, func(i int) ([2]float64, error) {
		var out [2]float64
		for k, name := range []string{optimizer, corrected} {
			at := make([]float64, dim)
			for j := range at {
				at[j] = 1 // the minimum
			}
			run, err := l.Start(Setup{Objective: "diagonal:condition=1", Dim: dim, Noise: "gaussian:scale=1", Optimizer: name, LR: 0.1, At: at}, l.Seed(i))
			if err != nil {
				return out, err
			}
			for range steps {
				if err := run.Step(1); err != nil {
					return out, err
				}
				value, _, err := run.Look()
				if err != nil {
					return out, err
				}
				out[k] = max(out[k], value)
			}
			if err := run.Close(); err != nil {
				return out, err
			}
		}
		return out, nil
	})
	if err != nil {
		return Measured{}, err
	}
	value, ci := Bootstrap(l, seeds, func(runs []int) float64 {
		return MeanOf(runs, func(r int) float64 { return highest[r][0] }) / MeanOf(runs, func(r int) float64 { return highest[r][1] })
	})
	return Measured{
		Value: value, CI: ci, Seeds: seeds,
		Params: fmt.Sprintf("%s and %s lr=0.1, diagonal:condition=1 dim=%d from its minimum, gaussian:scale=1, %d steps, f64", optimizer, corrected, dim, steps),
	}, nil
}

// inPlace takes a step of Adam whose moments are then divided as the slides print it.
func inPlace(f *Fed, g float64) (m, v float64, err error) {
	if _, err := f.Step(g); err != nil {
		return 0, 0, err
	}
	for k, beta := range []float64{0.9, 0.999} {
		x, err := f.Slot(gradient + 1 + k)
		if err != nil {
			return 0, 0, err
		}
		x[0] /= 1 - math.Pow(beta, float64(f.T))
		if err := f.Set(gradient+1+k, x); err != nil {
			return 0, 0, err
		}
		if k == 0 {
			m = x[0]
		} else {
			v = x[0]
		}
	}
	// What was stored may have been rounded to infinity.
	stored, err := f.Slot(gradient + 2)
	if err == nil && math.IsInf(stored[0], 0) {
		v = stored[0]
	}
	return m, v, err
}

func overflow(l *Lab, d kernels.DType) (Measured, error) {
	steps, err := Map(l, 1, func(int) (int, error) {
		f, err := l.Feed(uncorrected, 1e-3, 1, d)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		for t := 1; t <= 10_000; t++ {
			if _, v, err := inPlace(f, 1); err != nil || math.IsInf(v, 0) {
				return t, err
			}
		}
		return 0, fmt.Errorf("no overflow within 10000 steps")
	})
	if err != nil {
		return Measured{}, err
	}
	return Exactly(float64(steps[0]), fmt.Sprintf("adam beta1=0.9 beta2=0.999, gradient 1, moments divided in place, %v", d)), nil
}

func tenthStep(l *Lab) (Measured, error) {
	steps, err := Map(l, 1, func(int) (float64, error) {
		f, err := l.Feed(uncorrected, 1e-3, 1, kernels.F64)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		var m, v float64
		for range 10 {
			if m, v, err = inPlace(f, 1); err != nil {
				return 0, err
			}
		}
		return m / math.Sqrt(v), nil
	})
	if err != nil {
		return Measured{}, err
	}
	m := Exactly(math.Log10(steps[0]), "adam beta1=0.9 beta2=0.999, gradient 1, moments divided in place, f64")
	m.Notes = []string{fmt.Sprintf("the step itself: %.3g of lr", steps[0])}
	return m, nil
}
