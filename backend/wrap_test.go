package backend_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// open opens a backend with three workers, whatever the machine has.
func open(t testing.TB, name string) backend.Backend {
	t.Helper()
	b, err := backend.Options{Threads: 3}.Open(name)
	if errors.Is(err, backend.ErrUnavailable) {
		t.Skip(err) // TestConformance fails where it is required
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// collect collects garbage until the cleanup of an object that was dropped here
// has run: what was dropped before has been collected then too.
func collect(t *testing.T) {
	t.Helper()
	var gone atomic.Bool
	func() {
		dropped := make([]float32, 50_000)
		runtime.AddCleanup(&dropped[0], func(int) { gone.Store(true) }, 0)
	}()
	for start := time.Now(); !gone.Load(); runtime.Gosched() {
		runtime.GC()
		if time.Since(start) > 10*time.Second {
			t.Fatal("garbage was not collected within 10 s")
		}
	}
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// slices4 returns parameter, gradient and two states of n elements, the states
// zero, and a copy.
func slices4(rng *rand.Rand, n int) (x, y [][]float32) {
	x = [][]float32{normal(rng, n), normal(rng, n), make([]float32, n), make([]float32, n)}
	for _, s := range x {
		y = append(y, append([]float32(nil), s...))
	}
	return x, y
}

func wrap(t testing.TB, b backend.Backend, slots [][]float32) backend.Tensor {
	t.Helper()
	var out backend.Tensor
	for _, s := range slots {
		x, err := backend.Wrap(b, s)
		if err != nil {
			t.Fatal(err)
		}
		out.Slots = append(out.Slots, x)
	}
	return out
}

func bind(t testing.TB, b backend.Backend, ops ...backend.Op) backend.Plan {
	t.Helper()
	plan, err := b.Bind(ops...)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func step(t testing.TB, plan backend.Plan, at int) {
	t.Helper()
	if err := plan.Step(kernels.At(at)); err != nil {
		t.Fatal(err)
	}
}

func shut(t testing.TB, closers ...interface{ Close() error }) {
	t.Helper()
	for _, c := range closers {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func compare(t testing.TB, got, want [][]float32) {
	t.Helper()
	for k := range want {
		for i := range want[k] {
			if math.Float32bits(got[k][i]) != math.Float32bits(want[k][i]) {
				t.Fatalf("slot %d, element %d of %d: got %v, want %v", k, i, len(want[k]), got[k][i], want[k][i])
			}
		}
	}
}

var (
	adamw = kernels.AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1}
	lamb  = kernels.LAMB{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-6, WeightDecay: 1e-2}
)

// hosts are the backends that compute in host memory.
func hosts() []string {
	return slices.DeleteFunc(backend.Names(), func(n string) bool { return !strings.HasPrefix(n, "cpu:") })
}

// TestWrap steps slices of the caller's, each slot at another distance from a
// cache line.
func TestWrap(t *testing.T) {
	for _, name := range hosts() {
		for _, u := range []kernels.Update{adamw, lamb} {
			for _, n := range []int{0, 1, 100, 50_001} {
				for shift := range 4 {
					t.Run(fmt.Sprintf("%s/%s/n=%d/shift=%d", name, u.Name(), n, shift), func(t *testing.T) {
						b := open(t, name)
						x, want := slices4(rand.New(rand.NewPCG(uint64(n), uint64(shift))), n+16)
						for k := range x {
							from := k * shift
							x[k], want[k] = x[k][from:from+n], want[k][from:from+n]
						}
						plan := bind(t, b, backend.Group{Update: u, Tensors: []backend.Tensor{wrap(t, b, x)}})
						for s := 1; s <= 3; s++ {
							step(t, plan, s)
							kernels.Reference(u, kernels.At(s), 1, [][][]float32{want})
						}
						compare(t, x, want)
						shut(t, plan, b)
					})
				}
			}
		}
	}
}

// A foreign backend is one that package backend knows nothing of.
type foreign struct{ backend.Backend }

func (foreign) Info() backend.Info { return backend.Info{Name: "foreign"} }

func TestWrapErrors(t *testing.T) {
	if _, err := backend.Wrap(foreign{}, []float32{1}); !errors.Is(err, backend.ErrUnsupported) || !strings.Contains(err.Error(), "foreign") {
		t.Errorf("a slice wrapped for a foreign backend: got %v, want %v", err, backend.ErrUnsupported)
	}
	b := open(t, "cpu")
	big, err := backend.Wrap(b, make([]float32, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	shut(t, b)
	if _, err := backend.Wrap(b, []float32{1}); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a slice wrapped for a closed backend: got %v, want %v", err, backend.ErrClosed)
	}
	if err := backend.Put(big, make([]float32, 1<<20)); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a write to a buffer of a closed backend: got %v, want %v", err, backend.ErrClosed)
	}
}

// TestWrapKept drops every reference to wrapped memory but the plan's own,
// which must keep it from being collected until it is closed.
func TestWrapKept(t *testing.T) {
	b := open(t, "cpu")
	var collected atomic.Int64
	const n = 1000
	tensors := make([]backend.Tensor, 1)
	func() {
		x, _ := slices4(rand.New(rand.NewPCG(1, 2)), n)
		for _, s := range x {
			runtime.AddCleanup(&s[0], func(int) { collected.Add(1) }, 0)
		}
		tensors[0] = wrap(t, b, x)
	}()
	plan := bind(t, b, backend.Group{Update: adamw, Tensors: tensors})
	clear(tensors[0].Slots)
	for s := 1; s <= 3; s++ {
		collect(t)
		step(t, plan, s)
	}
	if got := collected.Load(); got > 0 {
		t.Errorf("%d slices of an open plan were collected", got)
	}
	shut(t, plan)
	for start := time.Now(); collected.Load() < 4; runtime.GC() {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("%d of 4 slices were collected after their plan was closed", collected.Load())
		}
		runtime.Gosched()
	}
	shut(t, b)
}

func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		options backend.Options
		names   []string
		want    []string
	}{
		{backend.Options{}, []string{"tpu"}, []string{"open tpu", "unknown name", "cpu:go"}},
		{backend.Options{}, []string{"cpu:mmx", "tpu"}, []string{"open cpu:mmx", "open tpu"}},
		{backend.Options{}, []string{""}, []string{"unknown name"}},
		{backend.Options{Threads: -1}, []string{"cpu:go"}, []string{"threads is -1", "1 or more"}},
	} {
		b, err := c.options.Open(c.names...)
		if err == nil {
			t.Errorf("%+v.Open(%q) opens %s", c.options, c.names, b.Info().Name)
			shut(t, b)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v.Open(%q): error %q lacks %q", c.options, c.names, err, want)
			}
		}
	}
	if _, err := backend.Open("tpu"); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("an unknown name: got %v, want %v", err, backend.ErrUnavailable)
	}
	for _, l := range backend.List() {
		if l.Missing == "" {
			continue
		}
		if _, err := backend.Open(l.Name); !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), l.Missing) {
			t.Errorf("%s: got %v, want %v that says %q", l.Name, err, backend.ErrUnavailable, l.Missing)
		}
	}
}

