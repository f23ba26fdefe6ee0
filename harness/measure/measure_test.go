package measure

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/harness/record"
)

var inf = math.Inf(1)

// ended makes a run of an optimizer that spent so many steps, two gradients each.
func ended(optimizer string, seed uint64, steps int, how string) record.Convergence {
	return record.Convergence{
		Case: record.Task{Objective: "diagonal", Dim: 10, Optimizer: optimizer, LR: 0.1, DType: "f32", Backend: "cpu:go", Threads: 1},
		Seed: seed, Start: 100, Target: 1, Reached: how == "reached", Diverged: how == "diverged",
		Steps: steps, GradEvals: int64(2 * steps), Seconds: float64(steps) / 1000, Bytes: int64(28 * steps), Final: 1,
	}
}

// five is three runs that reached the target, one that ran out of budget and one
// that diverged.
func five() []record.Convergence {
	return []record.Convergence{
		ended("adam", 1, 100, "reached"), ended("adam", 2, 300, "reached"), ended("adam", 3, 200, "reached"),
		ended("adam", 4, 1000, "missed"), ended("adam", 5, 50, "diverged"),
	}
}

func only(t *testing.T, runs []record.Convergence) *Group {
	t.Helper()
	groups := Groups(runs)
	if len(groups) != 1 {
		t.Fatalf("%d groups, want one", len(groups))
	}
	return &groups[0]
}

func near(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-12*math.Abs(b) }

func TestGroups(t *testing.T) {
	runs := append(five(), ended("sgd", 1, 5, "missed"), ended("adam", 2, 999, "reached"))
	other := ended("adam", 6, 7, "reached")
	other.Target = 2
	further := ended("adam", 1, 7, "reached") // the same goal from another start
	further.Seed, further.Start, further.Target = 8, 0.3, 0.3*0.01
	tuning := ended("adam", 7, 8, "reached")
	tuning.Tuning = true
	runs = append(runs, other, further, tuning)
	slices.Reverse(runs[:5])
	groups := Groups(runs)
	if len(groups) != 3 {
		t.Fatalf("%d groups, want one for each of adam, sgd and another target", len(groups))
	}
	g := groups[0]
	var seeds []uint64
	for _, r := range g.Runs {
		seeds = append(seeds, r.Seed)
	}
	if !slices.Equal(seeds, []uint64{1, 2, 3, 4, 5, 8}) || g.Repeats != 1 || g.Runs[1].Steps != 300 {
		t.Errorf("seeds %v, %d repeats, the second took %d steps; want 1 to 5 and 8, a repeat, the first record of each", seeds, g.Repeats, g.Runs[1].Steps)
	}
	if g.Reached() != 4 || g.Diverged() != 1 || g.Target != 0.01 {
		t.Errorf("%d reached %v and %d diverged, want 4 reached 0.01 and 1", g.Reached(), g.Target, g.Diverged())
	}
}

// TestQuantile: 100, 200 and 300 steps, more than 1000, never.
func TestQuantile(t *testing.T) {
	g := only(t, five())
	for _, c := range []struct {
		q    float64
		want Quantile
	}{
		{0, Quantile{100, false}}, {0.125, Quantile{150, false}}, {0.25, Quantile{200, false}}, {0.5, Quantile{300, false}},
		{0.6, Quantile{580, true}}, {0.75, Quantile{1000, true}}, {0.9, Quantile{inf, true}}, {1, Quantile{inf, true}},
	} {
		got := g.Quantile(Steps, c.q)
		if !near(got.Value, c.want.Value) || got.Censored != c.want.Censored {
			t.Errorf("quantile %v: %+v, want %+v", c.q, got, c.want)
		}
	}
	for cost, want := range map[Cost]float64{GradEvals: 600, Seconds: 0.3, Bytes: 8400} {
		if got := g.Quantile(cost, 0.5); got.Value != want || got.Censored {
			t.Errorf("median %s: %+v, want %v", cost, got, want)
		}
	}
	if got := g.Final(0.5); got != 1 {
		t.Errorf("median final value %v, want 1", got)
	}
	if got := g.Final(1); got != inf {
		t.Errorf("greatest final value %v, want none, for a run diverged", got)
	}
}

