package problem

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

func open(t *testing.T, name string, threads int) backend.Backend {
	t.Helper()
	b, err := backend.Options{Threads: threads}.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// A question is a problem with a point and a gradient.
type question[T kernels.Real] struct {
	*Problem
	x, g Vector
	*Evaluator
}

func ask[T kernels.Real](t *testing.T, b backend.Backend, s Spec, seed uint64) question[T] {
	t.Helper()
	p, err := Open(b, s, seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	q := question[T]{Problem: p}
	for _, v := range []*Vector{&q.x, &q.g} {
		if *v, err = p.Vector(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Start(q.x); err != nil {
		t.Fatal(err)
	}
	if q.Evaluator, err = p.Evaluator(q.x, q.g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(q.Evaluator.Close(), p.Close()); err != nil {
			t.Error(err)
		}
	})
	return q
}

func (q question[T]) read(t *testing.T, v Vector) []T {
	t.Helper()
	x := make([]T, v.Len())
	if err := backend.Get(v.Buffer, x); err != nil {
		t.Fatal(err)
	}
	return x
}

// at returns the value and the gradient at a point.
func (q question[T]) at(t *testing.T, x []T, st kernels.Step) (float64, []T) {
	t.Helper()
	if err := backend.Put(q.x.Buffer, x); err != nil {
		t.Fatal(err)
	}
	if err := q.Step(st); err != nil {
		t.Fatal(err)
	}
	v, err := q.Value()
	if err != nil {
		t.Fatal(err)
	}
	return v, q.read(t, q.g)
}

// dimOf is a dimension that an objective has.
func dimOf(t *testing.T, name string) int {
	t.Helper()
	for _, n := range []int{100, 64} {
		if n, err := Dim(name, n); err == nil {
			return n
		}
	}
	t.Fatalf("%s has neither 100 nor 64 dimensions", name)
	return 0
}

// TestGradients compares the gradient of every objective, laid out as problems lay
// it out, with the slope of its value along random directions.
func TestGradients(t *testing.T) {
	b := open(t, "cpu:go", 1)
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			q := ask[float64](t, b, Spec{Objective: name, Dim: dimOf(t, name), DType: kernels.F64}, 3)
			x := q.read(t, q.x)
			for i := range x {
				x[i] += 1e-3 * math.Sin(float64(i+1)) // off what is special about a first point
			}
			start, g := q.at(t, x, kernels.At(1))
			if start < -1e-9 {
				t.Errorf("the value is %v, below the minimum", start)
			}
			for k := range 3 {
				const h = 1e-4
				var slope, size float64
				move := func(by float64) float64 {
					y := slices.Clone(x)
					for i := range y {
						y[i] += by * math.Cos(float64((k+2)*i))
					}
					v, _ := q.at(t, y, kernels.At(1))
					return v
				}
				for i := range g {
					slope += g[i] * math.Cos(float64((k+2)*i))
					size += math.Abs(g[i])
				}
				got := (8*(move(h)-move(-h)) - (move(2*h) - move(-2*h))) / (12 * h)
				if tolerance := 1e-4*size + 1e-14*math.Abs(start)/h; math.Abs(got-slope) > tolerance {
					t.Errorf("direction %d: values give a slope of %v, the gradient %v", k, got, slope)
				}
			}
		})
	}
}

// TestBackends holds every problem, noise included, to the same bits on every
// instruction set and for any number of threads.
func TestBackends(t *testing.T) {
	for _, name := range Names() {
		n := dimOf(t, name)
		if !OnHost(name) {
			n *= 400 // worth several workers
		}
		s := Spec{Objective: name, Dim: n, DType: kernels.F32, Noise: "gaussian:scale=0.1"}
		var first []float32
		var value float64
		for _, l := range backend.List() {
			if l.Missing != "" {
				continue
			}
			for _, threads := range []int{1, 2} {
				q := ask[float32](t, open(t, l.Name, threads), s, 5)
				v, g := q.at(t, q.read(t, q.x), kernels.At(7))
				if first == nil {
					first, value = g, v
				}
				if v != value || !slices.Equal(g, first) {
					t.Errorf("%s differs on %s with %d threads", name, l.Name, threads)
				}
			}
		}
	}
}

// TestNoise holds gradients to those without noise plus a sample that depends on seed
// and step alone: not on the point, as methods need that compare two.
func TestNoise(t *testing.T) {
	b := open(t, "cpu:go", 1)
	s := Spec{Objective: "diagonal", Dim: 500, DType: kernels.F64}
	plain := ask[float64](t, b, s, 2)
	s.Noise = "gaussian:scale=0.5"
	noisy := ask[float64](t, b, s, 2)
	s.Batch = 100
	averaged := ask[float64](t, b, s, 2)
	noise := func(q question[float64], x []float64, step int) (out []float64, rms float64) {
		_, clean := plain.at(t, x, kernels.At(step))
		_, g := q.at(t, x, kernels.At(step))
		for i := range g {
			out = append(out, math.Round((g[i]-clean[i])*1e9))
			rms += (g[i] - clean[i]) * (g[i] - clean[i]) / float64(len(g))
		}
		return out, math.Sqrt(rms)
	}
	x := plain.read(t, plain.x)
	one, size := noise(noisy, x, 1)
	if size < 0.4 || size > 0.6 {
		t.Errorf("noise of scale 0.5 has a size of %v", size)
	}
	if other, _ := noise(noisy, make([]float64, len(x)), 1); !slices.Equal(one, other) {
		t.Error("the noise of a step depends on the point")
	}
	if other, _ := noise(noisy, x, 2); slices.Equal(one, other) {
		t.Error("two steps have the same noise")
	}
	if _, size := noise(averaged, x, 1); size < 0.04 || size > 0.06 {
		t.Errorf("the average of 100 samples has a size of %v, want about 0.05", size)
	}
}

