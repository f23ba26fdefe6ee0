package pairs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/record"
)

func aCase(update string) harness.Case {
	return harness.Case{Update: update, N: 1000, Tensors: 1, DType: "f32", Backend: "cpu:go", Threads: 1, Cache: "hot"}
}

// A lab launches sides of which it decides how long they take.
type lab struct {
	rng      *rand.Rand
	launches []string // side and case, in order
}

func newLab() *lab { return &lab{rng: rand.New(rand.NewPCG(1, 2))} }

// spread of the times of an update, as a share.
var spread = map[string]float64{"adam": 0.01, "sgd": 0.01, "lion": 0.3}

// side launches one that takes so many seconds for each update; "" where the
// settings name none of them.
func (l *lab) side(name string, seconds map[string]float64) Launch {
	return func(_ context.Context, settings []string, _ uint64) ([]record.Throughput, error) {
		var out []record.Throughput
		for _, update := range []string{"adam", "sgd", "lion"} {
			s, has := seconds[update]
			asked := len(settings) == 0 || strings.Contains(strings.Join(settings, " "), "update="+update+" ")
			if !has || !asked {
				continue
			}
			l.launches = append(l.launches, name+" "+update)
			s *= math.Exp(spread[update] * l.rng.NormFloat64())
			out = append(out, record.Throughput{Case: aCase(update), Kernel: "go/" + update, Median: s, Bytes: 8000, LimitBytesPerSecond: 1e9, Verified: true})
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("%w: unknown update", errLacks)
		}
		return out, nil
	}
}

func plan(looks ...int) func(int) (compare.Plan, error) {
	return func(int) (compare.Plan, error) {
		return compare.Plan{Looks: looks, Alpha: 0.05, Margin: 0.02}, nil
	}
}

// TestSession launches until every case is decided, and no longer.
func TestSession(t *testing.T) {
	run := func() (*lab, []*Comparison) {
		l := newLab()
		s := &Session{
			A:     l.side("a", map[string]float64{"adam": 1e-6, "sgd": 1e-6, "lion": 1e-6}),
			B:     l.side("b", map[string]float64{"adam": 1.1e-6, "sgd": 1e-6, "lion": 1e-6}),
			Cases: []harness.Case{aCase("adam"), aCase("sgd"), aCase("lion")},
			Plan:  plan(12, 24), Seed: 3,
		}
		_, out, err := s.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return l, out
	}
	l, out := run()
	first := map[byte]int{}
	for i, want := range []struct {
		verdict compare.Verdict
		pairs   int
	}{{compare.Slower, 12}, {compare.Equivalent, 12}, {compare.Inconclusive, 24}} {
		c := out[i]
		if c.Result.Verdict != want.verdict || len(c.A) != want.pairs || len(c.B) != want.pairs || c.Result.N != want.pairs {
			t.Errorf("%s: %s after %d and %d launches, want %s after %d", c.Case.Update, c.Result.Verdict, len(c.A), len(c.B), want.verdict, want.pairs)
		}
		for _, side := range c.Order {
			first[side]++
		}
	}
	if first['a'] < 12 || first['b'] < 12 || first['a']+first['b'] != 48 {
		t.Errorf("side a ran first %d times, b %d times, want about as often in 48", first['a'], first['b'])
	}
	// Both sides of a case run one after the other, and cases are shuffled.
	shuffled := false
	for i := 0; i < len(l.launches); i += 2 {
		x, y := l.launches[i], l.launches[i+1]
		if x[0] == y[0] || x[1:] != y[1:] {
			t.Fatalf("launches %d and %d are %q and %q, want both sides of one case", i, i+1, x, y)
		}
		shuffled = shuffled || i%6 == 0 && x[2:] != l.launches[0][2:]
	}
	if !shuffled {
		t.Error("every round starts with the same case")
	}
	again, same := run()
	if !reflect.DeepEqual(l.launches, again.launches) || !reflect.DeepEqual(out[0].Result, same[0].Result) {
		t.Error("the same seed and times give another session")
	}
}