// TestWilson has the values of R. G. Newcombe, Two-sided confidence intervals for the
// single proportion, 1998, table I, method 3.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}, {20, 20, 1 - 0.1611, 1}, {0, 0, 0, 1},
	} {
		lo, hi := Wilson(c.k, c.n)
		if math.Abs(lo-c.lo) > 5e-5 || math.Abs(hi-c.hi) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

// TestERT counts what failed runs cost: 1650 steps for three successes.
func TestERT(t *testing.T) {
	g := only(t, five())
	if got := g.ERT(Steps); got != 550 {
		t.Errorf("ERT is %v steps, want 550", got)
	}
	if got := g.ERT(GradEvals); got != 1100 {
		t.Errorf("ERT is %v gradients, want 1100", got)
	}
	lo, hi := g.ERTInterval(Steps)
	if !(lo >= 50 && lo < 550 && hi > 550) {
		t.Errorf("interval from %v to %v, want it round 550", lo, hi)
	}
	failed := only(t, []record.Convergence{ended("adam", 1, 100, "missed"), ended("adam", 2, 0, "diverged")})
	if got := failed.ERT(Steps); got != inf {
		t.Errorf("ERT without success is %v, want it infinite", got)
	}
	if lo, hi := failed.ERTInterval(Steps); lo != inf || hi != inf {
		t.Errorf("interval without success is %v to %v, want it infinite", lo, hi)
	}
	one := only(t, five()[:1])
	if lo, _ := one.ERTInterval(Steps); !math.IsNaN(lo) {
		t.Errorf("one run has an interval from %v", lo)
	}
}

// TestERTIntervalCovers draws geometric costs, of which the mean is known.
func TestERTIntervalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const p, budget, trials = 0.01, 150, 100
	// A run ends in each step with probability p, or at the budget: the expected time
	// with restarts is that of a geometric law, 1/p.
	covered := 0
	for range trials {
		var runs []record.Convergence
		for seed := range uint64(40) {
			steps, how := budget, "missed"
			for s := 1; s <= budget; s++ {
				if rng.Float64() < p {
					steps, how = s, "reached"
					break
				}
			}
			runs = append(runs, ended("adam", seed, steps, how))
		}
		if lo, hi := only(t, runs).ERTInterval(Steps); lo <= 1/p && 1/p <= hi {
			covered++
		}
	}
	// Percentiles of 40 runs cover a little less than they say: 93 of 100, and fewer
	// than 85 would be three standard deviations below.
	if covered < 85 {
		t.Errorf("%d of %d intervals hold the true time, want about 95 %%", covered, trials)
	}
}

// TestLaws: no measure depends on the order of records; quantiles rise; one more run
// that fails makes nothing better.
func TestLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var runs []record.Convergence
		for seed := range uint64(1 + rng.IntN(12)) {
			how := []string{"reached", "reached", "missed", "diverged"}[rng.IntN(4)]
			runs = append(runs, ended("adam", seed, 1+rng.IntN(20), how))
		}
		g := only(t, runs)
		shuffled := slices.Clone(runs)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other := only(t, shuffled)
		slices.Reverse(other.Runs) // even the order within a group does not matter
		last := Quantile{}
		for q := 0.0; q <= 1; q += 0.125 {
			a, b := g.Quantile(Steps, q), other.Quantile(Steps, q)
			if a != b {
				t.Fatalf("quantile %v is %+v or %+v, by the order of records", q, a, b)
			}
			if a.Value < last.Value {
				t.Fatalf("quantile %v is %+v, below %+v", q, a, last)
			}
			last = a
		}
		lo, hi := g.ERTInterval(Steps)
		if l, h := other.ERTInterval(Steps); !same(l, lo) || !same(h, hi) {
			t.Fatalf("interval %v to %v, or %v to %v by the order of records", lo, hi, l, h)
		}
		more := only(t, append(runs, ended("adam", 99, 5, "missed")))
		if more.ERT(Steps) < g.ERT(Steps) {
			t.Fatalf("ERT falls from %v to %v with one more run that failed", g.ERT(Steps), more.ERT(Steps))
		}
		wlo, whi := Wilson(g.Reached(), len(g.Runs))
		if rate := float64(g.Reached()) / float64(len(g.Runs)); !(0 <= wlo && wlo <= rate && rate <= whi && whi <= 1) {
			t.Fatalf("%v is not in %v to %v", rate, wlo, whi)
		}
	}
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// swept makes a sweep of one run per rate; 0 steps stand for a run that failed.
func swept(rates []float64, steps ...int) []record.Convergence {
	var runs []record.Convergence
	for i, lr := range rates {
		r := ended("adam", 1, max(1, steps[i]), "reached")
		if steps[i] == 0 {
			r = ended("adam", 1, 1000, "missed")
		}
		r.Case.LR = lr
		runs = append(runs, r)
	}
	return runs
}