func TestOpenFirst(t *testing.T) {
	for _, names := range [][]string{nil, {"cpu"}, {"tpu", "cpu:go"}} {
		b, err := backend.Options{Threads: 2}.Open(names...)
		if err != nil {
			t.Errorf("Open(%q): %v", names, err)
			continue
		}
		if i := b.Info(); !strings.HasPrefix(i.Name, "cpu:") || i.Threads != 2 || len(names) == 2 && i.Name != "cpu:go" {
			t.Errorf("Open(%q) opens %+v", names, i)
		}
		shut(t, b)
	}
}

func TestClipGlobalNormErrors(t *testing.T) {
	b := open(t, "cpu")
	x, _ := slices4(rand.New(rand.NewPCG(1, 2)), 10)
	g := backend.Group{Update: adamw, Tensors: []backend.Tensor{wrap(t, b, x)}}
	for _, norm := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := backend.ClipGlobalNorm(b, norm, g); err == nil || !strings.Contains(err.Error(), "(0,inf)") {
			t.Errorf("a norm limited to %v: error %v", norm, err)
		}
	}
	scaled := g
	scaled.Scale = g.Tensors[0].Slots[0]
	if _, err := backend.ClipGlobalNorm(b, 1, g, scaled); err == nil || !strings.Contains(err.Error(), "group 1 has a Scale") {
		t.Errorf("a group with a Scale: error %v", err)
	}
	lacking := backend.Group{Update: adamw, Tensors: []backend.Tensor{{Slots: g.Tensors[0].Slots[:1]}}}
	ops, err := backend.ClipGlobalNorm(b, 1, lacking)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Bind(ops...); err == nil || !strings.Contains(err.Error(), "1 slots, want 4") {
		t.Errorf("a tensor without its gradient: error %v", err)
	}
	shut(t, b)
	if _, err := backend.ClipGlobalNorm(b, 1, g); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("on a closed backend: got %v, want %v", err, backend.ErrClosed)
	}
}

