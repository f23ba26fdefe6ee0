package sample_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optbench/optbench/harness/sample"
)

const (
	us = time.Microsecond
	ms = time.Millisecond
)

// A bench is a fake clock, on which subjects run and leave a log of who ran when.
type bench struct {
	now time.Time
	log []int
}

func (b *bench) Now() time.Time { return b.now }

// subject runs steps that take step(n) in its n-th call, counted from 1.
func (b *bench) subject(id int, step func(call int) time.Duration) *subject {
	return &subject{bench: b, id: id, step: step}
}

type subject struct {
	bench *bench
	id    int
	step  func(call int) time.Duration
	calls int
	reps  []int // asked for in each call
	fail  int   // the call that returns err, or 0
	err   error
}

func (s *subject) Run(reps int) (time.Duration, error) {
	s.calls++
	s.reps = append(s.reps, reps)
	s.bench.log = append(s.bench.log, s.id)
	if s.calls == s.fail {
		return 0, s.err
	}
	d := time.Duration(reps) * s.step(s.calls)
	s.bench.now = s.bench.now.Add(d)
	return d, nil
}

func always(d time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return d }
}

// noisy is a deterministic noise of several percent round 1 ms.
func noisy(call int) time.Duration {
	return ms + time.Duration(call*7919%101)*us
}

func TestStops(t *testing.T) {
	tests := []struct {
		name string
		cfg  sample.Config
		step func(int) time.Duration
		stop sample.Stop
		n    int
	}{
		{"constant time converges at the second look after six samples, the first 95 % interval",
			sample.Config{TargetCI: 0.01, MaxSamples: 100}, always(ms), sample.Converged, 8},
		{"but looks first at MinSamples",
			sample.Config{TargetCI: 0.01, MinSamples: 20, MaxSamples: 100}, always(ms), sample.Converged, 26},
		{"convergence is noticed at the last sample",
			sample.Config{TargetCI: 0.01, MinSamples: 7, MaxSamples: 7}, always(ms), sample.Converged, 7},
		{"without a target, samples run out",
			sample.Config{MaxSamples: 12}, always(ms), sample.MaxedOut, 12},
		{"too few samples never converge",
			sample.Config{TargetCI: 0.5, MaxSamples: 5}, always(ms), sample.MaxedOut, 5},
		{"noise beyond the target",
			sample.Config{TargetCI: 1e-4, MaxSamples: 50}, noisy, sample.MaxedOut, 50},
		{"time ends with the round in which it passes",
			sample.Config{MaxTime: 9500 * us}, always(ms), sample.TimeUp, 10},
		{"time that passes exactly",
			sample.Config{MaxTime: 10 * ms}, always(ms), sample.TimeUp, 10},
		{"one round runs whatever the time",
			sample.Config{MaxTime: 1}, always(ms), sample.TimeUp, 1},
		{"convergence is noticed when time is up",
			sample.Config{TargetCI: 0.01, MinSamples: 10, MaxTime: 10 * ms}, always(ms), sample.Converged, 10},
		{"time prevails over MinSamples",
			sample.Config{TargetCI: 0.01, MinSamples: 20, MaxTime: 8 * ms}, always(ms), sample.TimeUp, 8},
		{"spikes do not move the median",
			sample.Config{TargetCI: 0.01, MinSamples: 20, MaxSamples: 100}, func(call int) time.Duration {
				if call%5 == 0 {
					return 50 * ms
				}
				return ms
			}, sample.Converged, 26},
		{"drift keeps the interval wide",
			sample.Config{TargetCI: 0.01, MaxSamples: 60}, func(call int) time.Duration { return ms + time.Duration(call)*10*us }, sample.MaxedOut, 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &bench{}
			tt.cfg.Clock = b
			series, stop, err := sample.Measure(t.Context(), tt.cfg, b.subject(0, tt.step))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(series[0].Seconds); stop != tt.stop || n != tt.n {
				t.Errorf("stopped by %q after %d samples, want %q after %d", stop, n, tt.stop, tt.n)
			}
		})
	}
}

