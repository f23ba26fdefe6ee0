package claims

import (
	"fmt"
	"math"

	"github.com/optbench/optbench/backend"
)

const (
	otherResults = "lecture, other results on second-order stationary points"
	builtInFlat  = "that other steps could not do better, or that the way is typical: step and batch are those that the theorem prescribes, the way is along a slope of 2 eps, and the exponent follows from both; no saddle lies on it"
	// The flat part is made for the class of all functions with a constant of 1.
	givenRho = "; the constant of the Hessian is given as 1, and is 6 eps for this function, by which steps would be longer"
)

var _ = define(Claim{
	ID:        "C31",
	Statement: "perturbed SGD takes as eps^-4 gradients, its bound for second-order stationary points if stochastic gradients are Lipschitz, where the way is long",
	Source:    "lecture, after Theorem 13; Jin et al. 2019, arXiv:1902.04811",
	Theory:    "4: exponent of 1/eps in gradients",
	NotShown:  builtInFlat,
	Rule:      SlopeWithin(4, 0.1),
	Run: func(l *Lab) (Measured, error) {
		return gradientsByEps(l, Pick(l, []float64{10, 14, 20}, []float64{20, 28, 40, 56}), perturbedSGD)
	},
}, Claim{
	ID:        "C31a",
	Statement: "without that assumption it takes O(d eps^-4): a factor d more",
	Source:    "lecture, after Theorem 13; Jin et al. 2019, arXiv:1902.04811",
	Theory:    "<= 1: exponent of the dimension in gradients, with the step that the theorem prescribes",
	NotShown:  "that the factor is needed: an upper bound, whose step has the factor built in",
	Rule:      AtMost{1.05},
	Run:       gradientsByDim,
}, Claim{
	ID:        "C32",
	Statement: "SGD with averaging and some tricks takes as eps^-3.5 gradients, its bound, where the way is long",
	Source:    otherResults + "; Fang, Lin, Zhang 2019, arXiv:1902.00247",
	Theory:    "3.5: exponent of 1/eps in gradients",
	NotShown:  builtInFlat,
	Rule:      SlopeWithin(3.5, 0.1),
	Run: func(l *Lab) (Measured, error) {
		return gradientsByEps(l, Pick(l, []float64{8, 16, 32}, []float64{10, 20, 40, 80}), averagedSGD)
	},
}, Claim{
	ID:        "C33",
	Statement: "SPIDER, SGD of reduced variance, takes as eps^-3 gradients, its bound, where the way is long",
	Source:    otherResults + "; Fang, Li, Lin, Zhang 2018, arXiv:1807.01695",
	Theory:    "3: exponent of 1/eps in gradients",
	NotShown:  builtInFlat + "; the noise is the same at all points, so that differences have none",
	Rule:      SlopeWithin(3, 0.1),
	Run: func(l *Lab) (Measured, error) {
		return gradientsByEps(l, Pick(l, []float64{20, 40, 80, 160}, []float64{20, 40, 80, 160, 320, 640}), spider)
	},
}, Claim{
	ID:        "C34",
	Statement: "cubic regularization takes as eps^-1.5 steps, its bound for second-order stationary points, where the way is long",
	Source:    otherResults + "; Nesterov, Polyak 2006",
	Theory:    "1.5: exponent of 1/eps in steps",
	NotShown:  builtInFlat + givenRho,
	Rule:      SlopeWithin(1.5, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByEps(l, cubicSteps) },
}, Claim{
	ID:        "C34a",
	Statement: "so does a trust region",
	Source:    otherResults + "; Conn, Gould, Toint 2000; Curtis, Robinson, Samadi 2017",
	Theory:    "1.5: exponent of 1/eps in steps, with a radius of sqrt(eps/rho)",
	NotShown:  builtInFlat + givenRho,
	Rule:      SlopeWithin(1.5, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByEps(l, trustSteps) },
}, Claim{
	ID:        "C34c",
	Statement: "accelerated descent with perturbation takes as eps^-1.75 steps, its bound, where the way is long: fewer than perturbed gradient descent",
	Source:    otherResults + "; Jin, Netrapalli, Jordan 2017, arXiv:1711.10456",
	Theory:    "1.75: exponent of 1/eps in steps, of two gradients each",
	NotShown:  builtInFlat + givenRho,
	Rule:      SlopeWithin(1.75, 0.05),
	Run:       func(l *Lab) (Measured, error) { return stepsByEps(l, acceleratedSteps) },
}, Claim{
	ID:        "C34e",
	Statement: "with Hessian-vector products alone it takes O(eps^-1.75) of them",
	Source:    otherResults + "; Carmon, Duchi, Hinder, Sidford 2016, arXiv:1611.00756; Agarwal et al. 2016, arXiv:1611.01146",
	Theory:    "<= 1.75: exponent of 1/eps in gradients and products together, of cubic steps from Krylov spaces",
	NotShown:  "that it is tight: the curvatures of this function are few, and so are the products that a step takes" + givenRho,
	Rule:      AtMost{1.75},
	Run:       func(l *Lab) (Measured, error) { return stepsByEps(l, cubicProducts) },
}, Claim{
	ID:        "C34f",
	Statement: "accelerated descent comes upon negative curvature and follows it out of a saddle",
	Source:    "Jin, Netrapalli, Jordan 2017, arXiv:1711.10456, Algorithm 3",
	Theory:    "1: share of runs from beside a saddle in which that branch is taken, and which leave",
	NotShown:  "that the branch is what makes it fast",
	Rule:      Proportion{0.8, 1},
	Run:       curvatureFollowed,
}, Claim{
	ID:        "C38",
	Statement: "stochastic Hessian-vector methods take O(eps^-3.5); SGD is optimal with eps^-4; lower bounds of SGD and rates of all other methods under (L0,L1)-smoothness",
	Source:    otherResults + "; lecture, items to explore; Tripuraneni et al. 2017, arXiv:1711.02838",
	Theory:    "none: upper bounds over a class, and open questions",
	NotShown:  "everything: nothing is measured",
	Rule:      Stated{},
	Run:       func(*Lab) (Measured, error) { return Exactly(0, "not measured"), nil },
})

