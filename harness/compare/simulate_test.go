package compare

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A noise gives the logarithms of what disturbs one launch after another.
type noise func(rng *rand.Rand) func() float64

// noises are those under which nothing may be found where there is nothing: spread
// is the standard deviation of a launch where nothing else disturbs it.
var noises = map[string]noise{
	"independent": func(rng *rand.Rand) func() float64 {
		return func() float64 { return spread * rng.NormFloat64() }
	},
	"drift": func(rng *rand.Rand) func() float64 { // 10 % over forty pairs
		at := 0.0
		return func() float64 {
			at += 0.1 / 80
			return at + spread*rng.NormFloat64()
		}
	},
	"bursts": func(rng *rand.Rand) func() float64 { // a fifth of the time, for five launches, half as slow again
		left := 0
		return func() float64 {
			if left--; left < 0 && rng.Float64() < 0.05 {
				left = 5
			}
			if left > 0 {
				return 0.4 + spread*rng.NormFloat64()
			}
			return spread * rng.NormFloat64()
		}
	},
	"periodic": func(rng *rand.Rand) func() float64 { // every fourth launch is 10 % slower
		at := rng.IntN(4)
		return func() float64 {
			at++
			if at%4 == 0 {
				return 0.1 + spread*rng.NormFloat64()
			}
			return spread * rng.NormFloat64()
		}
	},
	"autocorrelated": func(rng *rand.Rand) func() float64 {
		state := 0.0
		return func() float64 {
			state = 0.9*state + 5*spread*rng.NormFloat64()
			return state + spread*rng.NormFloat64()
		}
	},
}

const spread = 0.01

// simulate returns n pairs of launches in an order that a coin chooses, side b
// slower by the effect.
func simulate(rng *rand.Rand, launch func() float64, n int, effect float64) []float64 {
	d := make([]float64, n)
	for i := range d {
		first, second := launch(), launch()
		if rng.IntN(2) == 0 {
			first, second = second, first
		}
		d[i] = second + math.Log1p(effect) - first
	}
	return d
}

func paired(cases ...[]float64) []Data {
	out := make([]Data, len(cases))
	for i, d := range cases {
		out[i].Pairs = d
	}
	return out
}

// sequence judges a suite by a plan, look after look.
func sequence(plan Plan, pairs [][]float64) []Result {
	var results []Result
	for _, n := range plan.Looks {
		seen := make([][]float64, len(pairs))
		for i := range pairs {
			seen[i] = pairs[i][:n]
		}
		results = plan.Judge(paired(seen...), results)
	}
	return results
}

func alarm(results []Result) bool {
	for _, r := range results {
		if r.Verdict == Slower || r.Verdict == Faster {
			return true
		}
	}
	return false
}

// TestFalseAlarms compares a program with itself, under every noise: one case at a
// time, at one look and at three; and fifty cases together. The margin is so
// narrow that nothing counts as equivalent, which would hide false alarms.
func TestFalseAlarms(t *testing.T) {
	if testing.Short() {
		t.Skip("rates take many trials")
	}
	const margin = 1e-9
	for name, model := range noises {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(6, uint64(len(name))))
			for _, plan := range []Plan{
				{Looks: []int{12}, Alpha: 0.05, Margin: margin},
				{Looks: []int{12, 22, 40}, Alpha: 0.05, Margin: margin},
			} {
				const trials = 2000
				alarms := 0
				for range trials {
					d := simulate(rng, model(rng), plan.Looks[len(plan.Looks)-1], 0)
					if alarm(sequence(plan, [][]float64{d})) {
						alarms++
					}
				}
				if _, hi := Rate(alarms, trials); hi >= 0.065 {
					t.Errorf("looks at %v: %d false alarms in %d, which may be a rate of %.3f", plan.Looks, alarms, trials, hi)
				}
			}
			const suites, cases = 1500, 50
			plan, err := NewPlan(13, 13, cases, 0.05, margin)
			if err != nil {
				t.Fatal(err)
			}
			alarms := 0
			for range suites {
				pairs := make([][]float64, cases)
				for i := range pairs {
					pairs[i] = simulate(rng, model(rng), plan.Looks[len(plan.Looks)-1], 0)
				}
				if alarm(sequence(plan, pairs)) {
					alarms++
				}
			}
			if alarms > suites*5/100 {
				t.Errorf("%d cases: a false alarm in %d of %d suites", cases, alarms, suites)
			}
		})
	}
}

// TestFamilyWise adds up what every look of a plan may spend: the probability that
// the least p of a suite is significant, from the distribution that enumeration
// gives, is at most alpha whatever the noise is and however cases depend on each
// other.
func TestFamilyWise(t *testing.T) {
	const alpha = 0.05
	for _, cases := range []int{1, 2, 10, 50, 500} {
		for _, pairs := range [][2]int{{16, 16}, {12, 40}, {20, 40}, {40, 100}} {
			plan, err := NewPlan(pairs[0], pairs[1], cases, alpha, 0.02)
			if err != nil {
				t.Fatal(err)
			}
			var spent float64
			for _, n := range plan.Looks {
				null := untiedSums(n)
				var rejected, tail float64
				for k := len(null) - 1; k >= 0; k-- { // from the most extreme sum on
					if tail += null[k]; 2*tail > plan.spent()/float64(cases) {
						break
					}
					rejected = 2 * tail
				}
				if rejected == 0 {
					t.Errorf("%d cases, looks at %v: that at %d can find nothing", cases, plan.Looks, n)
				}
				spent += rejected * float64(cases)
			}
			if spent > alpha {
				t.Errorf("%d cases, looks at %v: a false alarm with probability %.4f, want %v at most", cases, plan.Looks, spent, alpha)
			}
		}
	}
}