func TestTimeIsKeptWithinOneRound(t *testing.T) {
	b := &bench{}
	subjects := []sample.Subject{b.subject(0, always(3*ms)), b.subject(1, always(4*ms))}
	series, _, err := sample.Measure(t.Context(), sample.Config{MaxTime: 50 * ms, Clock: b}, subjects...)
	if err != nil {
		t.Fatal(err)
	}
	// One round of warm-up, then rounds of 7 ms that begin before 50 ms.
	if got, want := b.now.Sub(time.Time{}), 9*7*ms; got != want || len(series[0].Seconds) != 8 {
		t.Errorf("measured for %v, %d samples; want %v, 8 samples", got, len(series[0].Seconds), want)
	}
}

func TestRepsAreCalibratedPerSubject(t *testing.T) {
	b := &bench{}
	fast, slow, capped := b.subject(0, always(100*us)), b.subject(1, always(3*ms)), b.subject(2, always(time.Nanosecond))
	cfg := sample.Config{MinSampleTime: ms, MaxReps: 100, MaxSamples: 2, Clock: b}
	series, _, err := sample.Measure(t.Context(), cfg, fast, slow, capped)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		reps    []int
		seconds float64
	}{
		{[]int{1, 2, 4, 8, 16, 16, 16, 16, 16, 16}, 100e-6}, // 1.6 ms is the first power of two above 1 ms
		{[]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 3e-3},
		{[]int{1, 2, 4, 8, 16, 32, 64, 100, 100, 100}, 1e-9},
	} {
		got := []*subject{fast, slow, capped}[i]
		if !reflect.DeepEqual(got.reps, want.reps) {
			t.Errorf("subject %d ran %v steps, want %v", i, got.reps, want.reps)
		}
		s := series[i]
		if s.Reps != want.reps[len(want.reps)-1] || len(s.Seconds) != 2 || math.Abs(s.Seconds[0]/want.seconds-1) > 1e-12 {
			t.Errorf("subject %d: got %v, want 2 samples of %v s per step", i, s, want.seconds)
		}
	}
}

func TestSlowFirstRunDoesNotFoolCalibration(t *testing.T) {
	b := &bench{}
	s := b.subject(0, func(call int) time.Duration {
		if call == 1 {
			return 20 * ms // page faults, lazy loading
		}
		return 100 * us
	})
	cfg := sample.Config{MinSampleTime: ms, WarmupTime: 10 * ms, MaxSamples: 1, Clock: b}
	series, _, err := sample.Measure(t.Context(), cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	if series[0].Reps != 16 {
		t.Errorf("got %d steps in a sample, want 16", series[0].Reps)
	}
}

func TestWarmup(t *testing.T) {
	tests := []struct {
		name  string
		step  func(int) time.Duration
		calls int
	}{
		{"steady: WarmupTime", always(ms), 10},
		{"three steady timings end it", func(call int) time.Duration {
			if call <= 12 {
				return ms * time.Duration(1+call%2) // 12 calls take 18 ms
			}
			return ms
		}, 14}, // calls 12, 13 and 14 take 1 ms
		{"never steady: four times WarmupTime", func(call int) time.Duration { return ms * time.Duration(1+call%2) }, 27},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &bench{}
			s := b.subject(0, tt.step)
			cfg := sample.Config{WarmupTime: 10 * ms, MaxSamples: 1, Clock: b}
			series, _, err := sample.Measure(t.Context(), cfg, s)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.calls - len(series[0].Seconds); got != tt.calls {
				t.Errorf("warmed up for %d calls, want %d", got, tt.calls)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	const subjects, rounds = 4, 50
	order := func(seed uint64) []int {
		b := &bench{}
		var ss []sample.Subject
		for i := range subjects {
			ss = append(ss, b.subject(i, always(ms)))
		}
		if _, _, err := sample.Measure(t.Context(), sample.Config{MaxSamples: rounds, Seed: seed, Clock: b}, ss...); err != nil {
			t.Fatal(err)
		}
		return b.log
	}
	log := order(1)
	changed := 0
	var before []int
	for round := range slices.Chunk(log, subjects) {
		if !slices.Equal(slices.Sorted(slices.Values(round)), []int{0, 1, 2, 3}) {
			t.Fatalf("a round ran %v, want every subject once", round)
		}
		if before != nil && !slices.Equal(round, before) {
			changed++
		}
		before = round
	}
	if changed < rounds*3/4 {
		t.Errorf("the order changed in %d of %d rounds, want nearly all", changed, rounds)
	}
	if !slices.Equal(log, order(1)) {
		t.Error("the same seed gave another order")
	}
	if slices.Equal(log, order(2)) {
		t.Error("another seed gave the same order")
	}
}

func TestCancellationKeepsWholeRounds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := &bench{}
	stopper := func(call int) time.Duration {
		if len(b.log) == 2*(1+5)+1 { // the first run of round 6, after one of warm-up
			cancel()
		}
		return ms
	}
	cfg := sample.Config{MaxSamples: 100, Clock: b}
	series, stop, err := sample.Measure(ctx, cfg, b.subject(0, stopper), b.subject(1, stopper))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v, want it to wrap context.Canceled", err)
	}
	if stop != "" || len(series) != 2 || len(series[0].Seconds) != 5 || len(series[1].Seconds) != 5 {
		t.Errorf("got stop %q and %v, want no reason and 5 samples of each", stop, series)
	}
}

func TestErrorNamesTheSubject(t *testing.T) {
	broken := errors.New("device lost")
	b := &bench{}
	bad := b.subject(1, always(ms))
	bad.err, bad.fail = broken, 4
	series, stop, err := sample.Measure(t.Context(), sample.Config{MaxSamples: 9, Clock: b}, b.subject(0, always(ms)), bad)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "subject 1") {
		t.Errorf("got error %v, want one that wraps %q and names subject 1", err, broken)
	}
	if stop != "" || len(series[0].Seconds) != 2 || len(series[1].Seconds) != 2 {
		t.Errorf("got stop %q and %v, want no reason and the two rounds before the error", stop, series)
	}
}

