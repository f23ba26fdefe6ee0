package claims

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/optbench/optbench/harness/record"
)

func around(value, half float64) Measured {
	return Measured{Value: value, CI: [2]float64{value - half, value + half}}
}

// TestRules: every kind of rule can say each of its verdicts, and none confirms what is
// wrong.
func TestRules(t *testing.T) {
	slope, printed := SlopeWithin(0.5, 0.05), AsPrinted{Printed: -1. / 3, Corrected: -2. / 3, Tolerance: 0.05}
	for _, c := range []struct {
		rule Rule
		m    Measured
		want Verdict
	}{
		{slope, around(0.52, 0.01), Confirmed},
		{slope, around(0.57, 0.03), Confirmed},
		{slope, around(0.6, 0.01), Refuted},
		{slope, around(0.5, 0.06), Inconclusive},
		{slope, around(2, 1), Refuted},
		{AtLeast{2}, around(3, 1), Confirmed},
		{AtLeast{2}, around(2.5, 1), Inconclusive},
		{AtLeast{2}, around(1, 0.5), Refuted},
		{Above{1}, around(1.5, 0.25), Confirmed},
		{Above{1}, around(1.25, 0.25), Inconclusive},
		{Above{1}, around(1, 0), Refuted},
		{AtMost{2}, around(1, 1), Consistent},
		{AtMost{2}, around(1.5, 1), Inconclusive},
		{AtMost{2}, around(3, 0.5), Refuted},
		{Exact{1, 0}, around(1, 0), Confirmed},
		{Exact{1, 0}, around(1+0x1p-52, 0), Refuted},
		{Exact{1, 1e-3}, around(1.0009, 0), Confirmed},
		{Exact{1, 1e-3}, around(1.002, 0), Refuted},
		{Proportion{0.4, 0.6}, around(0.5, 0.1), Confirmed},
		{Proportion{0.4, 0.6}, around(0.5, 0.2), Inconclusive},
		{Proportion{0.4, 0.6}, around(0.8, 0.1), Refuted},
		{printed, around(-0.66, 0.04), RefutedAsPrinted},
		{printed, around(-0.34, 0.04), Confirmed},
		{printed, around(-0.5, 0.05), Refuted},
		{printed, around(-0.5, 0.2), Inconclusive},
		{printed, around(-0.7, 0.09), Inconclusive},
		{Stated{}, around(1, 0), BoundOnly},
	} {
		if got := c.rule.Judge(c.m); got != c.want {
			t.Errorf("%s: %v is %s, want %s", c.rule, c.m, got, c.want)
		}
	}
	for _, r := range []Rule{slope, AtLeast{0}, Above{-1}, AtMost{1}, Exact{0, math.Inf(1)}, Proportion{-1, 1}, printed} {
		for _, m := range []Measured{around(math.NaN(), 0), {Value: 0, CI: [2]float64{math.NaN(), 1}}, {Value: 0, CI: [2]float64{1, 2}}} {
			if got := r.Judge(m); got != Inconclusive {
				t.Errorf("%s: %v is %s, want %s", r, m, got, Inconclusive)
			}
		}
	}
}

func TestSlope(t *testing.T) {
	// The residuals square to 3.6, so the error of the slope is sqrt(3.6/3/10); with three
	// degrees of freedom the tables have 3.1824.
	slope, ci := Slope([]float64{1, 2, 3, 4, 5}, []float64{1, 3, 2, 5, 4})
	if math.Abs(slope-0.8) > 1e-12 || math.Abs(ci[0]+0.3024) > 1e-4 || math.Abs(ci[1]-1.9024) > 1e-4 {
		t.Errorf("slope %v, interval %v, want 0.8 in [-0.3024, 1.9024]", slope, ci)
	}
	x := []float64{1, 10, 100, 1000}
	y := []float64{3, 3 * math.Sqrt(10), 30, 30 * math.Sqrt(10)}
	if slope, ci := LogLog(x, y); math.Abs(slope-0.5) > 1e-12 || ci[1]-ci[0] > 1e-12 {
		t.Errorf("exponent %v, interval %v, want 0.5 exactly", slope, ci)
	}
	if slope, _ := Slope(x[:2], y[:2]); !math.IsNaN(slope) {
		t.Errorf("slope of two points is %v, want none", slope)
	}
}