// TestAnisotropy holds noise to what an objective says of each coordinate.
func TestAnisotropy(t *testing.T) {
	b := open(t, "cpu:go", 1)
	s := Spec{Objective: "cubic-saddle:anisotropy=1000", Dim: 100, DType: kernels.F64}
	plain := ask[float64](t, b, s, 2)
	s.Noise = "gaussian"
	noisy := ask[float64](t, b, s, 2)
	x := plain.read(t, plain.x)
	_, clean := plain.at(t, x, kernels.At(1))
	_, g := noisy.at(t, x, kernels.At(1))
	if along := math.Abs(g[0] - clean[0]); along == 0 || along > 0.01 {
		t.Errorf("noise along the way out is %v, want about 0.001", along)
	}
	var rest float64
	for i := 1; i < len(g); i++ {
		rest += (g[i] - clean[i]) * (g[i] - clean[i]) / float64(len(g)-1)
	}
	if rest < 0.5 || rest > 1.5 {
		t.Errorf("the variance of the rest is %v, want 1", rest)
	}
}

// TestBatches holds the value to that of all examples, whatever a gradient is over.
func TestBatches(t *testing.T) {
	b := open(t, "cpu:go", 1)
	s := Spec{Objective: "logistic", Dim: 20, DType: kernels.F64}
	all := ask[float64](t, b, s, 1)
	s.Batch = 8
	few := ask[float64](t, b, s, 1)
	x := all.read(t, all.x)
	v, g := all.at(t, x, kernels.At(1))
	w, h := few.at(t, x, kernels.At(1))
	if math.Abs(v-w) > 1e-12*v {
		t.Errorf("the value is %v with batches, %v without", w, v)
	}
	if slices.Equal(g, h) {
		t.Error("the gradient over a batch is that over all examples")
	}
}

func TestRefuses(t *testing.T) {
	b := open(t, "cpu:go", 1)
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Objective: "parabola", Dim: 10}, `unknown objective "parabola"`},
		{Spec{Objective: "nesterov-chain", Dim: 1}, "nesterov-chain: dimension 1, want 2 or more"},
		{Spec{Objective: "diagonal", Dim: 10, Noise: "pink"}, `unknown noise "pink"`},
		{Spec{Objective: "diagonal", Dim: 10, Noise: "gaussian:scale=-1"}, "scale is -1, want [0,inf)"},
		{Spec{Objective: "diagonal", Dim: 10, Noise: "pareto", Batch: 2}, "this law has no average in closed form"},
		{Spec{Objective: "diagonal", Dim: 10, Batch: 2}, "no examples and no noise"},
		{Spec{Objective: "diagonal:condition=0", Dim: 10}, "condition is 0, want [1,inf)"},
	} {
		err := Check(c.spec)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v, want one line with %q", c.spec, err, c.want)
		}
		if c.spec.Batch == 2 && c.spec.Noise == "" {
			continue // opens, and has no batches
		}
		c.spec.DType = kernels.F32
		if p, err := Open(b, c.spec, 1, nil); err == nil {
			t.Errorf("%+v opens", c.spec)
			_ = p.Close()
		}
	}
}

// TestFootprint holds what is said to be needed to what is allocated.
func TestFootprint(t *testing.T) {
	for _, name := range []string{"diagonal", "nesterov-chain"} {
		s := Spec{Objective: name, Dim: 1000, DType: kernels.F32}
		counted := &counting{Backend: open(t, "cpu:go", 1)}
		ask[float32](t, counted, s, 1)
		need, err := Footprint(s, 2)
		if err != nil {
			t.Fatal(err)
		}
		if slack := int64(4 * 4 * padAlign); counted.bytes < need || counted.bytes > need+slack {
			t.Errorf("%s takes %d bytes, and is said to need %d", name, counted.bytes, need)
		}
	}
	if _, err := Footprint(Spec{Objective: "nothing"}, 1); err == nil {
		t.Error("an unknown objective has a footprint")
	}
}

// counting is a backend that counts what is allocated of float32.
type counting struct {
	backend.Backend
	bytes int64
}

func (c *counting) Alloc(d kernels.DType, n int) (backend.Buffer, error) {
	if d == kernels.F32 {
		c.bytes += int64(d.Bytes(n))
	}
	return c.Backend.Alloc(d, n)
}

func ExampleNames() {
	fmt.Println(slices.Contains(Names(), "diagonal"), slices.Contains(Names(), "mlp"))
	// Output: true true
}