func TestRefusals(t *testing.T) {
	b := &bench{}
	good := sample.Subject(b.subject(0, always(ms)))
	tests := []struct {
		cfg      sample.Config
		subjects []sample.Subject
		want     string
	}{
		{sample.Config{MaxSamples: 1}, nil, "no subject"},
		{sample.Config{}, []sample.Subject{good}, "no limit"},
		{sample.Config{MaxSamples: 1, TargetCI: math.NaN()}, []sample.Subject{good}, "NaN"},
		{sample.Config{MaxSamples: 1, TargetCI: -1}, []sample.Subject{good}, "-1"},
		{sample.Config{MaxSamples: -1}, []sample.Subject{good}, "negative count"},
		{sample.Config{MaxTime: -1}, []sample.Subject{good}, "negative time"},
		{sample.Config{MaxSamples: 5, MinSamples: 6}, []sample.Subject{good}, "at least 6 samples and at most 5"},
		{sample.Config{MaxSamples: 5, Clock: b}, []sample.Subject{good, b.subject(1, always(0))}, "subject 1: got 0s"},
	}
	for _, tt := range tests {
		if _, _, err := sample.Measure(t.Context(), tt.cfg, tt.subjects...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got error %v, want it to say %q", tt.cfg, err, tt.want)
		}
	}
}

func TestRealClock(t *testing.T) {
	_, stop, err := sample.Measure(t.Context(), sample.Config{MaxSamples: 3}, (&bench{}).subject(0, always(ms)))
	if stop != sample.MaxedOut || err != nil {
		t.Errorf("got %q, %v; want %q without a clock given", stop, err, sample.MaxedOut)
	}
}

// A kernel and its limit that drift together keep their ratio.
func TestRatioCancelsDrift(t *testing.T) {
	b := &bench{}
	drift := func(base time.Duration) func(int) time.Duration {
		return func(call int) time.Duration { return base * time.Duration(100+call) }
	}
	series, _, err := sample.Measure(t.Context(), sample.Config{MaxSamples: 40, Clock: b}, b.subject(0, drift(5*us)), b.subject(1, drift(4*us)))
	if err != nil {
		t.Fatal(err)
	}
	median, lo, hi := sample.Ratio(series[0], series[1])
	for _, x := range []float64{median, lo, hi} {
		if math.Abs(x-1.25) > 1e-9 {
			t.Errorf("got the ratio %v in [%v, %v], want 1.25 throughout", median, lo, hi)
			break
		}
	}
}