// TestTwoBackends steps two backends at once; neither takes the other's buffers.
func TestTwoBackends(t *testing.T) {
	names := hosts()
	backends := []backend.Backend{open(t, "cpu"), open(t, names[len(names)-1])}
	var results, wants [2][][]float32
	var wait sync.WaitGroup
	for i, b := range backends {
		wait.Go(func() {
			x, want := slices4(rand.New(rand.NewPCG(uint64(i), 1)), 40_000)
			results[i], wants[i] = x, want
			plan := bind(t, b, backend.Group{Update: lamb, Tensors: []backend.Tensor{wrap(t, b, x)}})
			for s := 1; s <= 20; s++ {
				step(t, plan, s)
				kernels.Reference(lamb, kernels.At(s), 1, [][][]float32{want})
			}
			shut(t, plan)
		})
	}
	wait.Wait()
	for i := range results {
		compare(t, results[i], wants[i])
	}
	mixed := wrap(t, backends[0], results[0])
	mixed.Slots[2] = wrap(t, backends[1], results[1]).Slots[2]
	_, err := backends[0].Bind(backend.Group{Update: adamw, Tensors: []backend.Tensor{mixed}})
	if err == nil || !strings.Contains(err.Error(), "slot m") || !strings.Contains(err.Error(), "another backend") {
		t.Errorf("a buffer of another backend: error %v", err)
	}
	shut(t, backends[0], backends[1])
}

// TestNeighbours steps the same numbers as tensors side by side, which a plan
// may join, and as tensors far apart, which it cannot.
func TestNeighbours(t *testing.T) {
	const count, size = 50, 777
	for _, name := range hosts() {
		for _, u := range []kernels.Update{adamw, lamb} {
			t.Run(name+"/"+u.Name(), func(t *testing.T) {
				b := open(t, name)
				near, far := slices4(rand.New(rand.NewPCG(1, 2)), count*size)
				whole := wrap(t, b, near)
				var joined, apart []backend.Tensor
				var copies [][][]float32
				for i := range count {
					var view backend.Tensor
					var own [][]float32
					for k := range far {
						view.Slots = append(view.Slots, whole.Slots[k].Slice(i*size, (i+1)*size))
						own = append(own, append([]float32(nil), far[k][i*size:(i+1)*size]...))
					}
					joined, copies = append(joined, view), append(copies, own)
					apart = append(apart, wrap(t, b, own))
				}
				p, q := bind(t, b, backend.Group{Update: u, Tensors: joined}), bind(t, b, backend.Group{Update: u, Tensors: apart})
				for s := 1; s <= 3; s++ {
					step(t, p, s)
					step(t, q, s)
				}
				for i, own := range copies {
					var got [][]float32
					for k := range near {
						got = append(got, near[k][i*size:(i+1)*size])
					}
					compare(t, got, own)
				}
				shut(t, p, q, b)
			})
		}
	}
}

// TestTinyTensors steps ten thousand tensors of a few elements.
func TestTinyTensors(t *testing.T) {
	for _, u := range []kernels.Update{adamw, lamb} {
		t.Run(u.Name(), func(t *testing.T) {
			b := open(t, "cpu")
			rng := rand.New(rand.NewPCG(1, 2))
			var tensors []backend.Tensor
			var wants [][][]float32
			for range 10_000 {
				x, want := slices4(rng, rng.IntN(65))
				var tensor backend.Tensor
				for _, s := range x {
					buffer, err := b.Alloc(kernels.F32, len(s))
					if err != nil {
						t.Fatal(err)
					}
					if err := backend.Put(buffer, s); err != nil {
						t.Fatal(err)
					}
					tensor.Slots = append(tensor.Slots, buffer)
				}
				tensors, wants = append(tensors, tensor), append(wants, want)
			}
			plan := bind(t, b, backend.Group{Update: u, Tensors: tensors})
			for s := 1; s <= 3; s++ {
				step(t, plan, s)
				kernels.Reference(u, kernels.At(s), 1, wants)
			}
			for i, want := range wants {
				var got [][]float32
				for k := range want {
					x := make([]float32, len(want[k]))
					if err := backend.Get(tensors[i].Slots[k], x); err != nil {
						t.Fatal(err)
					}
					got = append(got, x)
				}
				compare(t, got, want)
			}
			shut(t, plan, b)
		})
	}
}
