package harness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/sample"
	"github.com/optbench/optbench/kernels"
)

func fakeCase(update string, n int, cache string) Case {
	return Case{Update: update, N: n, Tensors: 1, DType: "f32", Backend: "fake", Threads: 1, Cache: cache}
}

func measure(t *testing.T, b *fakeBackend, lastCache int, c Case) (*record.Throughput, error) {
	t.Helper()
	r, err := b.meter(lastCache).Measure(context.Background(), c)
	if b.open != 0 || !b.closed {
		t.Errorf("%d plans are open, backend closed: %v", b.open, b.closed)
	}
	return r, err
}

func fake(t *testing.T, step, stream time.Duration) *fakeBackend {
	t.Helper()
	b, err := newFake(step, stream)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMeasureIsExact(t *testing.T) {
	const n = 3000
	for _, d := range kernels.All() {
		b := fake(t, 200*time.Microsecond, 150*time.Microsecond)
		r, err := measure(t, b, 1<<20, fakeCase(d.Name, n, Hot))
		if err != nil {
			t.Fatal(err)
		}
		moved, _ := kernels.Bytes(d.Cases[0], kernels.Float32, n)
		if k := d.Cases[0].Kernel(); k.Scalar != nil { // so small a tensor stays in a cache
			moved = k.Float32().ResidentBytes(n)
		}
		bytes := int64(moved)
		same := func(got, want float64) bool { return math.Abs(got-want) <= 1e-9*want }
		switch {
		case !same(r.Median, 200e-6) || !same(r.CI95[0], 200e-6) || !same(r.CI95[1], 200e-6):
			t.Errorf("%s: median %v in %v, want 200 microseconds", d.Name, r.Median, r.CI95)
		case !same(r.LimitShare, 0.75):
			t.Errorf("%s: share of the limit %v, want 0.75", d.Name, r.LimitShare)
		case r.Bytes != bytes || !same(r.LimitBytesPerSecond, float64(bytes)/150e-6):
			t.Errorf("%s: %d bytes, limit %v B/s, want %d and %v", d.Name, r.Bytes, r.LimitBytesPerSecond, bytes, float64(bytes)/150e-6)
		case !same(r.NSPerParam, 200e3/n):
			t.Errorf("%s: %v ns per parameter, want %v", d.Name, r.NSPerParam, 200e3/n)
		case r.Stop != string(sample.Converged) || !r.Verified || len(r.Warnings) > 0:
			t.Errorf("%s: stop %q, verified %v, warnings %q", d.Name, r.Stop, r.Verified, r.Warnings)
		case len(r.Samples) != len(r.LimitSamples) || len(r.Samples) < minSamples:
			t.Errorf("%s: %d samples beside %d of the limit", d.Name, len(r.Samples), len(r.LimitSamples))
		case !strings.HasPrefix(r.Kernel, "go/"+d.Cases[0].Kernel().Name) || !strings.HasSuffix(r.Kernel, "_f32"):
			t.Errorf("%s: kernel %s", d.Name, r.Kernel)
		}
	}
}

// TestVerify plants errors of one bit: no record may come of them.
func TestVerify(t *testing.T) {
	flip := func(i int) func([]float32) {
		return func(p []float32) { p[i] = math.Float32frombits(math.Float32bits(p[i]) ^ 1) }
	}
	const n = 5000
	for _, update := range []string{"adamw", "lamb", "clipped-gd"} {
		for _, i := range []int{0, 1023, n - 1} { // in the first unit and the last
			b := fake(t, time.Millisecond, time.Millisecond)
			b.wrong = flip(i)
			r, err := measure(t, b, 1<<20, fakeCase(update, n, Hot))
			if r != nil || !errors.Is(err, ErrVerify) || !strings.Contains(err.Error(), update) {
				t.Errorf("%s, element %d off by one bit: got %v, %v", update, i, r, err)
			}
		}
	}
	// A wrong norm changes every element a little.
	b := fake(t, time.Millisecond, time.Millisecond)
	b.wrong = func(p []float32) {
		for i := range p {
			p[i] *= 1 + 1e-6
		}
	}
	if _, err := measure(t, b, 1<<20, fakeCase("lamb", n, Hot)); !errors.Is(err, ErrVerify) {
		t.Errorf("a wrong norm: got %v", err)
	}
}

// TestVerifyEveryNorm spoils one of many tensors, as a wrong norm does.
func TestVerifyEveryNorm(t *testing.T) {
	c := fakeCase("lamb", 2000, Hot)
	c.Tensors = 40
	for i := range c.Tensors {
		b := fake(t, time.Millisecond, time.Millisecond)
		b.tensor, b.wrong = i, func(p []float32) {
			for k := range p {
				p[k] *= 1.5
			}
		}
		if _, err := measure(t, b, 1<<20, c); !errors.Is(err, ErrVerify) || !strings.Contains(err.Error(), fmt.Sprintf("tensor %d, ", i)) {
			t.Errorf("tensor %d is wrong: got %v", i, err)
		}
	}
}

// TestVerifyBothEnds plants an error in the first and the last of so many units
// that none is checked by chance.
func TestVerifyBothEnds(t *testing.T) {
	const n = 300_000
	for _, i := range []int{1023, n - 1} {
		b := fake(t, time.Millisecond, time.Millisecond)
		b.wrong = func(p []float32) { p[i] = -p[i] }
		if _, err := measure(t, b, 1<<20, fakeCase("sgd", n, Hot)); !errors.Is(err, ErrVerify) || !strings.Contains(err.Error(), fmt.Sprintf("element %d of p", i)) {
			t.Errorf("element %d is wrong: got %v", i, err)
		}
	}
}

// TestVerifyEveryCopy spoils the last of several copies.
func TestVerifyEveryCopy(t *testing.T) {
	b := fake(t, time.Millisecond, time.Millisecond)
	steps := 0
	b.wrong = func(p []float32) {
		if steps++; steps == 10 {
			p[0]++
		}
	}
	if _, err := measure(t, b, 20000, fakeCase("sgd", 1000, Cold)); !errors.Is(err, ErrVerify) || steps != 10 {
		t.Errorf("the last of 10 copies is wrong: got %v after %d steps", err, steps)
	}
}

// TestMeasureInterrupted stops in the verification of the first copy, of a later
// one, and while it is timed: soon, with nothing left open.
func TestMeasureInterrupted(t *testing.T) {
	for _, at := range []int{1, 3, 20} {
		ctx, cancel := context.WithCancel(t.Context())
		b := fake(t, time.Millisecond, time.Millisecond)
		steps := 0
		b.wrong = func([]float32) {
			if steps++; steps == at {
				cancel()
			}
		}
		r, err := b.meter(20000).Measure(ctx, fakeCase("sgd", 1000, Cold))
		if r != nil || !errors.Is(err, context.Canceled) || b.open != 0 || !b.closed {
			t.Errorf("interrupted at step %d: got %v, %v, %d plans are open, backend closed: %v", at, r, err, b.open, b.closed)
		}
		most := at
		if at > 10 { // a sample is completed
			most += 10
		}
		if steps > most {
			t.Errorf("interrupted at step %d, went on to %d", at, steps)
		}
	}
}

func TestMeasureFlagsTheImpossible(t *testing.T) {
	b := fake(t, 10*time.Millisecond, 11*time.Millisecond)
	r, err := measure(t, b, 1000, fakeCase("sgd", 10000, Cold)) // 80,000 bytes: in memory
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "1.100") {
		t.Errorf("warnings %q, want one that says 1.100", r.Warnings)
	}
	// In a cache the stream is no hard limit, but not far from one.
	b = fake(t, 10*time.Millisecond, 11*time.Millisecond)
	if r, err = measure(t, b, 1<<30, fakeCase("sgd", 10000, Hot)); err != nil || len(r.Warnings) > 0 {
		t.Errorf("in a cache: %v, %v", r, err)
	}
	b = fake(t, 10*time.Millisecond, 13*time.Millisecond)
	if r, err = measure(t, b, 1<<30, fakeCase("sgd", 10000, Hot)); err != nil || len(r.Warnings) != 1 {
		t.Errorf("far above the limit in a cache: %v, %v", r, err)
	}
}