// TestSessionOfCommands finds out from the first launches what cases there are.
func TestSessionOfCommands(t *testing.T) {
	l := newLab()
	cases := 0
	s := &Session{
		A: l.side("a", map[string]float64{"adam": 1e-6, "sgd": 1e-6}),
		B: l.side("b", map[string]float64{"adam": 1.1e-6, "lion": 1e-6}),
		Plan: func(n int) (compare.Plan, error) {
			cases = n
			return plan(12)(n)
		},
	}
	_, out, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cases != 3 || len(out) != 3 {
		t.Fatalf("a plan for %d cases, %d compared, want 3", cases, len(out))
	}
	for i, want := range []struct{ verdict, lacks string }{
		{"SLOWER", ""}, {"NOT COMPARABLE", "side b does not measure it"}, {"NOT COMPARABLE", "side a does not measure it"},
	} {
		r := out[i].Record("r", false)
		if r.Verdict != want.verdict || out[i].Lacks != want.lacks {
			t.Errorf("%s: %s (%s), want %s (%s)", r.Case.Update, r.Verdict, out[i].Lacks, want.verdict, want.lacks)
		}
	}
	s.Plan = func(int) (compare.Plan, error) { return compare.Plan{}, errors.New("too few") }
	if _, _, err := s.Run(t.Context()); err == nil || err.Error() != "too few" {
		t.Errorf("a plan that is refused gives %v", err)
	}
}

// TestSessionLacks keeps a case that one side does not have, with the reason.
func TestSessionLacks(t *testing.T) {
	l := newLab()
	s := &Session{
		A:     l.side("a", map[string]float64{"adam": 1e-6, "sgd": 1e-6}),
		B:     l.side("b", map[string]float64{"adam": 1e-6}),
		Cases: []harness.Case{aCase("adam"), aCase("sgd")},
		Plan:  plan(8),
	}
	_, out, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Result.Verdict != compare.Equivalent || !strings.Contains(out[1].Lacks, "side b lacks the case: unknown update") || len(out[1].A) != 0 {
		t.Errorf("%s with %d pairs, and %q", out[0].Result.Verdict, out[0].Result.N, out[1].Lacks)
	}
}

// TestSessionFails keeps what was launched before a launch failed.
func TestSessionFails(t *testing.T) {
	l := newLab()
	good := l.side("b", map[string]float64{"adam": 2e-6})
	launches := 0
	s := &Session{
		A: l.side("a", map[string]float64{"adam": 1e-6}),
		B: func(ctx context.Context, settings []string, seed uint64) ([]record.Throughput, error) {
			if launches++; launches > 5 {
				return nil, fmt.Errorf("%w: it broke", ErrLaunch)
			}
			return good(ctx, settings, seed)
		},
		Cases: []harness.Case{aCase("adam")},
		Plan:  plan(12),
	}
	_, out, err := s.Run(t.Context())
	if !errors.Is(err, ErrLaunch) {
		t.Fatalf("got %v, want the launch that failed", err)
	}
	r := out[0].Record("r", false)
	if len(r.A) != 5 || len(r.B) != 5 || len(r.Order) != 5 || r.Verdict != "INCONCLUSIVE" || r.P != 0 || len(r.Notes) != 1 {
		t.Errorf("kept %+v, want five pairs that were not tested", r)
	}
	// A case that was there and is gone is a failure too.
	launches = 0
	s.B = func(ctx context.Context, settings []string, seed uint64) ([]record.Throughput, error) {
		if launches++; launches > 5 {
			return nil, fmt.Errorf("%w: gone", errLacks)
		}
		return good(ctx, settings, seed)
	}
	if _, _, err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "side b lacks the case: gone") {
		t.Errorf("a case that is gone at the sixth launch gives %v", err)
	}
}

// TestIdenticalSession measures identical sides until the first look, and calls them so
// whatever they show.
func TestIdenticalSession(t *testing.T) {
	l := newLab()
	s := &Session{
		A:     l.side("a", map[string]float64{"adam": 1e-6}),
		B:     l.side("b", map[string]float64{"adam": 1.1e-6}),
		Cases: []harness.Case{aCase("adam")},
		Plan:  plan(8, 16), Identical: true,
	}
	_, out, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := out[0].Record("r", true); r.Verdict != "IDENTICAL" || r.Pairs != 8 || r.CI95[0] < 1.05 {
		t.Errorf("%+v, want it identical after 8 pairs, with the interval that they gave", r)
	}
}

// TestRecord notes kernels that differ and what was not verified.
func TestRecord(t *testing.T) {
	l := newLab()
	a, b := l.side("a", map[string]float64{"adam": 1e-6}), l.side("b", map[string]float64{"adam": 1e-6})
	s := &Session{
		A: a,
		B: func(ctx context.Context, settings []string, seed uint64) ([]record.Throughput, error) {
			out, err := b(ctx, settings, seed)
			out[0].Kernel, out[0].Verified = "avx2/adam", false
			return out, err
		},
		Cases: []harness.Case{aCase("adam")}, Plan: plan(8),
	}
	_, out, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(out[0].Record("r", false).Notes, "; ")
	for _, want := range []string{"the sides run different kernels, go/adam and avx2/adam", "a side did not verify"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes are %q, want %q among them", notes, want)
		}
	}
}
