package claims

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/kernels"
)

// test returns the records of claims.
func test(t *testing.T, r Runner, ids ...string) map[string]*record.Claim {
	t.Helper()
	var list []*Claim
	for _, id := range ids {
		c := Find(id)
		if c == nil {
			t.Fatalf("no claim %s", id)
		}
		list = append(list, c)
	}
	if r.Profile == "" {
		r.Profile = "quick"
	}
	out := map[string]*record.Claim{}
	err := r.All(context.Background(), list, func(o Outcome) error {
		if o.Err != nil {
			return o.Err
		}
		out[o.Claim.ID] = o.Record
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDefinitions: every claim says all that a reader needs, and fits its row.
func TestDefinitions(t *testing.T) {
	if len(All()) < 30 {
		t.Fatalf("%d claims, which cannot be all", len(All()))
	}
	for i, c := range All() {
		if i > 0 && All()[i-1].ID == c.ID {
			t.Errorf("%s is there twice", c.ID)
		}
		if c.Statement == "" || c.Source == "" || c.Theory == "" || c.Limits == "" {
			t.Errorf("%s lacks its statement, source, theory or limits", c.ID)
		}
		if n := utf8.RuneCountInString(c.Theory); n > 35 {
			t.Errorf("%s: theory has %d characters, want 35 at most for its column", c.ID, n)
		}
		if (c.Measure == nil) != (len(c.Quantities) == 0) {
			t.Errorf("%s: quantities without a measurement, or the other way round", c.ID)
		}
	}
}

// TestRules: each kind of rule says each of its verdicts.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		e    Estimate
		want Verdict
	}{
		{Near{1, 0.05}, Estimate{1.02, 0.98, 1.06}, Confirmed},
		{Near{1, 0.05}, Estimate{1.2, 1.1, 1.3}, Refuted},
		{Near{1, 0.05}, Estimate{1, 0.5, 1.5}, Inconclusive}, // wide
		{Near{20, 0}, exactly(20), Confirmed},
		{Near{20, 0}, exactly(21), Refuted},
		{Misprint{-1, 1, 0.01}, exactly(1), Misprinted},
		{Misprint{-1, 1, 0.01}, exactly(-1), Confirmed},
		{Misprint{-1, 1, 0.01}, exactly(0), Inconclusive},
		{Misprint{-1, 1, 0.01}, Estimate{0, -2, 2}, Inconclusive},
		{Above{2}, Estimate{3, 2.5, 4}, Confirmed},
		{Above{2}, Estimate{3, 1, 4}, Inconclusive},
		{Above{2}, exactly(2), Refuted},
		{Below{2}, Estimate{1, 0, 2}, Confirmed},
		{Below{2}, Estimate{1, 0, 3}, Inconclusive},
		{Below{2}, exactly(3), Refuted},
		{Bound{1}, exactly(1), Consistent},
		{Bound{1}, exactly(1.1), Refuted},
		{Refutes{Above{0.5}}, exactly(1), Misprinted},
		{Refutes{Above{0.5}}, exactly(0), Inconclusive},
	} {
		if got := c.rule.Verdict(c.e.known()); got != c.want {
			t.Errorf("%v of %v: %s, want %s", c.rule, c.e, got, c.want)
		}
	}
	nan := Estimate{}
	nan.Lo /= nan.Hi
	for _, r := range []Rule{Near{0, 1}, Misprint{0, 1, 1}, Above{0}, Below{0}, Bound{0}, Refutes{Below{0}}} {
		if got := r.Verdict(nan.known()); got != Inconclusive {
			t.Errorf("%v of what is not a number: %s, want %s", r, got, Inconclusive)
		}
	}
}

// TestWrongOptimizers: a wrong optimizer, or no noise, where a claim steps the right one
// is noticed by every kind of rule.
func TestWrongOptimizers(t *testing.T) {
	sgd := func(kernels.Named) kernels.Named { return kernels.SGD{} }
	for _, c := range []struct {
		what, id string
		swap     func(kernels.Named) kernels.Named
	}{
		{"the wrong exponent", "C34b", replace("momentum", sgd)},
		{"no bias correction", "C12", replace("adam", func(n kernels.Named) kernels.Named {
			u := n.(kernels.Adam)
			u.Correction = kernels.Uncorrected
			return u
		})},
		{"bias correction all the time", "C10", replace("adam", func(n kernels.Named) kernels.Named {
			u := n.(kernels.Adam)
			u.Correction = kernels.Corrected
			return u
		})},
		{"no clipping under heavy tails", "E1", replace("cclip", sgd)},
		{"no momentum", "C06", replace("momentum", sgd)},
		{"no clipping", "C03", replace("clipped-gd", sgd)},
		{"no noise", "C37", replace("gaussian", func(kernels.Named) kernels.Named { return kernels.Gaussian{Batch: 1} })},
		{"another eps under the root", "E5", replace("lamb", func(n kernels.Named) kernels.Named {
			u := n.(kernels.LAMB)
			if u.EpsInside {
				u.Eps *= 100
			}
			return u
		})},
	} {
		got := test(t, Runner{Seed: 1, Workers: 1, Swap: c.swap}, c.id)[c.id].Verdict
		if got != string(Refuted) && got != string(Inconclusive) {
			t.Errorf("%s with %s: %s, want %s or %s", c.id, c.what, got, Refuted, Inconclusive)
		}
	}
}

// replace swaps what has a name.
func replace(name string, by func(kernels.Named) kernels.Named) func(kernels.Named) kernels.Named {
	return func(n kernels.Named) kernels.Named {
		if n.Name() != name {
			return n
		}
		return by(n)
	}
}

// sample are claims that are quick and of every kind.
var sample = []string{"C07b", "C12", "C24", "C37", "E1", "E3", "E8"}

// TestSeedSets: the verdicts of two sets, which share no seed, agree on a sample.
func TestSeedSets(t *testing.T) {
	one, two := test(t, Runner{Seed: 1, Workers: 1}, sample...), test(t, Runner{Seed: 2, Workers: 1}, sample...)
	differ := 0
	for _, id := range sample {
		if one[id].Verdict != two[id].Verdict {
			t.Errorf("%s: %s, with the second set %s", id, one[id].Verdict, two[id].Verdict)
		}
		if one[id].Seeds > 0 && !slices.Equal(one[id].Quantities, two[id].Quantities) {
			differ++
		}
	}
	if differ == 0 {
		t.Error("both sets measure the same numbers")
	}
}

// TestWorkers: no bit depends on how many runs are side by side.
func TestWorkers(t *testing.T) {
	bits := func(workers int) string {
		out := test(t, Runner{Seed: 1, Workers: workers}, "C37", "C09", "E3")
		for _, c := range out {
			c.Seconds = 0
		}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if one, two := bits(1), bits(2); one != two {
		t.Errorf("with two workers\n%s\nwith one\n%s", two, one)
	}
}

// TestSeeds: no two seeds of claims or sets are the same.
func TestSeeds(t *testing.T) {
	seen := map[uint64]bool{}
	for _, c := range All() {
		for set := range uint64(3) {
			trial := &Trial{claim: c, runner: &Runner{Seed: set}}
			for i := range 50 {
				s := trial.Seed(i)
				if seen[s] {
					t.Fatalf("seed %d of %s, set %d, is that of another", i, c.ID, set)
				}
				seen[s] = true
			}
		}
	}
}

// TestInterrupted: what was finished is emitted, the rest is not, and known claims are
// not tested again.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := Runner{Profile: "quick", Seed: 1, Workers: 1, Done: map[Key]*record.Claim{{"C37", "quick", 1}: {ID: "C37", Verdict: "known"}}}
	var got []string
	err := r.All(ctx, []*Claim{Find("C37"), Find("C36")}, func(o Outcome) error {
		got = append(got, o.Record.Verdict)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "canceled") || !slices.Equal(got, []string{"known"}) {
		t.Errorf("emitted %v, error %v, want the known claim alone, and that it was canceled", got, err)
	}
}

// TestFits: slopes and their intervals on data whose answer is known.
func TestFits(t *testing.T) {
	x := []float64{1, 2, 4, 8}
	if e := exponent(x, []float64{3, 12, 48, 192}); e.Value < 2-1e-12 || e.Value > 2+1e-12 || e.half() > 1e-6 {
		t.Errorf("exponent of 3x^2 is %v, want 2 exactly", e)
	}
	if e := line(x, []float64{1, 3, 2, 5}); !(e.Lo < 0.49 && 0.49 < e.Hi) || e.Lo > 0 {
		t.Errorf("slope of scattered points is %v, want an interval that holds 0.49 and 0", e)
	}
	e := meanOf([]float64{1, 2, 3, 4, 5, 6, 7, 8}, 1)
	if e.Value != 4.5 || !(e.Lo > 2.5 && e.Lo < 3.7 && e.Hi > 5.3 && e.Hi < 6.5) {
		t.Errorf("mean of 1 to 8 is %v, want 4.5 with an interval of about 3 to 6", e)
	}
	if e := share(0, 100); e.Lo != 0 || e.Hi < 0.03 || e.Hi > 0.04 {
		t.Errorf("share of 0 in 100 is %v, want 0 to 0.037", e)
	}
}