func TestSummary(t *testing.T) {
	tests := []struct {
		n    int
		want sample.Summary // of 1, 2, ... n; confidences computed in exact fractions elsewhere
	}{
		{1, sample.Summary{Median: 1, Lo: 1, Hi: 1, N: 1, Confidence: 0}},
		{2, sample.Summary{Median: 1.5, Lo: 1, Hi: 2, N: 2, Confidence: 0.5}},
		{5, sample.Summary{Median: 3, Lo: 1, Hi: 5, N: 5, Confidence: 0.9375}},
		{6, sample.Summary{Median: 3.5, Lo: 1, Hi: 6, N: 6, Confidence: 0.96875}},
		{9, sample.Summary{Median: 5, Lo: 2, Hi: 8, N: 9, Confidence: 0.9609375}},
		{12, sample.Summary{Median: 6.5, Lo: 3, Hi: 10, N: 12, Confidence: 0.96142578125}},
		{20, sample.Summary{Median: 10.5, Lo: 6, Hi: 15, N: 20, Confidence: 0.9586105346679688}},
		{100, sample.Summary{Median: 50.5, Lo: 40, Hi: 61, N: 100, Confidence: 0.9647997997822955}},
		{5000, sample.Summary{Median: 2500.5, Lo: 2431, Hi: 2570, N: 5000, Confidence: 0.9506841418958282}},
	}
	for _, tt := range tests {
		var s sample.Series
		for i := range tt.n {
			s.Seconds = append(s.Seconds, float64(tt.n-i))
		}
		got := s.Summary()
		close := math.Abs(got.Confidence-tt.want.Confidence) < 1e-11
		got.Confidence = tt.want.Confidence
		if !close || got != tt.want {
			t.Errorf("n = %d: got %+v, want %+v", tt.n, s.Summary(), tt.want)
		}
		if s.Seconds[0] != float64(tt.n) {
			t.Errorf("n = %d: the order of the series was changed", tt.n)
		}
	}
	if s := (sample.Series{}).Summary(); !math.IsNaN(s.Median) || !math.IsNaN(s.Lo) || !math.IsNaN(s.Hi) || s.N != 0 || s.Confidence != 0 {
		t.Errorf("of nothing: got %+v, want NaN with no confidence", s)
	}
}

func TestRatioPairsRounds(t *testing.T) {
	a := sample.Series{Seconds: []float64{2, 30, 8, 100}}
	b := sample.Series{Seconds: []float64{1, 10, 2}}
	if median, lo, hi := sample.Ratio(a, b); median != 3 || lo != 2 || hi != 4 {
		t.Errorf("got %v in [%v, %v], want 3 in [2, 4]", median, lo, hi)
	}
}

// The share of intervals that hold the true median, for samples of a fixed size
// and for samples that stop when the interval looks narrow.
func TestCoverage(t *testing.T) {
	const trials = 4000
	for _, tt := range []struct {
		name string
		cfg  sample.Config
	}{
		{"6 samples", sample.Config{MaxSamples: 6}},
		{"9 samples", sample.Config{MaxSamples: 9}},
		{"30 samples", sample.Config{MaxSamples: 30}},
		{"101 samples", sample.Config{MaxSamples: 101}},
		{"until 0.5 %", sample.Config{MinSamples: 10, MaxSamples: 1000, TargetCI: 0.005}},
		{"until 1 %", sample.Config{MinSamples: 10, MaxSamples: 1000, TargetCI: 0.01}},
		{"until 2 %", sample.Config{MinSamples: 10, MaxSamples: 1000, TargetCI: 0.02}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, 2))
			spiky := func(int) time.Duration { // heavy tails round a median of 1 ms
				deviation := 0.02 * rng.NormFloat64()
				if rng.IntN(10) == 0 {
					deviation *= 10
				}
				return time.Duration(float64(ms) * math.Exp(deviation))
			}
			held := 0
			for range trials {
				b := &bench{}
				cfg := tt.cfg
				cfg.Clock = b
				series, _, err := sample.Measure(t.Context(), cfg, b.subject(0, spiky))
				if err != nil {
					t.Fatal(err)
				}
				if s := series[0].Summary(); s.Lo <= 1e-3 && 1e-3 <= s.Hi {
					held++
				}
			}
			got := float64(held) / trials
			t.Logf("the interval holds the median in %.2f %% of trials", 100*got)
			if got < 0.94 {
				t.Error("want at least 94 %")
			}
		})
	}
}
