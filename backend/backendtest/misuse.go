package backendtest

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// checkMisuse holds errors to saying where, what was got and what was wanted.
func checkMisuse(t *testing.T, b backend.Backend) {
	alloc := func(d kernels.DType, n int) backend.Buffer {
		t.Helper()
		x, err := b.Alloc(d, n)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	p, g, m, v := alloc(kernels.F32, 8), alloc(kernels.F32, 8), alloc(kernels.F32, 8), alloc(kernels.F32, 8)
	short, wide, norm := alloc(kernels.F32, 7), alloc(kernels.F64, 8), alloc(kernels.F64, 1)
	half, blocks := alloc(kernels.BF16, 16), alloc(kernels.Q8, 300)
	u := kernels.AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	group := func(slots ...backend.Buffer) backend.Group {
		return backend.Group{Update: u, Tensors: []backend.Tensor{{Slots: []backend.Buffer{p.Slice(0, 0), g.Slice(0, 0), m.Slice(0, 0), v.Slice(0, 0)}}, {Slots: slots}}}
	}
	law := kernels.Gaussian{Scale: 1, Batch: 1}
	nan, unscaled := group(p, g, m, v), group(p, g, m, v)
	nan.Update = kernels.AdamW{LR: math.NaN()}
	unscaled.Scale = short
	for _, c := range []struct {
		name string
		op   backend.Op
		want []string
	}{
		{"no op", nil, []string{"op 1", "not an op"}},
		{"no update", backend.Group{}, []string{"op 1", "no update"}},
		{"a hyperparameter", nan, []string{"op 1", "adamw", "lr is NaN", "[0,inf)"}},
		{"a slot short", group(p, g, m), []string{"op 1", "adamw", "tensor 1", "3 slots", "want 4", "p, g, m, v"}},
		{"a slot empty", group(p, g, m, nil), []string{"op 1", "tensor 1", "slot v", "no buffer"}},
		{"a length", group(p, short, m, v), []string{"op 1", "tensor 1", "slot g", "7 elements", "want 8"}},
		{"a type", group(p, g, m, wide), []string{"op 1", "tensor 1", "[f32 f32 f32 f64]", "want p f32, g f32, m f32, v f32 (f32); or"}},
		{"another storage than tensor 0", group(p, g, half.Slice(0, 8), half.Slice(8, 16)), []string{"op 1", "tensor 1", "stored as bf16-states", "want f32"}},
		{"a norm of blocks", backend.SquaredNorm{X: []backend.Buffer{blocks}, Out: norm}, []string{"op 1", "x 0", "q8", "bf16"}},
		{"the same array twice", group(p, g, m, m), []string{"op 1", "share memory"}},
		{"scale", unscaled, []string{"op 1", "scale", "1 f64", "7 of f32"}},
		{"norm", backend.SquaredNorm{X: []backend.Buffer{g}, Out: g}, []string{"op 1", "out", "1 f64"}},
		{"no law", backend.Noise{X: p}, []string{"op 1", "no law"}},
		{"a law", backend.Noise{Law: kernels.Gaussian{Scale: -1, Batch: 1}, X: p}, []string{"op 1", "gaussian", "scale is -1", "[0,inf)"}},
		{"no array", backend.Noise{Law: law}, []string{"op 1", "gaussian", "slot x", "no buffer"}},
		{"an array of halves", backend.Noise{Law: law, X: half}, []string{"op 1", "gaussian", "[bf16]", "want x f32 (f32); or"}},
		{"a scale's length", backend.Noise{Law: law, X: p, Scale: short}, []string{"op 1", "slot scale", "7 elements", "want 8"}},
		{"a scale that is changed", backend.Noise{Law: law, X: p, Scale: p}, []string{"op 1", "share memory"}},
		{"an index", backend.Noise{Law: law, X: p, Index: -1}, []string{"op 1", "index is -1"}},
		{"map", backend.ScalarMap{Out: norm}, []string{"op 1", "no map"}},
		{"map constants", backend.ScalarMap{Map: kernels.ClipNorm{Max: -1}, Out: norm}, []string{"op 1", "max is -1", "(0,inf)"}},
	} {
		_, err := b.Bind(group(p, g, m, v), c.op)
		if err == nil {
			t.Errorf("%s: Bind gives no error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q lacks %q", c.name, err, want)
			}
		}
	}
	if b.Info().Name != "cpu:go" {
		slots := []backend.Buffer{wide, alloc(kernels.F64, 8), alloc(kernels.F64, 8), alloc(kernels.F64, 8)}
		if _, err := b.Bind(group(slots...)); !errors.Is(err, backend.ErrUnsupported) {
			t.Errorf("f64 tensors: got %v, want %v", err, backend.ErrUnsupported)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a slice that starts within a block does not panic")
			}
		}()
		blocks.Slice(100, 200)
	}()
	if err := p.Write(make([]byte, 31)); err == nil {
		t.Error("a write of 31 bytes into 32 gives no error")
	}
	if err := backend.Put(p, make([]float64, 4)); err == nil {
		t.Error("float64 put into f32 gives no error")
	}
	if _, err := b.Alloc(kernels.F32, -1); err == nil {
		t.Error("an allocation of -1 gives no error")
	}
	if _, err := b.Alloc(kernels.F32, math.MaxInt); !errors.Is(err, backend.ErrMemory) {
		t.Errorf("an allocation of all addresses: got %v, want %v", err, backend.ErrMemory)
	}

	plan, err := b.Bind(group(p, g, m, v))
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range []kernels.Step{{}, {T: -1, LRScale: 1, GradScale: 1}, {T: 1, LRScale: math.NaN(), GradScale: 1}, {T: 1, LRScale: 1, GradScale: math.Inf(1)}} {
		if plan.Step(st) == nil {
			t.Errorf("step %+v gives no error", st)
		}
	}
	if err := plan.Step(kernels.At(1)); err != nil {
		t.Errorf("a good step after bad ones: %v", err)
	}
	if err := plan.Close(); err != nil {
		t.Error(err)
	}
}

