package compare

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// enumerate is SignedRank by its definition: all signs, one after the other.
func enumerate(d []float64) float64 {
	d = slices.DeleteFunc(slices.Clone(d), func(x float64) bool { return x == 0 })
	n := len(d)
	rank := func(i int) float64 {
		below, equal := 0, 0
		for _, x := range d {
			switch {
			case math.Abs(x) < math.Abs(d[i]):
				below++
			case math.Abs(x) == math.Abs(d[i]):
				equal++
			}
		}
		return float64(below) + float64(equal+1)/2
	}
	distance := func(positive func(i int) bool) float64 {
		var w float64
		for i := range d {
			if positive(i) {
				w += rank(i)
			} else {
				w -= rank(i)
			}
		}
		return math.Abs(w)
	}
	observed := distance(func(i int) bool { return d[i] > 0 })
	extreme := 0
	for signs := range 1 << n {
		if distance(func(i int) bool { return signs>>i&1 == 1 }) >= observed-1e-9 {
			extreme++
		}
	}
	return float64(extreme) / float64(int(1)<<n)
}

func TestSignedRankIsWhatEnumerationGives(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 11 {
		for range 20 {
			d := make([]float64, n)
			for i := range d {
				d[i] = float64(rng.IntN(9) - 3) // ties and zeros are frequent
			}
			if got, want := SignedRank(d), enumerate(d); math.Abs(got-want) > 1e-12 {
				t.Fatalf("%v: p is %v, want %v", d, got, want)
			}
		}
	}
}