func TestColdRotates(t *testing.T) {
	const n, cache = 1000, 20000 // 8,000 bytes a copy, 80,000 to exceed the cache
	b := fake(t, time.Millisecond, time.Millisecond)
	m := b.meter(cache)
	if need, err := m.Need(fakeCase("sgd", n, Cold)); err != nil || need < coldFactor*cache {
		t.Errorf("needs %d bytes (%v), want %d or more", need, err, coldFactor*cache)
	}
	if _, err := measure(t, b, cache, fakeCase("sgd", n, Cold)); err != nil {
		t.Fatal(err)
	}
	if b.bound != 10 {
		t.Errorf("%d copies, want 10", b.bound)
	}
	if least, most := slices.Min(b.touched), slices.Max(b.touched); least < 4 || most-least > 1 {
		t.Errorf("copies were touched %v times, want them in turn", b.touched)
	}
}

func TestMeasureErrors(t *testing.T) {
	b := fake(t, time.Millisecond, time.Millisecond)
	b.fail = errors.New("the device is on fire")
	if _, err := measure(t, b, 1<<20, fakeCase("adam", 1000, Hot)); !errors.Is(err, b.fail) || !strings.Contains(err.Error(), "adam, n=1000") {
		t.Errorf("a failing step: got %v", err)
	}
	for _, fails := range []int{1, 3, 6} { // of four arrays for each of several copies
		b = fake(t, time.Millisecond, time.Millisecond)
		b.allocs = fails
		if _, err := measure(t, b, 1<<20, fakeCase("adam", 10000, Cold)); !errors.Is(err, backend.ErrMemory) {
			t.Errorf("allocation %d fails: got %v", fails, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b = fake(t, time.Millisecond, time.Millisecond)
	if _, err := b.meter(1<<20).Measure(ctx, fakeCase("adam", 1000, Hot)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	if b.open != 0 || !b.closed {
		t.Errorf("cancelled: %d plans are open, backend closed: %v", b.open, b.closed)
	}
	b = fake(t, time.Millisecond, time.Millisecond)
	c := fakeCase("adam", 1000, Hot)
	c.Backend = "other"
	if _, err := b.meter(1<<20).Measure(context.Background(), c); err == nil || !strings.Contains(err.Error(), "open other") {
		t.Errorf("a backend that does not open: got %v", err)
	}
}

// TestMeasureReal measures on real backends, for what the fake leaves out.
func TestMeasureReal(t *testing.T) {
	for _, c := range []Case{
		{Update: "lamb", N: 3000, Tensors: 3, DType: "f64", Backend: "cpu:go", Threads: 1, Cache: Hot},
		{Update: "adamw", N: 3000, Tensors: 7, DType: "f32", Backend: "cpu", Threads: 2, Cache: Cold, Clip: 1},
		{Update: "lars", N: 5000, Tensors: 2, DType: "f32", Backend: "cpu", Threads: 2, Cache: Hot, Clip: 0.5},
	} {
		m := NewMeter(Profile{Name: "test", Target: 0.5, Time: 20 * time.Millisecond}, "run", 1, environment(100_000, 1_000_000, 2))
		if r, err := m.Measure(context.Background(), c); err != nil || !r.Verified || r.NSPerParam <= 0 {
			t.Errorf("%+v: %v, %v", c, r, err)
		}
	}
}

// watched is a backend whose device says how it is.
type watched struct {
	*fakeBackend
	telemetry backend.Telemetry
	known     bool
}

func (w watched) Telemetry() (backend.Telemetry, bool) { return w.telemetry, w.known }

// TestTelemetry keeps the state of a device with its figures, and warns where its
// clocks were low.
func TestTelemetry(t *testing.T) {
	for _, w := range []watched{
		{},
		{known: true, telemetry: backend.Telemetry{MHz: 1980, Celsius: 50}},
		{known: true, telemetry: backend.Telemetry{MHz: 1200, Slowed: []string{"temperature", "the power limit"}}},
	} {
		w.fakeBackend = fake(t, time.Millisecond, time.Millisecond)
		m := w.meter(1 << 20)
		m.Open = func(string, int) (backend.Backend, error) { return w, nil }
		r, err := m.Measure(context.Background(), fakeCase("sgd", 1000, Hot))
		if err != nil {
			t.Fatal(err)
		}
		if (r.Telemetry != nil) != w.known || w.known && r.Telemetry.MHz != w.telemetry.MHz {
			t.Errorf("the record says %+v of %+v", r.Telemetry, w.telemetry)
		}
		warned := slices.Contains(r.Warnings, "the device was slowed by temperature, the power limit")
		if warned != (len(w.telemetry.Slowed) > 0) {
			t.Errorf("warnings are %q", r.Warnings)
		}
	}
}
