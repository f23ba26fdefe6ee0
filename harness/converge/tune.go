package converge

import (
	"math"
	"slices"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/record"
)

// A Tuning says how a learning rate is chosen: by as many trials for every optimizer,
// quasi-random on a logarithmic scale from LowestRate to HighestRate, from seeds
// that no evaluation uses.
type Tuning struct {
	Name   string
	Trials int // learning rates
	Seeds  int // of each
}

// Tunings lists them.
var Tunings = []Tuning{{"none", 0, 0}, {"small", 16, 1}, {"medium", 32, 2}, {"large", 64, 3}}

// The space of learning rates.
const (
	LowestRate  = 1e-5
	HighestRate = 10
)

// tuningSeeds is how far the seeds of trials are from those of evaluations.
const tuningSeeds = 1 << 32

// FindTuning returns the tuning of that name.
func FindTuning(name string) (Tuning, error) {
	for _, t := range Tunings {
		if t.Name == name {
			return t, nil
		}
	}
	return Tuning{}, harness.Unknown("tuning", name, TuningNames())
}

// TuningNames lists the names of [Tunings].
func TuningNames() []string {
	var names []string
	for _, t := range Tunings {
		names = append(names, t.Name)
	}
	return names
}

// rates are the learning rates of the trials: each fills the widest gap that those
// before have left, about. Two digits are enough for anyone.
func (t Tuning) rates() []float64 {
	const golden = 0.6180339887498949
	var out []float64
	for i := range t.Trials {
		_, at := math.Modf(0.5 + golden*float64(i))
		out = append(out, twoDigits(LowestRate*math.Pow(HighestRate/LowestRate, at)))
	}
	return out
}

func twoDigits(x float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	return round(math.Round(x/unit) * unit)
}

// choose returns the task with the learning rate that its trials did best with, and
// the trials. A task that has one keeps it.
func (r *Runner) choose(t Task, one func(Task, uint64, bool) (*record.Convergence, error)) (Task, []*record.Convergence, error) {
	if t.LR != 0 {
		return t, nil, nil
	}
	if r.Tune.Trials == 0 {
		var err error
		t.LR, err = usualRate(t.Optimizer)
		return t, nil, err
	}
	var trials []*record.Convergence
	best, least := t, math.Inf(1)
	for _, rate := range r.Tune.rates() {
		trial := t
		trial.LR = rate
		var scores []float64
		for i := range r.Tune.Seeds {
			c, err := one(trial, r.Seed+tuningSeeds+uint64(i), true)
			if err != nil {
				return t, trials, err
			}
			trials = append(trials, c)
			scores = append(scores, score(c))
		}
		slices.Sort(scores)
		if s := scores[len(scores)/2]; s < least || best.LR == 0 {
			best, least = trial, s
		}
	}
	return best, trials, nil
}

// score orders runs: those that reach the target come first, by their gradients, then
// the others, by the value they reach as a share of the first, then those that
// diverge.
func score(c *record.Convergence) float64 {
	switch {
	case c.Reached:
		return float64(c.GradEvals) / math.MaxInt64 // up to 1
	case c.Diverged:
		return math.Inf(1)
	}
	share := c.Final / c.Start
	return 1 + share/(1+share) // from 1 to 2
}