func TestBootstrap(t *testing.T) {
	l := NewLab(context.Background(), "C00", true, 1, 1)
	values := make([]float64, 400)
	for i := range values {
		values[i] = float64(i%20) - 9.5
	}
	mean := func(runs []int) float64 { return MeanOf(runs, func(r int) float64 { return values[r] }) }
	value, ci := Bootstrap(l, len(values), mean)
	// The standard error is sqrt((20^2-1)/12/400) = 0.288.
	if value != 0 || math.Abs(ci[0]+1.96*0.288) > 0.08 || math.Abs(ci[1]-1.96*0.288) > 0.08 {
		t.Errorf("mean %v, interval %v, want 0 in about [-0.565, 0.565]", value, ci)
	}
	if again, same := Bootstrap(l, len(values), mean); again != value || same != ci {
		t.Errorf("interval %v, then %v, want the same twice", ci, same)
	}
}

func TestSeeds(t *testing.T) {
	seen := map[uint64]string{}
	for _, id := range []string{"C01", "C02"} {
		for set := range uint64(3) {
			l := NewLab(context.Background(), id, true, set, 1)
			for i := -1; i < 50; i++ {
				name := fmt.Sprint(id, set, i)
				if other, ok := seen[l.Seed(i)]; ok {
					t.Errorf("%s and %s have the same seed", name, other)
				}
				seen[l.Seed(i)] = name
			}
		}
	}
}

func TestDefinitions(t *testing.T) {
	id := regexp.MustCompile(`^[CE]\d\d[a-z]?$`)
	seen := map[string]bool{}
	for _, c := range All() {
		for _, text := range []string{c.Statement, c.Source, c.Theory, c.NotShown} {
			if text == "" {
				t.Errorf("%s lacks its statement, source, theory, or what it does not show", c.ID)
			}
		}
		if c.Rule == nil || c.Run == nil {
			t.Errorf("%s lacks its rule or its experiment", c.ID)
		}
		if !id.MatchString(c.ID) || seen[c.ID] {
			t.Errorf("ID %q is taken, or none: want a letter C or E, two digits, and a letter where claims share them", c.ID)
		}
		seen[c.ID] = true
		if !strings.Contains(c.Theory, ": ") {
			t.Errorf("%s: theory is %q, want a number, \": \", and why", c.ID, c.Theory)
		}
	}
}

// TestNumbers: no claim of the lecture is left out, and none of its errata.
func TestNumbers(t *testing.T) {
	var want, got []string
	for k := 1; k <= 38; k++ {
		want = append(want, fmt.Sprintf("C%02d", k))
	}
	for k := 1; k <= 10; k++ {
		want = append(want, fmt.Sprintf("E%02d", k))
	}
	for _, c := range All() {
		got = append(got, number(c.ID))
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("numbers of claims are %v, want C01 to C38 and E01 to E10", got)
	}
}

// TestTheoryIsTheRule: the number of theory that stands beside the measured one is that
// of the rule, and says whether it is a bound.
func TestTheoryIsTheRule(t *testing.T) {
	for _, c := range All() {
		said, _, _ := strings.Cut(c.Theory, ": ")
		is := func(x float64) bool {
			v, err := strconv.ParseFloat(said, 64)
			// Four digits are shown.
			return err == nil && math.Abs(v-x) <= 1e-3*math.Max(1, math.Abs(x))
		}
		ok := false
		switch r := c.Rule.(type) {
		case Near:
			ok = is(r.Want)
		case Exact:
			ok = is(r.Want)
		case AtLeast:
			ok = said == fmt.Sprintf(">= %g", r.Bound)
		case Above:
			ok = said == fmt.Sprintf("> %g", r.Bound)
		case AtMost:
			v, err := strconv.ParseFloat(strings.TrimPrefix(said, "<= "), 64)
			ok = err == nil && strings.HasPrefix(said, "<= ") && v <= r.Bound
		case Proportion:
			v, err := strconv.ParseFloat(strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune("[, ", r) })[0], 64)
			ok = err == nil && r.Low <= v && v <= r.High
		case AsPrinted:
			ok = is(r.Corrected) && strings.Contains(c.Theory, "printed")
		case Stated:
			ok = said == "none"
		}
		if !ok {
			t.Errorf("%s: theory is %q, which is not what its rule asks for: %s", c.ID, said, c.Rule)
		}
	}
}