func TestDecades(t *testing.T) {
	decades := []float64{1e-4, 1e-3, 1e-2, 1e-1, 1}
	for _, c := range []struct {
		name  string
		rates []float64
		steps []int
		want  float64
		open  bool
	}{
		// Twice the best is 200. From 100 to 800, three doublings, a third of the decade.
		{"a valley", decades, []int{800, 100, 100, 800, 0}, 1 + 2.0/3, false},
		{"flat", decades, []int{100, 100, 100, 100, 100}, 4, true},
		{"open below", decades, []int{100, 200, 0, 0, 0}, 1, true},
		{"one rate works", decades, []int{0, 0, 100, 0, 0}, 0, false},
		{"none works", decades, []int{0, 0, 0, 0, 0}, 0, false},
		{"two valleys", decades, []int{0, 100, 400, 150, 0}, 0.5 + math.Log(200.0/150)/math.Log(400.0/150), false},
		{"a rate of 0 has no logarithm", []float64{0, 1}, []int{1, 100}, 0, true},
	} {
		sweeps := Sweeps(swept(c.rates, c.steps...))
		if len(sweeps) != 1 || len(sweeps[0].Rates) != len(c.rates) {
			t.Fatalf("%s: %d sweeps", c.name, len(sweeps))
		}
		if got, open := sweeps[0].Decades(Steps); !near(got, c.want) || open != c.open {
			t.Errorf("%s: %v decades, open %v; want %v, %v", c.name, got, open, c.want, c.open)
		}
	}
}

// TestSweepsOfTuning takes the runs of tuning alone, where there are some.
func TestSweepsOfTuning(t *testing.T) {
	runs := swept([]float64{0.1, 0.01}, 10, 20)
	for i := range runs {
		runs[i].Tuning = true
	}
	evaluated := ended("adam", 7, 5, "reached")
	sgd := ended("sgd", 7, 5, "reached")
	sweeps := Sweeps(append(runs, evaluated, sgd))
	if len(sweeps) != 2 || len(sweeps[0].Rates) != 2 || sweeps[0].Rates[0].Task.LR != 0.01 || len(sweeps[0].Rates[1].Runs) != 1 {
		t.Errorf("sweeps %+v, want adam with its two rates of tuning, the lower first, and sgd", sweeps)
	}
}

// compared has the ERT of three optimizers on three objectives, and sgd on a fourth
// alone; 0 is that of one which never reaches the target.
func compared() []record.Convergence {
	var runs []record.Convergence
	for _, c := range []struct {
		objective string
		steps     map[string]int
	}{
		{"diagonal", map[string]int{"adam": 100, "sgd": 200, "lion": 500}},
		{"rosenbrock", map[string]int{"adam": 300, "sgd": 0, "lion": 100}},
		{"phi4", map[string]int{"adam": 0, "sgd": 0, "lion": 0}},
		{"poisson", map[string]int{"sgd": 10}},
	} {
		for _, optimizer := range []string{"adam", "sgd", "lion"} {
			steps, ok := c.steps[optimizer]
			if !ok {
				continue
			}
			r := ended(optimizer, 1, steps, "reached")
			if steps == 0 {
				r = ended(optimizer, 1, 1000, "missed")
			}
			r.Case.Objective = c.objective
			runs = append(runs, r)
		}
	}
	// A worse learning rate changes nothing.
	worse := ended("adam", 1, 900, "reached")
	worse.Case.LR = 1e-9
	return append(runs, worse)
}

