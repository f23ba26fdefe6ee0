package method

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// onHost are the methods of this file, with every case.
func onHost() []Method {
	var out []Method
	for _, name := range []string{"cubic-newton", "stochastic-cubic", "trust-region", "lanczos", "full-adagrad", "full-adam", "preconditioned-sgd"} {
		for _, d := range definitions {
			if d.Name == name {
				out = append(out, d.Cases...)
			}
		}
	}
	return out
}

// A trial is a method at work on a problem of its own.
type trial[T kernels.Real] struct {
	t *testing.T
	*problem.Problem
	x problem.Vector
	Stepper
	taken int // steps
}

// in is the problem of a text such as "pca", in the dimension nearest to dim.
func in[T kernels.Real](t *testing.T, objective string, dim int) problem.Spec {
	t.Helper()
	dim, err := problem.Dim(objective, dim)
	check(t, err)
	s := problem.Spec{Objective: objective, Dim: dim, DType: kernels.F32}
	if _, wide := any(T(0)).(float64); wide {
		s.DType = kernels.F64
	}
	return s
}

// begin starts a method of that text on a problem, from seed.
func begin[T kernels.Real](t *testing.T, on string, threads int, s problem.Spec, seed uint64, m Method, lr float64) *trial[T] {
	t.Helper()
	b, err := backend.Options{Threads: threads}.Open(on)
	check(t, err)
	t.Cleanup(func() { check(t, b.Close()) })
	p, err := problem.Open(b, s, seed, nil)
	check(t, err)
	t.Cleanup(func() { check(t, p.Close()) })
	r := &trial[T]{t: t, Problem: p}
	r.x, err = p.Vector()
	check(t, err)
	check(t, p.Start(r.x))
	r.Stepper, err = m.Start(p, r.x, lr)
	check(t, err)
	t.Cleanup(func() { check(t, r.Stepper.Close()) })
	return r
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func named(t *testing.T, text string) Method {
	t.Helper()
	m, err := Parse(text)
	check(t, err)
	return m
}

// value is the one at the point.
func (r *trial[T]) value() float64 {
	r.t.Helper()
	check(r.t, r.Evaluate(kernels.At(r.taken+1)))
	v, err := r.Value()
	check(r.t, err)
	return v
}

func (r *trial[T]) step() {
	r.t.Helper()
	st := kernels.At(r.taken + 1)
	check(r.t, r.Evaluate(st))
	check(r.t, r.Step(st))
	r.taken++
}

func (r *trial[T]) at() []T {
	r.t.Helper()
	x := make([]T, r.x.Len())
	check(r.t, backend.Get(r.x.Buffer, x))
	return x
}

func (r *trial[T]) put(x []T) {
	r.t.Helper()
	check(r.t, backend.Put(r.x.Buffer, x))
}

// TestKrylov: with as many vectors as there are dimensions the space holds the whole
// Hessian, also where a vector and its products span less.
func TestKrylov(t *testing.T) {
	for _, c := range []struct {
		objective string
		value     func(i, n int) float64 // i-th eigenvalue
	}{
		{"rotated:condition=100", func(i, n int) float64 { return math.Pow(100, float64(i)/float64(n-1)-1) }},
		{"diagonal:condition=1", func(int, int) float64 { return 1 }},
	} {
		r := begin[float64](t, "cpu:go", 1, in[float64](t, c.objective, 12), 1, named(t, "cubic-newton"), 1)
		k := r.Stepper.(*cubicNewton).krylov
		st := kernels.At(1)
		check(t, k.Evaluate(st))
		_, err := k.begin()
		check(t, err)
		k.toward(st, k.g)
		for !k.whole() {
			if ok, err := k.grow(st); !ok {
				t.Fatalf("%s: %v", c.objective, err)
			}
		}
		for i := range k.q {
			for j := range i {
				if along := dot(k.q[i], k.q[j]); math.Abs(along) > 1e-13 {
					t.Errorf("%s: vectors %d and %d have the product %.2g", c.objective, i, j, along)
				}
			}
			if off := norm(k.q[i]) - 1; math.Abs(off) > 1e-13 {
				t.Errorf("%s: the length of vector %d is off by %.2g", c.objective, i, off)
			}
		}
		values, _, err := k.eigen()
		check(t, err)
		for i, v := range values {
			// Spectra are drawn as float32, products may be of differences.
			if want := c.value(i, len(values)); math.Abs(v-want) > 1e-6*want {
				t.Errorf("%s: eigenvalue %d is %v, want %v", c.objective, i, v, want)
			}
		}
	}
}

// TestCubicDecrease: where 1/lr is the Lipschitz constant of the Hessian, every step of
// cubic Newton lowers the value by at least M|s|^3/12 (Nesterov, Polyak 2006, Lemma 4).
// At the end it converges quadratically, to a minimum.
func TestCubicDecrease(t *testing.T) {
	const rho = 2.0
	r := begin[float64](t, "cpu:go", 1, in[float64](t, "cubic-saddle:gamma=0.5:rho=2:stiffness=0.3", 7), 1, named(t, "cubic-newton"), 1/rho)
	s := r.Stepper.(*cubicNewton)
	v, x := r.value(), r.at()
	first := v
	var slopes []float64
	for range 12 {
		r.step()
		if v < 0.01*first { // past the saddle
			slopes = append(slopes, norm(s.g)) // where the step began
		}
		to, way := r.value(), r.at()
		axpy(-1, x, way)
		if promised := rho / 12 * math.Pow(norm(way), 3); v-to < promised-1e-15*first {
			t.Errorf("step %d of length %.3g lowers the value by %.3g, want at least %.3g", r.taken, norm(way), v-to, promised)
		}
		v, x = to, r.at()
	}
	if v > 1e-20*first {
		t.Errorf("after 12 steps the value is %.3g, from %.3g", v, first)
	}
	// There |g'| is about M/curvature^2 times |g|^2, of curvatures from 0.3.
	quadratic := 0
	for i, g := range slopes[1:] {
		if before := slopes[i]; before < 1e-2 && before > 1e-7 {
			quadratic++
			if g > 25*before*before+1e-15 {
				t.Errorf("a gradient of %.3g is followed by one of %.3g", before, g)
			}
		}
	}
	if quadratic == 0 {
		t.Errorf("gradients %.3g were never near convergence", slopes)
	}
}

// TestEscape: from a strict saddle, on which the gradient is exactly 0, and from beside
// it, where gradients lead straight to it, methods that know the curvature reach a
// minimum. Gradient descent never does.
func TestEscape(t *testing.T) {
	for _, c := range []struct {
		objective string
		beside    float64 // of all coordinates but the first
	}{
		{"cubic-saddle", 0}, {"cubic-saddle", 0.1}, {"phi4", 0}, {"pca:condition=10:gap=0.5", 0},
	} {
		s := in[float32](t, c.objective, 49)
		from := make([]float32, s.Dim)
		for i := range from[1:] {
			from[1+i] = float32(c.beside)
		}
		for _, m := range []struct {
			text  string
			lr    float64
			steps int
			share float64 // of the value at the saddle that is to be left
		}{
			{"cubic-newton", 0.3, 30, 1e-3},
			{"cubic-newton:krylov=15", 0.3, 30, 1e-3},
			{"trust-region", 1, 20, 1e-3},
			{"trust-region:fixed=true", 0.5, 60, 0.3}, // steps leave the ball of a minimum on its other side
			{"lanczos", 0.2, 200, 1e-3},
			{"stochastic-cubic", 0.2, 100, 1e-3},
		} {
			r := begin[float32](t, "cpu", 1, s, 1, named(t, m.text), m.lr)
			r.put(make([]float32, s.Dim))
			saddle := r.value()
			r.put(from)
			for range m.steps {
				r.step()
			}
			if v := r.value(); v > m.share*saddle {
				t.Errorf("%s on %s, from %v beside the saddle: after %d steps the value is %.3g, at the saddle %.3g", m.text, c.objective, c.beside, m.steps, v, saddle)
			}
		}
		r := begin[float32](t, "cpu", 1, s, 1, named(t, "sgd"), 0.2)
		r.put(from)
		for range 100 {
			r.step()
		}
		for i, x := range r.at() {
			if math.Abs(float64(x)) > 1e-3*c.beside {
				t.Fatalf("sgd on %s, from %v beside the saddle, is at %v along coordinate %d", c.objective, c.beside, x, i)
			}
		}
	}
}

// TestLanczosFinds: the direction that is found has the curvature that it is said to
// have, as low as asked for, from few products; where there is none that low, none is.
func TestLanczosFinds(t *testing.T) {
	const gamma = 0.1
	s := in[float64](t, "cubic-saddle:gamma=0.1:rho=1:stiffness=1", 500)
	r := begin[float64](t, "cpu:go", 1, s, 1, named(t, "lanczos:eps=0.01:rho=1"), 0.1)
	r.put(make([]float64, s.Dim)) // the saddle
	l := r.Stepper.(*lanczos)
	st := kernels.At(1)
	check(t, l.Evaluate(st))
	_, err := l.begin()
	check(t, err)
	a, v, err := l.search(st)
	check(t, err)
	if !(a <= -0.05) || l.size() > 3 { // two eigenvalues take two products
		t.Errorf("the curvature found is %v after %d products, want at most -0.05 after 3", a, l.size())
	}
	hv := make([]float64, len(v))
	check(t, l.multiply(st, v, hv))
	if got := dot(v, hv); math.Abs(got-a) > 1e-6 || math.Abs(norm(v)-1) > 1e-12 {
		t.Errorf("along the direction, of length %v, the curvature is %v, want %v", norm(v), got, a)
	}
	if math.Abs(v[0]) < 0.9 {
		t.Errorf("the direction has %v of the one planted", v[0])
	}
	// At a minimum there is none, and the search is not repeated beside it.
	minimum := make([]float64, s.Dim)
	minimum[0] = 2 * gamma
	r.put(minimum)
	r.step()
	before := r.Cost().GradEvals
	r.step()
	if more := r.Cost().GradEvals - before; l.convex.v[0] != 1 || more != 1 {
		t.Errorf("beside a minimum a step took %d gradients, want 1; found convex: %v", more, l.convex.v[0] == 1)
	}
}

// TestLanczosSide: the step is to the side to which the gradient falls, and as long as
// the model of the curvature says.
func TestLanczosSide(t *testing.T) {
	for _, side := range []float64{1e-3, -1e-3} {
		s := in[float64](t, "cubic-saddle:gamma=0.1:rho=1:stiffness=1", 20)
		r := begin[float64](t, "cpu:go", 1, s, 1, named(t, "lanczos:eps=0.01:rho=1"), 0.1)
		from := make([]float64, s.Dim)
		from[0] = side
		r.put(from)
		r.step()
		if x := r.at(); math.Abs(math.Copysign(0.2, side)-x[0]) > 0.01 {
			t.Errorf("from %v beside the saddle, with a minimum 0.2 away, the step is to %v", side, x[0])
		}
	}
}

// TestLanczosStops: no product more is taken than the curvature takes to show itself.
func TestLanczosStops(t *testing.T) {
	const enough = -0.99 // of curvatures from -1 to 7
	s := in[float64](t, "phi4", 256)
	r := begin[float64](t, "cpu:go", 1, s, 1, Lanczos{Eps: 4 * enough * enough, Rho: 1, Krylov: 256}, 0.1)
	r.put(make([]float64, s.Dim))
	l := r.Stepper.(*lanczos)
	st := kernels.At(1)
	check(t, l.Evaluate(st))
	_, err := l.begin()
	check(t, err)
	a, _, err := l.search(st)
	check(t, err)
	n := l.size() - 1
	l.q, l.diagonal, l.beside = l.q[:n], l.diagonal[:n], l.beside[:n]
	before, _, err := l.eigen()
	check(t, err)
	if a > enough || before[0] <= enough || n < 5 {
		t.Errorf("after %d products the curvature is %v, after %d it is %v, want the first at most %v", n+1, a, n, before[0], enough)
	}
}

// TestModels: a step ends where the slope of the cubic model is 0: in all directions,
// or along the gradient where it was sought along that.
func TestModels(t *testing.T) {
	const m = 3.0
	s := in[float64](t, "rosenbrock", 8)
	for _, c := range []struct {
		method Method
		lr     float64
		along  bool
	}{
		{CubicNewton{Krylov: 8}, 1 / m, false},
		{StochasticCubic{Rho: m, Steps: 20000}, 1e-3, false}, // l is 50
		{StochasticCubic{Rho: m, Steps: 1}, 1, true},
	} {
		r := begin[float64](t, "cpu:go", 1, s, 1, c.method, c.lr)
		from := r.at()
		for i := range from {
			from[i] = 0.9 + 0.01*float64(i)
		}
		r.put(from)
		r.step()
		to := r.at()
		axpy(-1, from, to)
		step := to

		other := begin[float64](t, "cpu:go", 1, s, 1, CubicNewton{Krylov: 1}, 1)
		k := other.Stepper.(*cubicNewton).krylov
		other.put(from)
		check(t, k.Evaluate(kernels.At(1)))
		_, err := k.begin()
		check(t, err)
		slope := make([]float64, s.Dim)
		check(t, k.multiply(kernels.At(1), step, slope))
		axpy(1, k.g, slope)
		axpy(m/2*norm(step), step, slope)
		off := norm(slope)
		if c.along {
			off = math.Abs(dot(slope, k.g)) / norm(k.g)
		}
		if off > 1e-5*norm(k.g) {
			t.Errorf("%s: the slope of the model is %.2g at the step, from %.2g", Format(c.method), off, norm(k.g))
		}
	}
}

// TestHardCase: where the gradient has nothing along the lowest curvature, and is small,
// the first step already goes there: to where the model has it.
func TestHardCase(t *testing.T) {
	s := in[float64](t, "cubic-saddle", 20)
	from := make([]float64, s.Dim)
	for i := range from[1:] {
		from[1+i] = 1e-4
	}
	for method, want := range map[string]float64{"cubic-newton": 2, "trust-region": 1} {
		r := begin[float64](t, "cpu:go", 1, s, 1, named(t, method), 1)
		r.put(from)
		r.step()
		if x := r.at(); math.Abs(math.Abs(x[0])-want) > 0.01 {
			t.Errorf("%s: the first step leads %v along the lowest curvature, want %v to a side", method, x[0], want)
		}
	}
}

// TestTrustRegionFalls: no step raises the value, whatever the first radius.
func TestTrustRegionFalls(t *testing.T) {
	for _, radius := range []float64{1e-3, 1, 1e3} {
		r := begin[float64](t, "cpu:go", 1, in[float64](t, "rosenbrock", 10), 1, named(t, "trust-region"), radius)
		v := r.value()
		for range 60 {
			r.step()
			to := r.value()
			if to > v*(1+1e-14) {
				t.Errorf("radius %v: step %d raises the value from %v to %v", radius, r.taken, v, to)
			}
			v = to
		}
		if g := norm(r.Stepper.(*trustRegion).g); g > 1e-9 {
			t.Errorf("radius %v: after 60 steps the gradient is %.3g", radius, g)
		}
	}
}

// TestCost: a step counts its gradient, its Hessian-vector products (of differences
// twice) and the values that it tries, each times the samples of a batch.
func TestCost(t *testing.T) {
	for _, c := range []struct {
		method, objective  string
		batch              int
		gradients, product int64 // that a step takes, with as many products as its space has vectors
	}{
		{"cubic-newton:krylov=3", "logistic", 0, 1, 1},
		{"cubic-newton:krylov=3", "logistic", 4, 4, 4},
		{"cubic-newton:krylov=3", "rosenbrock", 0, 1, 2},
		{"trust-region:krylov=3:fixed=true", "logistic", 0, 1, 1},
		{"trust-region:krylov=3", "logistic", 0, 2, 1},
		{"stochastic-cubic:rho=1e-9:steps=5", "logistic", 2, 2 * (1 + 4), 0},
		{"stochastic-cubic:rho=1e9:steps=5", "logistic", 2, 2 * (1 + 1), 0},
		{"lanczos:krylov=3:eps=1e9:rho=1e-6", "logistic", 0, 1, 1},
		{"lanczos:eps=1e-9", "logistic", 0, 1, 1},
		{"full-adagrad", "logistic", 3, 3, 0},
	} {
		s := in[float32](t, c.objective, 20)
		s.Batch = c.batch
		r := begin[float32](t, "cpu", 1, s, 1, named(t, c.method), 0.01)
		r.step()
		want := c.gradients
		whole := int64(1) // what a gradient of all examples counts for
		if c.objective == "logistic" && c.batch == 0 {
			whole = 2048
		}
		if k, ok := r.Stepper.(interface{ size() int }); ok {
			want += c.product * int64(k.size())
		}
		want *= whole
		if got := r.Cost(); got.GradEvals != want || got.Bytes <= 0 {
			t.Errorf("%s on %s, batches of %d: the first step costs %+v, want %d gradients", c.method, c.objective, c.batch, got, want)
		}
	}
}

// TestSameBits: every method gives the same bits for any number of threads, on any
// backend, and when it is taken up in the middle.
func TestSameBits(t *testing.T) {
	const steps = 4
	for _, m := range onHost() {
		for _, objective := range []string{"phi4", "softmax"} {
			t.Run(Format(m)+"/"+objective, func(t *testing.T) {
				s := in[float32](t, objective, 72)
				if objective == "softmax" {
					s.Batch = 8
				}
				run := func(on string, threads int) *trial[float32] {
					r := begin[float32](t, on, threads, s, 5, m, 0.1)
					for range steps {
						r.step()
					}
					return r
				}
				want := run("cpu:go", 1).at()
				processors := runtime.GOMAXPROCS(3)
				defer runtime.GOMAXPROCS(processors)
				if got := run("cpu", 3).at(); !slices.Equal(got, want) {
					t.Errorf("three threads on %s give other bits", "cpu")
				}

				half := begin[float32](t, "cpu", 1, s, 5, m, 0.1)
				for range steps / 2 {
					half.step()
				}
				rest := begin[float32](t, "cpu", 1, s, 5, m, 0.1)
				rest.put(half.at())
				from, ok := half.State()
				to, _ := rest.State()
				if !ok || len(from) != len(to) {
					t.Fatalf("the state is %d arrays, all of it: %v", len(from), ok)
				}
				for i, b := range from {
					raw := make([]byte, b.DType().Bytes(b.Len()))
					check(t, b.Read(raw))
					check(t, to[i].Write(raw))
				}
				for rest.taken = half.taken; rest.taken < steps; {
					rest.step()
				}
				if got := rest.at(); !slices.Equal(got, want) {
					t.Error("taken up in the middle the method gives other bits")
				}
			})
		}
	}
}

// TestNotFinite: a gradient that is not finite makes the point NaN, as it does of any
// optimizer: the run has diverged.
func TestNotFinite(t *testing.T) {
	for _, m := range onHost() {
		r := begin[float32](t, "cpu", 1, in[float32](t, "rosenbrock", 20), 1, m, 0.1)
		x := r.at()
		x[3] = float32(math.Inf(1))
		r.put(x)
		r.step()
		if _, err := func() (float64, error) { r.step(); return r.Value() }(); !errors.Is(err, problem.ErrNotFinite) {
			t.Errorf("%s: the value behind a gradient that is not finite: %v, want %v", Format(m), err, problem.ErrNotFinite)
		}
	}
}

// TestNoPlace: what is out of range or does not fit is refused in a line.
func TestNoPlace(t *testing.T) {
	for text, want := range map[string]string{
		"cubic-newton:krylov=0":        "krylov is 0, want [1,1000]",
		"trust-region:fixed=maybe":     "want true or false",
		"lanczos:rho=0":                "rho is 0, want (0,inf)",
		"stochastic-cubic:sigma=-1":    "sigma is -1, want [0,inf)",
		"full-adagrad:eps=0":           "eps is 0, want (0,inf)",
		"full-adam:beta1=1":            "beta1 is 1, want [0,1)",
		"preconditioned-sgd:burn_in=x": "want a whole number",
		"cubic-newton:lr=1":            "want one of krylov",
	} {
		_, err := Parse(text)
		refused(t, text, err, want)
	}
	for _, m := range onHost() {
		s := problem.Spec{Objective: "diagonal", Dim: 100, DType: kernels.F32}
		if room, err := m.Room(s); err != nil || room < 100 {
			t.Errorf("%s needs %d bytes, %v", Format(m), room, err)
		}
		s.Dim = 1e9
		switch m := m.(type) {
		case StochasticCubic:
		case FullAdagrad, FullAdam, PreconditionedSGD:
			_, err := m.Room(s)
			refused(t, m.Name(), err, "want a dimension of at most 1024")
		default:
			_, err := m.Room(s)
			refused(t, Format(m), err, "krylov=1 would do")
		}
	}
	// A method that is started all the same refuses too.
	b, err := backend.Open("cpu")
	check(t, err)
	defer b.Close()
	p, err := problem.Open(b, problem.Spec{Objective: "diagonal", Dim: 1025, DType: kernels.F32}, 1, nil)
	check(t, err)
	defer p.Close()
	x, err := p.Vector()
	check(t, err)
	_, err = FullAdagrad{Eps: 1}.Start(p, x, 1)
	refused(t, "full-adagrad", err, "a matrix of 1025 x 1025 numbers")
}

func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if text := fmt.Sprint(err); err == nil || !strings.Contains(text, want) || strings.Contains(text, "\n") {
		t.Errorf("%s: error %q, want one line with %q", what, text, want)
	}
}