func TestFind(t *testing.T) {
	ids := func(list []*Claim) (out []string) {
		for _, c := range list {
			out = append(out, c.ID)
		}
		return out
	}
	got, err := Find("c07")
	if want := []string{"C07", "C07a", "C07b", "C07c", "C07d"}; err != nil || !slices.Equal(ids(got), want) {
		t.Errorf("c07 stands for %v, %v, want %v", ids(got), err, want)
	}
	got, err = Find("C07b")
	if err != nil || !slices.Equal(ids(got), []string{"C07b"}) {
		t.Errorf("C07b stands for %v, %v, want itself", ids(got), err)
	}
	if got, err = Find("C7", "e1"); err != nil || !slices.Equal(ids(got), []string{"C07", "C07a", "C07b", "C07c", "C07d", "E01"}) {
		t.Errorf("C7 and e1 stand for %v, %v, want C07, its parts, and E01", ids(got), err)
	}
	if got, err = Find(); err != nil || len(got) != len(All()) {
		t.Errorf("no IDs stand for %d claims, %v, want all %d", len(got), err, len(All()))
	}
	for id, want := range map[string]string{
		"C07x": `unknown claim "C07x", did you mean C07? Known: C01 to C38, E01 to E10`,
		"c7x":  `unknown claim "c7x", did you mean C07? Known: `,
		"E11":  `unknown claim "E11", did you mean E10? Known: `,
		"C39":  `unknown claim "C39", did you mean C38? Known: `,
		"x":    `unknown claim "x", want one of C01 to C38, E01 to E10`,
	} {
		if _, err = Find(id); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", id, err, want)
		}
	}
}

// run runs claims, and returns their records without what differs between runs.
func run(t *testing.T, r Runner, list []*Claim) []record.Claim {
	t.Helper()
	r.Run, r.Profile = "test", "quick"
	var out []record.Claim
	err := r.All(t.Context(), list, func(o Outcome) error {
		if o.Err != nil {
			return o.Err
		}
		c := *o.Record
		c.Seconds = 0
		out = append(out, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLiteral: what C13 expects of types follows from the recursion as it is printed.
func TestLiteral(t *testing.T) {
	_, before := literal(19)
	_, after := literal(20)
	if !(before <= math.MaxFloat32 && after > math.MaxFloat32) {
		t.Errorf("v is %v after 19 steps and %v after 20, want the largest float32 between them", before, after)
	}
	_, before = literal(328)
	_, after = literal(329)
	if math.IsInf(before, 0) || !math.IsInf(after, 0) {
		t.Errorf("v is %v after 328 steps and %v after 329, want the largest float64 between them", before, after)
	}
}

// TestMapFails: of many runs that fail the first says why, in a line.
func TestMapFails(t *testing.T) {
	l := NewLab(t.Context(), "C00", true, 1, 2)
	_, err := Map(l, 10, func(i int) (int, error) {
		if i < 3 {
			return i, nil
		}
		return 0, fmt.Errorf("run %d fails", i)
	})
	if err == nil || err.Error() != "run 3 fails" {
		t.Errorf("error %v, want that of run 3", err)
	}
}

// TestNotFinite: what is no number is an error, not a verdict.
func TestNotFinite(t *testing.T) {
	c := &Claim{ID: "C00", Rule: AtLeast{0}, Run: func(*Lab) (Measured, error) { return Exactly(math.NaN(), ""), nil }}
	r := Runner{Profile: "quick", Workers: 1}
	err := r.All(t.Context(), []*Claim{c}, func(o Outcome) error { return o.Err })
	if err == nil || !strings.Contains(err.Error(), "claim C00: measured NaN") {
		t.Errorf("error %v, want one that names the claim and what it measured", err)
	}
}

// TestInterrupted: what was finished is emitted, and the rest says that it was cut off.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := &Claim{ID: "C00", Rule: Exact{1, 0}, Run: func(*Lab) (Measured, error) { return Exactly(1, ""), nil }}
	cut := &Claim{ID: "C99", Rule: Exact{1, 0}, Run: func(l *Lab) (Measured, error) {
		<-ctx.Done()
		_, err := Map(l, 1, func(int) (int, error) { return 0, nil })
		return Measured{}, err
	}}
	r := Runner{Profile: "quick", Workers: 1}
	var finished, interrupted []string
	err := r.All(ctx, []*Claim{done, cut}, func(o Outcome) error {
		if o.Interrupted() {
			interrupted = append(interrupted, o.Claim.ID)
		} else {
			finished = append(finished, o.Claim.ID)
		}
		cancel()
		return nil
	})
	if err != context.Canceled || !slices.Equal(finished, []string{"C00"}) || !slices.Equal(interrupted, []string{"C99"}) {
		t.Errorf("finished %v, interrupted %v, error %v", finished, interrupted, err)
	}
}