// TestFixedOrder shows why a coin chooses the order: a load with a period of four
// launches fools the order ABBA.
func TestFixedOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	plan := Plan{Looks: []int{12}, Alpha: 0.05, Margin: 1e-9}
	const trials = 500
	alarms := 0
	for range trials {
		launch := noises["periodic"](rng)
		d := make([]float64, 12)
		for i := range d {
			first, second := launch(), launch()
			d[i] = second - first
			if i%2 == 1 {
				d[i] = -d[i]
			}
		}
		if alarm(plan.Judge(paired(d), nil)) {
			alarms++
		}
	}
	if alarms < trials/4 {
		t.Errorf("%d of %d: the simulation does not show what the order is for", alarms, trials)
	}
}

// TestPower finds planted slowdowns, and intervals hold them.
func TestPower(t *testing.T) {
	for _, c := range []struct {
		name           string
		plan           Plan
		effect, spread float64
		least          float64
	}{
		{"2 % in 12 pairs", Plan{Looks: []int{12}, Alpha: 0.05, Margin: 0.01}, 0.02, 0.01, 0.9},
		{"2 % from 12 pairs on", Plan{Looks: []int{12, 22, 40}, Alpha: 0.05, Margin: 0.01}, 0.02, 0.01, 0.9},
		{"5 % in 20 pairs, as on hosted runners", Plan{Looks: []int{20}, Alpha: 0.05, Margin: 0.02}, 0.05, 0.0266, 0.95},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(8, uint64(len(c.name))))
			const trials = 1000
			found, held := 0, 0
			launch := func() float64 { return c.spread * rng.NormFloat64() }
			for range trials {
				d := simulate(rng, launch, c.plan.Looks[len(c.plan.Looks)-1], c.effect)
				r := sequence(c.plan, [][]float64{d})[0]
				if r.Verdict == Slower {
					found++
				}
				if r.CI95[0] <= 1+c.effect && 1+c.effect <= r.CI95[1] {
					held++
				}
			}
			if share := float64(found) / trials; share < c.least {
				t.Errorf("found %.3f of them, want %.2f", share, c.least)
			}
			if share := float64(held) / trials; share < 0.93 {
				t.Errorf("%.3f of the intervals hold the effect, want 0.93", share)
			}
		})
	}
}

// TestMDE plants what an inconclusive comparison says it could have seen, and sees
// it about as often as the power says.
func TestMDE(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	launch := func() float64 { return 0.02 * rng.NormFloat64() }
	plan := Plan{Looks: []int{20}, Alpha: 0.05, Margin: 1e-9}
	var sum float64
	const trials = 500
	for range trials {
		sum += plan.Judge(paired(simulate(rng, launch, 20, 0)), nil)[0].MDE
	}
	mde, found := sum/trials, 0
	for range trials {
		if plan.Judge(paired(simulate(rng, launch, 20, mde)), nil)[0].Verdict == Slower {
			found++
		}
	}
	if share := float64(found) / trials; math.Abs(share-power) > 0.1 {
		t.Errorf("an effect of %.4f, which should be seen with probability %v, is seen in %.3f", mde, power, share)
	}
}

// TestEquivalence seldom calls equivalent what differs by the margin.
func TestEquivalence(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	launch := func() float64 { return spread * rng.NormFloat64() }
	plan := Plan{Looks: []int{12, 22, 40}, Alpha: 0.05, Margin: 0.02}
	const trials = 1000
	wrong := 0
	for range trials {
		if sequence(plan, [][]float64{simulate(rng, launch, 40, plan.Margin)})[0].Verdict == Equivalent {
			wrong++
		}
	}
	if _, hi := Rate(wrong, trials); hi > 0.065 {
		t.Errorf("%d of %d are called equivalent, want one in twenty at most", wrong, trials)
	}
}

// TestLaunches is TestFalseAlarms and TestPower of launches that were recorded
// apart, for which noise must be independent.
func TestLaunches(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	side := func(effect float64) []float64 {
		x := make([]float64, 12)
		for i := range x {
			x[i] = math.Log1p(effect) + spread*rng.NormFloat64()
		}
		return x
	}
	plan := Plan{Looks: []int{12}, Alpha: 0.05, Margin: 1e-9}
	const trials = 2000
	alarms, found, held := 0, 0, 0
	for range trials {
		r := plan.Judge([]Data{{A: side(0), B: side(0)}}, nil)
		if alarm(r) {
			alarms++
		}
		r = plan.Judge([]Data{{A: side(0), B: side(0.02)}}, nil)
		if r[0].Verdict == Slower {
			found++
		}
		if r[0].CI95[0] <= 1.02 && 1.02 <= r[0].CI95[1] {
			held++
		}
	}
	if _, hi := Rate(alarms, trials); hi >= 0.065 {
		t.Errorf("%d false alarms in %d", alarms, trials)
	}
	if found < trials*9/10 || held < trials*93/100 {
		t.Errorf("of %d slowdowns %d were found and %d held by their intervals", trials, found, held)
	}
}