// flatDim is the dimension of the function with a slope of 2 eps in stochastic claims.
const flatDim = 2

// A flatRun is how a method is set to reach gradients of size eps, from samples with
// noise of variance 1, on the function with a flat coordinate. Done says when it is
// there.
type flatRun struct {
	Setup
	Done func(run *Run) (bool, error)
}

// flat is that function with a method to be set.
func flat(eps float64, dim int, optimizer string, lr float64) flatRun {
	return flatRun{
		Setup{
			Objective: fmt.Sprintf("stiff-flat:eps=%v:gap=1:stiffness=1", eps), Dim: dim,
			Noise: fmt.Sprintf("gaussian:scale=%v", 1/math.Sqrt(float64(dim))), Optimizer: optimizer, LR: lr,
		},
		func(run *Run) (bool, error) {
			_, norm, err := run.Look()
			return norm <= eps, err
		},
	}
}

// still is flat without noise.
func still(eps float64, optimizer string, lr float64) flatRun {
	r := flat(eps, 10, optimizer, lr)
	r.Noise = ""
	return r
}

func perturbedSGD(eps float64) flatRun {
	inflation := 1 + 1/(eps*eps) + 1/math.Sqrt(eps)
	return flat(eps, flatDim, fmt.Sprintf("psgd:eps=%v:sigma=1:l=1:rho=1:k=1", eps), 1/inflation)
}

func averagedSGD(eps float64) flatRun {
	r := flat(eps, flatDim, fmt.Sprintf("sgd-restart:radius=%v:steps=%.0f", math.Sqrt(eps)/2, math.Ceil(1/(eps*eps))), math.Pow(eps, 1.5)/2)
	r.Done = func(run *Run) (bool, error) {
		// The flat part is worth less than eps/6 where its slope is less than eps.
		value, err := run.Value()
		return value <= eps/6, err
	}
	return r
}

func spider(eps float64) flatRun {
	return flat(eps, flatDim, fmt.Sprintf("spider:eps=%v:sigma=1:n0=1", eps), 0.5)
}

// reach runs until it is done, looking after ever more steps.
func reach(l *Lab, f flatRun, seed uint64) (*Run, error) {
	const most = 1 << 30
	run, err := l.Start(f.Setup, seed)
	if err != nil {
		return nil, err
	}
	for {
		done, err := false, run.Step(1)
		if err == nil {
			done, err = f.Done(run)
		}
		if err == nil && !done && run.T >= most {
			err = fmt.Errorf("%s on %s: not there after %d steps", f.Optimizer, f.Objective, run.T)
		}
		if err != nil || done {
			return run, closing(run, err)
		}
		if err := run.Steps(run.T / 256); err != nil {
			return nil, closing(run, err)
		}
	}
}

// closing closes a run where there is an error.
func closing(run *Run, err error) error {
	if err != nil {
		run.Close()
	}
	return err
}

func gradientsByEps(l *Lab, inverse []float64, set func(eps float64) flatRun) (Measured, error) {
	m, err := byColumn(l, Pick(l, 6, 10), inverse, LogLog, func(inverse float64, seed uint64) (float64, error) {
		run, err := reach(l, set(1/inverse), seed)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		return float64(run.Grads()), nil
	})
	if err != nil {
		return m, err
	}
	last := set(1 / inverse[len(inverse)-1])
	m.Series[0].Name = "mean gradients"
	m.Params = fmt.Sprintf("%s lr=%.3g at the last of 1/eps=%v, stiff-flat gap=1, dim=%d, normal noise of variance 1, f64", last.Optimizer, last.LR, inverse, last.Dim)
	m.Notes = []string{fmt.Sprintf("mean gradients: %.4g", m.Series[0].Y)}
	return m, nil
}

