package measure

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// z is the 97.5 % point of the normal distribution, for intervals of 95 %.
const z = 1.959963984540054

// Wilson returns the 95 % interval of a probability of which k successes in n trials
// are known (E. B. Wilson, Probable inference, the law of succession, and statistical
// inference, 1927). Unlike the usual one it holds for few trials, and near 0 and 1.
func Wilson(k, n int) (lo, hi float64) {
	if n == 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	centre := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	lo, hi = (centre-half)/scale, (centre+half)/scale
	if k == 0 {
		lo = 0 // rounding would leave a little
	}
	if k == n {
		hi = 1
	}
	return lo, hi
}

// ERT returns the expected running time: what all runs cost together, for each that
// reached the target (N. Hansen et al., COCO: performance assessment, 2016). It is
// what reaching the target costs somebody who starts anew whenever a run misses it,
// and is infinite where none reached it.
func (g *Group) ERT(c Cost) float64 {
	total := 0.0
	for _, r := range g.Runs {
		total += c.Of(r)
	}
	return perSuccess(total, g.Reached())
}

func perSuccess(total float64, successes int) float64 {
	if successes == 0 {
		return math.Inf(1) // also where nothing was spent
	}
	return total / float64(successes)
}

const resamples = 2000

// ERTInterval returns the 95 % interval of the expected running time, by the
// percentiles of resampled runs. Its upper end is infinite where a fortieth of the
// samples hold no run that reached the target. One run has none: both ends are NaN.
func (g *Group) ERTInterval(c Cost) (lo, hi float64) {
	if len(g.Runs) < 2 {
		return math.NaN(), math.NaN()
	}
	type trial struct {
		cost    float64
		reached bool
	}
	var trials []trial
	for _, r := range g.Runs {
		trials = append(trials, trial{c.Of(r), r.Reached})
	}
	// The order of runs must not matter to what is drawn.
	slices.SortFunc(trials, func(a, b trial) int {
		if a.cost == b.cost && a.reached != b.reached {
			if a.reached {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.cost, b.cost)
	})
	rng := rand.New(rand.NewPCG(1, uint64(len(trials))))
	times := make([]float64, resamples)
	for i := range times {
		total, reached := 0.0, 0
		for range trials {
			t := trials[rng.IntN(len(trials))]
			total += t.cost
			if t.reached {
				reached++
			}
		}
		times[i] = perSuccess(total, reached)
	}
	slices.SortFunc(times, cmp.Compare)
	const tail = resamples / 40
	return times[tail], times[resamples-1-tail]
}