// TestProfile is computed by hand: adam needs 1 and 3 times the best, sgd 2 times on
// one problem, lion 5 times and 1; nobody solves phi4.
func TestProfile(t *testing.T) {
	c := Compare(Groups(compared()))
	if !slices.Equal(c.Optimizers, []string{"adam", "sgd", "lion"}) || len(c.Problems) != 3 || len(c.LeftOut) != 1 || c.LeftOut[0].Task.Objective != "poisson" {
		t.Fatalf("optimizers %v, problems %v, left out %v", c.Optimizers, c.Problems, c.LeftOut)
	}
	want := []Distribution{{[]float64{1, 3}, 3}, {[]float64{2}, 3}, {[]float64{1, 5}, 3}}
	profile := c.Profile(GradEvals)
	if !reflect.DeepEqual(profile, want) {
		t.Errorf("profile %v, want %v", profile, want)
	}
	for i, score := range []float64{(3 + 1) / 9.0, 2 / 9.0, 3 / 9.0} {
		if got := profile[i].Score(); !near(got, score) {
			t.Errorf("the score of %s is %v, want %v", c.Optimizers[i], got, score)
		}
	}
	for x, share := range map[float64]float64{0.5: 0, 1: 1.0 / 3, 2.9: 1.0 / 3, 3: 2.0 / 3, 100: 2.0 / 3} {
		if got := profile[0].Share(x); got != share {
			t.Errorf("adam is within %v of the best on %v of the problems, want %v", x, got, share)
		}
	}
}

// TestScoreIsTheArea adds up the profile itself.
func TestScoreIsTheArea(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		values := make([]float64, 1+rng.IntN(10))
		for i := range values {
			values[i] = 1 + 5*rng.Float64()
		}
		d := distribution(append(values, inf))
		area := 0.0
		const cells = 10_000
		for i := range cells {
			area += d.Share(1+(MaxRatio-1)*(float64(i)+0.5)/cells) / cells
		}
		if math.Abs(area-d.Score()) > 1e-3 {
			t.Fatalf("score %v of %v, the area is %v", d.Score(), values, area)
		}
	}
}

// TestECDF: a run from 100 to 1 that falls tenfold every ten steps, and one that
// stops at 10. Of fifty targets the first 25 are 10 and above.
func TestECDF(t *testing.T) {
	a, b := ended("adam", 1, 20, "reached"), ended("adam", 2, 1000, "missed")
	a.Trajectory = []record.Point{{Step: 0, Value: 100}, {Step: 10, GradEvals: 20, Value: 10, Seconds: 5}, {Step: 20, GradEvals: 40, Value: 1, Seconds: 6}}
	b.Trajectory = []record.Point{{Step: 0, Value: 100}, {Step: 40, GradEvals: 80, Value: 9, Seconds: 7}, {Step: 1000, GradEvals: 2000, Value: 9, Seconds: 8}}
	c := Compare(Groups([]record.Convergence{a, b}))
	d := c.ECDF(Steps)[0]
	for x, share := range map[float64]float64{0: 0, 9: 0, 10: 0.25, 19: 0.25, 20: 0.5, 39: 0.5, 1000: 0.76} {
		if got := d.Share(x); !near(got, share) {
			t.Errorf("within %v steps %v of the targets are reached, want %v", x, got, share)
		}
	}
	if got := c.ECDF(GradEvals)[0].Share(20); !near(got, 0.25) {
		t.Errorf("within 20 gradients %v of the targets are reached, want those of 10 steps", got)
	}
	if got := c.ECDF(Seconds)[0].Share(5); !near(got, 0.25) {
		t.Errorf("within 5 seconds %v of the targets are reached, want those at 10", got)
	}
}