func gradientsByDim(l *Lab) (Measured, error) {
	const eps = 0.1
	dims := Pick(l, []float64{2, 4, 8}, []float64{2, 4, 8, 16, 32, 64})
	m, err := byColumn(l, Pick(l, 8, 20), dims, LogLog, func(d float64, seed uint64) (float64, error) {
		inflation := 1 + d/(eps*eps)
		run, err := reach(l, flat(eps, int(d), fmt.Sprintf("psgd:eps=%v:sigma=1:l=1:rho=1:k=0", eps), 1/inflation), seed)
		if err != nil {
			return 0, err
		}
		defer run.Close()
		return float64(run.Grads()), nil
	})
	m.Params = fmt.Sprintf("psgd k=0 on stiff-flat eps=%v gap=1, dim=%v, normal noise of variance 1, f64", eps, dims)
	return m, err
}

// An exactRun is a method without noise, and what of a run is counted.
type exactRun struct {
	name string
	set  func(eps float64) flatRun
	cost func(run *Run) float64
}

func byStep(run *Run) float64 { return float64(run.T) }

var (
	cubicSteps = exactRun{"cubic-newton lr=1", func(eps float64) flatRun { return still(eps, "cubic-newton", 1) }, byStep}
	trustSteps = exactRun{"trust-region fixed lr=sqrt(eps)", func(eps float64) flatRun {
		return still(eps, "trust-region:fixed=true", math.Sqrt(eps))
	}, byStep}
	acceleratedSteps = exactRun{"perturbed-agd rho=1 lr=1/4", func(eps float64) flatRun {
		return still(eps, fmt.Sprintf("perturbed-agd:eps=%v:rho=1:radius=%v:pause=50", eps, eps*eps), 0.25)
	}, byStep}
	cubicProducts = exactRun{cubicSteps.name, cubicSteps.set, func(run *Run) float64 { return float64(run.Grads()) }}
)

func stepsByEps(l *Lab, e exactRun) (Measured, error) {
	inverse := Pick(l, []float64{100, 200, 400, 800}, []float64{100, 200, 400, 800, 1600, 3200})
	costs, err := Map(l, len(inverse), func(i int) (float64, error) {
		run, err := reach(l, e.set(1/inverse[i]), l.Seed(i))
		if err != nil {
			return 0, err
		}
		defer run.Close()
		return e.cost(run), nil
	})
	if err != nil {
		return Measured{}, err
	}
	slope, ci := LogLog(inverse, costs)
	return Measured{
		Value: slope, CI: ci,
		Params: fmt.Sprintf("%s, stiff-flat gap=1, dim=10, 1/eps=%v, f64", e.name, inverse),
		Notes:  []string{fmt.Sprintf("counts: %.0f", costs)},
		Series: []Series{{e.name, inverse, costs}},
	}, nil
}

// curvatureFollowed counts runs of accelerated descent that stop their momentum, which
// only the branch for negative curvature does, and leave the saddle.
func curvatureFollowed(l *Lab) (Measured, error) {
	const most = 5000
	seeds := Pick(l, 20, 100)
	followed, err := Map(l, seeds, func(i int) (bool, error) {
		run, err := l.Start(Setup{
			Objective: "cubic-saddle:gamma=0.1:rho=1:stiffness=1:anisotropy=1", Dim: saddleDim,
			Optimizer: "perturbed-agd:eps=0.01:rho=1:radius=1e-3:pause=50", LR: 0.25,
		}, l.Seed(i))
		if err != nil {
			return false, err
		}
		defer run.Close()
		states, _ := run.stepper.State()
		velocity := make([]float64, saddleDim)
		stopped := false
		for run.T < most {
			if err := run.Step(1); err != nil {
				return false, err
			}
			if err := backend.Get(states[0], velocity); err != nil {
				return false, err
			}
			zero := true
			for _, v := range velocity {
				zero = zero && v == 0
			}
			stopped = stopped || zero
			x, err := run.First()
			if err != nil {
				return false, err
			}
			if math.Abs(x) >= 0.1 {
				return stopped, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return Measured{}, err
	}
	share, ci := Share(count(followed), seeds)
	return Measured{Value: share, CI: ci, Seeds: seeds, Params: fmt.Sprintf("perturbed-agd eps=0.01 rho=1 lr=1/4 on cubic-saddle gamma=0.1 rho=1, dim=%d, f64", saddleDim)}, nil
}