// TestPublishedValues holds the tests to worked examples: Hollander and Wolfe,
// Nonparametric Statistical Methods, the depression scale of nine patients before
// and after a tranquillizer and the permeability of membranes at two ages, as R's
// wilcox.test reports them.
func TestPublishedValues(t *testing.T) {
	before := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	after := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	d := make([]float64, len(before))
	for i := range d {
		d[i] = after[i] - before[i]
	}
	s := signedSample(d)
	near(t, "p of the depression scale", s.p, 0.0390625, 1e-9)
	near(t, "its shift", s.shift, -0.46, 5e-4)
	lo, hi, ok := s.interval(0.95)
	if !ok {
		t.Fatal("no interval")
	}
	near(t, "its lower bound", lo, -0.786, 5e-4)
	near(t, "its upper bound", hi, -0.010, 5e-4)

	term := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	early := []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	u := unpairedSample(early, term)
	near(t, "p of permeability", u.p, 0.2544, 5e-4)
	near(t, "its shift", u.shift, 0.305, 5e-4)
	if lo, hi, ok = u.interval(0.95); !ok {
		t.Fatal("no interval")
	}
	near(t, "its lower bound", lo, -0.15, 5e-4)
	near(t, "its upper bound", hi, 0.76, 5e-4)

	// Student's hours of sleep under two drugs, as R's t.test with equal variances
	// reports them.
	near(t, "p of the hours of sleep", tTest(
		[]float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0},
		[]float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}), 0.07919, 5e-6)

	// The 95 % interval of a proportion of 1 in 20, by Clopper and Pearson.
	lo, hi = Rate(1, 20)
	near(t, "the lower bound of a rate", lo, 0.0013, 5e-5)
	near(t, "the upper bound of a rate", hi, 0.2487, 5e-5)
	if lo, hi = Rate(0, 20); lo != 0 {
		t.Errorf("the lower bound of none is %v, want 0", lo)
	}
	near(t, "the upper bound of none", hi, 0.1684, 5e-5)
	if _, hi = Rate(20, 20); hi != 1 {
		t.Errorf("the upper bound of all is %v, want 1", hi)
	}
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestCriticalValues holds the distributions to the tables: the greatest rank sum
// that is significant at 5 %, two-sided.
func TestCriticalValues(t *testing.T) {
	critical := func(null []float64) int {
		var tail float64
		for k, p := range null {
			if tail += p; 2*tail > 0.05 {
				return k - 1
			}
		}
		return len(null)
	}
	for n, want := range map[int]int{6: 0, 8: 3, 10: 8, 12: 13, 20: 52, 30: 137} {
		if got := critical(untiedSums(n)); got != want {
			t.Errorf("signed ranks of %d: %d, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{5: 2, 6: 5, 8: 13, 10: 23, 12: 37, 20: 127} {
		if got := critical(rankSums(n, n)); got != want {
			t.Errorf("ranks of twice %d: %d, want %d", n, got, want)
		}
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		near(t, "an adjusted p", got[i], want, 1e-12)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		least, most, cases int
		looks              []int
		refused            string
	}{
		{12, 40, 1, []int{12, 22, 40}, ""},
		{12, 40, 45, []int{13, 23, 40}, ""}, // 12 pairs cannot be significant in 45 cases
		{12, 12, 45, []int{12}, ""},
		{12, 14, 1, []int{14}, ""}, // a look so near another is not worth its alpha
		{12, 16, 1, []int{12, 16}, ""},
		{6, 6, 1, []int{6}, ""},
		{5, 5, 1, nil, "want 6 pairs or more"},
		{4, 10, 50, nil, "want 11 pairs or more"},
		{12, 11, 1, nil, "12..11"},
		{0, 10, 1, nil, "0..10"},
	} {
		p, err := NewPlan(c.least, c.most, c.cases, 0.05, 0.02)
		switch {
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%d..%d for %d cases: got %v, want an error with %q", c.least, c.most, c.cases, err, c.refused)
			}
		case err != nil || !slices.Equal(p.Looks, c.looks):
			t.Errorf("%d..%d for %d cases: looks at %v (%v), want %v", c.least, c.most, c.cases, p.Looks, err, c.looks)
		}
	}
	for _, bad := range [][2]float64{{0, 0.02}, {0.6, 0.02}, {math.NaN(), 0.02}, {0.05, 0}, {0.05, 1}, {0.05, math.NaN()}} {
		if _, err := NewPlan(12, 40, 1, bad[0], bad[1]); err == nil {
			t.Errorf("alpha %v and margin %v are accepted", bad[0], bad[1])
		}
	}
	// With so many pairs, and no fewer, the clearest data of one case are significant.
	for _, cases := range []int{1, 10, 50, 500} {
		n := Reachable(cases, 0.05)
		for _, c := range []struct {
			n    int
			want Verdict
		}{{n, Slower}, {n - 1, Inconclusive}} {
			pairs := make([][]float64, cases)
			for i := range pairs {
				for k := range c.n {
					pairs[i] = append(pairs[i], float64(1+k)*math.Pow(-1, float64(k*min(i, 1)))) // the first is all positive
				}
			}
			plan := Plan{Looks: []int{c.n}, Alpha: 0.05, Margin: 0.02}
			if got := plan.Judge(paired(pairs...), nil)[0].Verdict; got != c.want {
				t.Errorf("%d cases, %d pairs: %s, want %s", cases, c.n, got, c.want)
			}
		}
	}
}

func TestVerdicts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	pairs := func(effect, spread float64) []float64 {
		d := make([]float64, 20)
		for i := range d {
			d[i] = math.Log1p(effect) + spread*rng.NormFloat64()
		}
		return d
	}
	plan := Plan{Looks: []int{20}, Alpha: 0.05, Margin: 0.02}
	data := [][]float64{pairs(0.05, 0.01), pairs(-0.05, 0.01), pairs(0, 0.005), pairs(0.005, 0.001), pairs(0, 0.1), make([]float64, 20)}
	got := plan.Judge(paired(data...), nil)
	for i, want := range []Verdict{Slower, Faster, Equivalent, Equivalent, Inconclusive, Equivalent} {
		if got[i].Verdict != want {
			t.Errorf("case %d: %s, want %s: %+v", i, got[i].Verdict, want, got[i])
		}
	}
	if r := got[3]; r.PHolm > 0.05 {
		t.Errorf("a difference within the margin, seen clearly: p %v, want it significant", r.PHolm)
	}
	if r := got[4]; r.MDE < 0.05 || r.MoreN < 20 {
		t.Errorf("noise of 10 %%: could have seen %v, wants %d more pairs", r.MDE, r.MoreN)
	}
	if again := plan.Judge(paired(data...), nil); !reflect.DeepEqual(got, again) {
		t.Error("the same data give another result")
	}
	// What an earlier look decided stays, whatever comes.
	later := plan.Judge(paired(data[4], data[4], data[4], data[4], data[0], data[4]), got)
	for i, want := range []Verdict{Slower, Faster, Equivalent, Equivalent, Slower, Equivalent} {
		if later[i].Verdict != want {
			t.Errorf("case %d: %s at the second look, want %s", i, later[i].Verdict, want)
		}
	}
}