// TestECDFWithoutLogarithms counts the target alone, as often as others.
func TestECDFWithoutLogarithms(t *testing.T) {
	a, b := ended("adam", 1, 20, "reached"), ended("adam", 1, 0, "reached")
	a.Target = 0
	a.Trajectory = []record.Point{{Step: 0, Value: 100}, {Step: 10, Value: 10}, {Step: 20, Value: 0}}
	b.Target = 200 // above the start
	for _, c := range []struct {
		run  record.Convergence
		want float64
	}{{a, 20}, {b, 0}} {
		comparison := Compare(Groups([]record.Convergence{c.run}))
		d := comparison.ECDF(Steps)[0]
		if len(d.At) != Targets || d.At[0] != c.want || d.At[Targets-1] != c.want {
			t.Errorf("a target of %v: %v, want all at %v", c.run.Target, d, c.want)
		}
	}
}

// TestCurve: two runs from 100, of which one falls tenfold in ten steps and ends, and
// one stays for twenty.
func TestCurve(t *testing.T) {
	a, b := ended("adam", 1, 10, "reached"), ended("adam", 2, 20, "missed")
	a.Trajectory = []record.Point{{Step: 0, Value: 100}, {Step: 10, Value: 10}}
	b.Trajectory = []record.Point{{Step: 0, Value: 100}, {Step: 5, Value: 100}, {Step: 20, Value: 100}}
	c := only(t, []record.Convergence{a, b}).Curve(Steps, 0, 1)
	want := Curve{Cost: []float64{0, 5, 10, 20}, Values: [][]float64{{1, math.Sqrt(0.1), 0.1, 0.1}, {1, 1, 1, 1}}}
	if !slices.Equal(c.Cost, want.Cost) || !slices.EqualFunc(c.Values[0], want.Values[0], near) || !slices.Equal(c.Values[1], want.Values[1]) {
		t.Errorf("curve %v, want %v", c, want)
	}
	b.Reached, b.Diverged, b.Steps, b.Trajectory = false, true, 5, b.Trajectory[:2]
	c = only(t, []record.Convergence{a, b}).Curve(Steps, 0.5)
	if got := c.Values[0]; len(got) != 3 || got[2] != inf {
		t.Errorf("median %v, want it infinite once half of the runs have diverged", got)
	}
}

// TestCurveIsThin however many points the trajectories have.
func TestCurveIsThin(t *testing.T) {
	r := ended("adam", 1, 100_000, "missed")
	for s := range 100_000 {
		r.Trajectory = append(r.Trajectory, record.Point{Step: s, Value: 1})
	}
	r.Trajectory = append(r.Trajectory, record.Point{Step: 100_000, Value: 1})
	c := only(t, []record.Convergence{r}).Curve(Steps, 0.5)
	if n := len(c.Cost); n > 500 || c.Cost[0] != 0 || c.Cost[n-1] != 1e5 {
		t.Errorf("%d points from %v to %v, want at most 500 from end to end", n, c.Cost[0], c.Cost[n-1])
	}
}

func TestWhere(t *testing.T) {
	runs := compared()
	runs[0].Case.Objective, runs[0].Case.LR = "diagonal:condition=1e4", 1e-3
	for _, c := range []struct {
		conditions []string
		want       int
	}{
		{nil, 11}, {[]string{"optimizer=adam"}, 4}, {[]string{"optimizer=adam,lion"}, 7}, {[]string{"objective=diagonal"}, 4},
		{[]string{"objective=diagonal:condition=1e4"}, 1}, {[]string{"lr=0.001"}, 1}, {[]string{"lr=1e-3"}, 1}, {[]string{"dim=10", "optimizer=sgd"}, 4},
		{[]string{"noise="}, 11},
	} {
		got, err := Where(runs, c.conditions...)
		if err != nil || len(got) != c.want {
			t.Errorf("%q: %d runs, %v, want %d", c.conditions, len(got), err, c.want)
		}
	}
	for condition, want := range map[string]string{
		"optimiser=adam": `"optimiser=adam", did you mean optimizer? want such as objective=NAME`,
		"adam":           `condition "adam", want`,
		"optimizer=adm":  `no record has optimizer "adm", did you mean adam? there are: adam, lion, sgd`,
		"noise=gauss":    `no record has noise "gauss", there are: ""`,
	} {
		if got, err := Where(runs, condition); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d runs, %v, want an error with %q", condition, len(got), err, want)
		}
	}
	if len(runs) != 11 {
		t.Error("the runs themselves were changed")
	}
}
