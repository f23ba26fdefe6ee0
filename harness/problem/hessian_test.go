package problem

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// multiply returns the Hessian at x, over the sample of step st, times d.
func (q question[T]) multiply(t *testing.T, x, d []T, st kernels.Step) []T {
	t.Helper()
	along, err := q.Vector()
	if err != nil {
		t.Fatal(err)
	}
	h, err := q.HessianVector(q.x, along, q.g)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return backend.Put(q.x.Buffer, x) },
		func() error { return backend.Put(along.Buffer, d) },
		func() error { return h.Step(st) },
		h.Close,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return q.read(t, q.g)
}

// smooth are the objectives with second derivatives.
func smooth() []string {
	names := Names()
	names[slices.Index(names, "mlp")] = "mlp:activation=tanh"
	return names
}

// TestHessianVector: products of every objective are differences of its gradients,
// extrapolated to fourth order in float64, to as many digits as the type leaves. They
// are the same for any number of threads.
func TestHessianVector(t *testing.T) {
	st := kernels.At(7)
	one, two, reference := open(t, "cpu", 1), open(t, "cpu", 2), open(t, "cpu:go", 1)
	for _, name := range smooth() {
		t.Run(name, func(t *testing.T) {
			dim, err := Dim(name, 30)
			if err != nil {
				t.Fatal(err)
			}
			spec := Spec{Objective: name, Dim: dim, DType: kernels.F32}
			q := ask[float32](t, one, spec, 3)
			x, d := q.read(t, q.x), make([]float32, dim)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range x {
				x[i] += float32(0.3 * r.NormFloat64())
				d[i] = float32(r.NormFloat64())
			}
			narrow := q.multiply(t, x, d, st)
			if again := ask[float32](t, two, spec, 3).multiply(t, x, d, st); !slices.Equal(again, narrow) {
				t.Errorf("with two threads the product is %v, want %v", again, narrow)
			}

			spec.DType = kernels.F64
			exact := ask[float64](t, reference, spec, 3)
			gradient := func(h float64) []float64 {
				y := widen(x)
				for i := range y {
					y[i] += h * float64(d[i])
				}
				_, g := exact.at(t, y, st)
				return g
			}
			const h = 1e-4
			ahead, behind, far, farther := gradient(h), gradient(-h), gradient(2*h), gradient(-2*h)
			want := make([]float64, dim)
			for i := range want {
				want[i] = (8*(ahead[i]-behind[i]) - (far[i] - farther[i])) / (12 * h)
			}
			size := distance(want, make([]float64, dim))
			if off := distance(exact.multiply(t, widen(x), widen(d), st), want); off > 1e-9*size {
				t.Errorf("in float64 the product is off by %.2g of %.2g", off, size)
			}
			if off := distance(widen(narrow), want); off > 3e-4*size {
				t.Errorf("in float32 the product is off by %.2g of %.2g", off, size)
			}
		})
	}
}

// TestHessianVectorSample: the batch of a product is that of the gradient of the same
// step, and noise, which has no curvature, is left out.
func TestHessianVectorSample(t *testing.T) {
	b := open(t, "cpu", 1)
	d := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	for _, c := range []struct {
		spec    Spec
		samples bool // whether products differ from step to step
	}{
		{Spec{Objective: "heavy-tailed", Batch: 4}, true},
		{Spec{Objective: "mlp", Batch: 4}, true},
		{Spec{Objective: "rotated", Noise: "gaussian:scale=1e3"}, false},
		{Spec{Objective: "cosh", Noise: "gaussian:scale=1e3"}, false},
	} {
		s := c.spec
		dim, err := Dim(s.Objective, len(d))
		if err != nil {
			t.Fatal(err)
		}
		s.Dim, s.DType = dim, kernels.F32
		q := ask[float32](t, b, s, 3)
		x, along := q.read(t, q.x), make([]float32, dim)
		copy(along, d)
		first := q.multiply(t, x, along, kernels.At(1))
		if again := q.multiply(t, x, along, kernels.At(1)); !slices.Equal(again, first) {
			t.Errorf("%+v: the same step gives another product", s)
		}
		if second := q.multiply(t, x, along, kernels.At(2)); slices.Equal(second, first) == c.samples {
			t.Errorf("%+v: step 2 gives %v after %v", s, second, first)
		}
		s.Noise = ""
		if bare := ask[float32](t, b, s, 3).multiply(t, x, along, kernels.At(1)); !slices.Equal(bare, first) {
			t.Errorf("%+v: without noise the product is %v, with it %v", s, bare, first)
		}
	}
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

func distance(x, y []float64) float64 {
	var sum float64
	for i := range x {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return math.Sqrt(sum)
}