func TestGeometricMean(t *testing.T) {
	var a, b [][]float64
	rng := rand.New(rand.NewPCG(4, 4))
	for c := range 4 {
		var x, y []float64
		for range 20 {
			place := 0.2 * rng.NormFloat64() // that of the pair
			x = append(x, place+0.01*rng.NormFloat64())
			y = append(y, place+math.Log(1+0.02*float64(c))+0.01*rng.NormFloat64())
		}
		a, b = append(a, x), append(b, y)
	}
	want := math.Pow(1*1.02*1.04*1.06, 0.25)
	mean, lo, hi := GeometricMean(a, b, true)
	if !(lo < want && want < hi) || hi-lo > 0.02 || mean < lo || mean > hi {
		t.Errorf("paired: %v [%v, %v], want %v", mean, lo, hi, want)
	}
	mean, lo2, hi2 := GeometricMean(a, b, false)
	if hi2-lo2 < 2*(hi-lo) || mean < lo2 || mean > hi2 {
		t.Errorf("unpaired: %v [%v, %v], want an interval that the spread of pairs widens", mean, lo2, hi2)
	}
	if _, lo, hi = GeometricMean([][]float64{{1, 2}}, [][]float64{{1, 2}}, true); lo != 0 || hi != 0 {
		t.Errorf("two launches have the interval [%v, %v], want none", lo, hi)
	}
}

func TestChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	series := func(spread float64, levels ...float64) []float64 {
		var xs []float64
		for _, l := range levels {
			for range 10 {
				xs = append(xs, l+spread*rng.NormFloat64())
			}
		}
		return xs
	}
	const alpha, margin = 0.001, 0.02
	got := Changes(series(0.01, 0, 0.1, -0.05), alpha, margin)
	if len(got) != 2 || got[0].At != 10 || got[1].At != 20 || math.Abs(got[0].Ratio-1.105) > 0.02 || math.Abs(got[1].Ratio-0.861) > 0.02 {
		t.Errorf("three levels: %+v", got)
	}
	if got := Changes(series(0.001, 0, 0.01), alpha, margin); got != nil {
		t.Errorf("a step below the margin: %+v", got)
	}
	if got := Changes(series(0, 1, 1), alpha, margin); got != nil {
		t.Errorf("a series that does not vary: %+v", got)
	}
	if got := Changes(series(0, 1, 2), alpha, margin); len(got) != 1 || got[0].At != 10 {
		t.Errorf("a step without noise: %+v", got)
	}
	outlier := series(0.01, 0, 0)
	outlier[7] += 1
	if got := Changes(outlier, alpha, margin); got != nil {
		t.Errorf("one value far off: %+v", got)
	}
	found := 0
	for range 500 {
		if Changes(series(0.05, 0, 0, 0), 0.01, margin) != nil {
			found++
		}
	}
	if found > 10 { // 5 are expected at most
		t.Errorf("%d of 500 series of noise have changes at p 0.01", found)
	}
	for _, short := range [][]float64{nil, {1}, {1, 2, 3, 4, 5}} {
		if got := Changes(short, alpha, margin); got != nil {
			t.Errorf("%v: %+v", short, got)
		}
	}
}