// checkMemory holds numbers to arriving wherever a caller has them, also beside
// pointers, and however many there are.
func checkMemory(t *testing.T, b backend.Backend) {
	type model struct {
		name    *string
		weights [700_000]float32
	}
	const n = 699_999
	from, to := &model{name: new(string)}, &model{name: new(string)}
	for i := range from.weights {
		from.weights[i] = float32(i)
	}
	x, err := b.Alloc(kernels.F32, n)
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.Put(x, from.weights[1:]); err != nil {
		t.Fatal(err)
	}
	if err := backend.Get(x, to.weights[1:]); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(to.weights[1:], from.weights[1:]) || to.weights[0] != 0 {
		t.Error("what is read is not what was written")
	}
	if err := x.Free(); err != nil {
		t.Error(err)
	}
	runtime.KeepAlive(to.name)
}

// checkLifetime holds what is closed to saying so, and memory to outliving the
// plans that use it.
func checkLifetime(t *testing.T, b backend.Backend) {
	p, err := b.Alloc(kernels.F32, 1000)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]float32, 1000)
	zeros[3] = 1
	if err := backend.Get(p, zeros); err != nil || zeros[3] != 0 {
		t.Errorf("new memory holds %v (%v), want zeros", zeros[3], err)
	}
	g, err := b.Alloc(kernels.F32, 1000)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := b.Bind(backend.Group{Update: kernels.SGD{LR: 1}, Tensors: []backend.Tensor{{Slots: []backend.Buffer{p, g}}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Kernels()) != 1 || !strings.Contains(plan.Kernels()[0], "/sgd_f32") {
		t.Errorf("the plan runs %v, want one sgd_f32", plan.Kernels())
	}
	if got, want := plan.Bytes(), int64(12*1000); got != want {
		t.Errorf("sgd moves %d bytes, want %d", got, want)
	}
	from, err := b.Mark()
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Step(kernels.At(1)); err != nil {
		t.Fatal(err)
	}
	to, err := b.Mark()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := to.Since(from); err != nil || d < 0 {
		t.Errorf("a step took %v (%v)", d, err)
	}
	if p.Free() == nil {
		t.Error("memory of an open plan was freed")
	}
	if p.Slice(0, 10).Free() == nil {
		t.Error("a view was freed")
	}
	if b.Close() == nil {
		t.Error("a backend with an open plan was closed")
	}
	if err := plan.Close(); err != nil {
		t.Error(err)
	}
	if err := plan.Step(kernels.At(2)); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a step of a closed plan: got %v, want %v", err, backend.ErrClosed)
	}
	if err := plan.Close(); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("closing a plan twice: got %v, want %v", err, backend.ErrClosed)
	}
	if err := p.Free(); err != nil {
		t.Error(err)
	}
	if err := p.Free(); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("freeing twice: got %v, want %v", err, backend.ErrClosed)
	}
	if err := backend.Get(p, zeros); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("reading freed memory: got %v, want %v", err, backend.ErrClosed)
	}
	if _, err := b.Bind(backend.Group{Update: kernels.SGD{}, Tensors: []backend.Tensor{{Slots: []backend.Buffer{p, g}}}}); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("binding freed memory: got %v, want %v", err, backend.ErrClosed)
	}
}
