package method_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// devices are the methods that compute where the point is.
var devices = []string{
	"acclip-random", "cclip-average", "gclip", "perturbed-agd", "perturbed-momentum", "pgd", "pgd-threshold",
	"scaled-sgd", "psgd", "saddle-ngd", "sgd-average", "sgd-restart", "spider",
}

// all returns the cases of those methods.
func all() []method.Method {
	var out []method.Method
	for _, d := range method.All() {
		if slices.Contains(devices, d.Name) {
			out = append(out, d.Cases...)
		}
	}
	return out
}

// A run is a method at work on a problem.
type run[T kernels.Real] struct {
	t *testing.T
	*problem.Problem
	method.Stepper
	x problem.Vector
}

func start[T kernels.Real](t *testing.T, on string, threads int, s problem.Spec, seed uint64, m method.Method, lr float64) *run[T] {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := backend.Options{Threads: threads}.Open(on)
	must(err)
	p, err := problem.Open(b, s, seed, nil)
	must(err)
	r := &run[T]{t: t, Problem: p}
	r.x, err = p.Vector()
	must(err)
	must(p.Start(r.x))
	r.Stepper, err = m.Start(p, r.x, lr)
	must(err)
	t.Cleanup(func() {
		for _, f := range []func() error{r.Stepper.Close, p.Close, b.Close} {
			if err := f(); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

// next takes step t, from 1.
func (r *run[T]) next(t int) {
	r.t.Helper()
	for _, f := range []func(kernels.Step) error{r.Evaluate, r.Step} {
		if err := f(kernels.At(t)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// point returns the point.
func (r *run[T]) point() []T {
	r.t.Helper()
	x := make([]T, r.x.Len())
	if err := backend.Get(r.x.Buffer, x); err != nil {
		r.t.Fatal(err)
	}
	return x
}

// value returns the value after t steps.
func (r *run[T]) value(t int) float64 {
	r.t.Helper()
	if err := r.Evaluate(kernels.At(t + 1)); err != nil {
		r.t.Fatal(err)
	}
	v, err := r.Value()
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// A paper is what the loops below work with: an objective in float64, with noise.
type paper struct {
	o     kernels.Objective
	facts kernels.Facts
	data  [][]float64
	noise kernels.Noise
	seed  uint64 // of the problem
	own   uint64 // of the method
	lr    float64
	x     []float64
	out   []float64 // what the method gives out, where that is not x
	extra int64     // gradients beyond one in each step
}

func newPaper(t *testing.T, s problem.Spec, seed uint64, lr float64) *paper {
	t.Helper()
	o, err := kernels.ParseObjective(s.Objective)
	if err != nil {
		t.Fatal(err)
	}
	p := &paper{o: o, lr: lr, seed: seed}
	if p.facts, err = o.Facts(s.Dim); err != nil {
		t.Fatal(err)
	}
	for k := range o.Kernel().Slots[2:] {
		v := make([]float64, s.Dim)
		for i := range v {
			v[i] = p.facts.Data(k, i)
		}
		p.data = append(p.data, v)
	}
	if s.Noise != "" {
		if p.noise, err = kernels.ParseNoise(s.Noise); err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.Dim {
		p.x = append(p.x, p.facts.StartAt(seed, i))
	}
	return p
}

// f returns the value and the gradient without noise.
func (p *paper) f(x []float64) (float64, []float64) {
	g := make([]float64, len(x))
	v := kernels.Evaluate(p.o, kernels.At(1), append([][]float64{x, g}, p.data...))
	return v - p.facts.Minimum, g
}

// gradient returns that of a step, over a batch.
func (p *paper) gradient(x []float64, t, batch int) []float64 {
	_, g := p.f(x)
	if g, ok := p.noise.(kernels.Gaussian); ok {
		g.Batch = batch
		p.noise = g
	}
	if p.noise != nil {
		kernels.AddNoise(p.noise, kernels.Sample{Seed: p.seed, Index: t}, g, nil)
	}
	return g
}

// perturb adds what a method draws at a step to x.
func (p *paper) perturb(x []float64, t int, law string, radius float64) {
	var l kernels.Noise = kernels.Ball{Radius: radius}
	if law == "gaussian" {
		l = kernels.Gaussian{Scale: radius / math.Sqrt(float64(len(x))), Batch: 1}
	}
	kernels.AddNoise(l, kernels.Sample{Seed: p.own, Index: t}, x, nil)
}

// along adds a*d to x.
func along(x []float64, a float64, d []float64) {
	for i := range x {
		x[i] += float64(a * d[i])
	}
}

func product(x, y []float64) (sum float64) {
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

func length(x []float64) float64 { return math.Sqrt(product(x, x)) }

// A loop takes the steps of a method, as its paper has them.
type loop func(p *paper, steps int)

// loopOf returns the loop of a method.
func loopOf(t *testing.T, m method.Method) loop {
	switch m := m.(type) {
	case method.SGDAverage:
		return func(p *paper, steps int) {
			var sum []float64
			n := 0.0
			for t := 1; t <= steps; t++ {
				along(p.x, -p.lr, p.gradient(p.x, t, 1))
				if t > m.Burn {
					if sum == nil {
						sum = make([]float64, len(p.x))
					}
					along(sum, 1, p.x)
					n++
				}
			}
			for i := range sum {
				sum[i] /= n
			}
			p.out = sum
		}
	case method.PGD:
		return func(p *paper, steps int) {
			for t := 1; t <= steps; t++ {
				g := p.gradient(p.x, t, 1)
				p.perturb(g, t, m.Law, m.Radius)
				along(p.x, -p.lr, g)
			}
		}
	case method.PSGD:
		return func(p *paper, steps int) {
			d := float64(len(p.x))
			n := m.Sigma * m.Sigma * d / (m.Eps * m.Eps)
			if m.K > 0 {
				n = math.Min(n, m.Sigma*m.Sigma/(m.Eps*m.Eps)+m.K*m.K/(m.L*math.Sqrt(m.Rho*m.Eps)))
			}
			for t := 1; t <= steps; t++ {
				g := p.gradient(p.x, t, 1)
				p.perturb(g, t, "gaussian", m.Eps*math.Sqrt(1+n))
				along(p.x, -p.lr, g)
			}
		}
	case method.PGDThreshold:
		return func(p *paper, steps int) {
			last := math.Inf(-1)
			for t := 1; t <= steps; t++ {
				g := p.gradient(p.x, t, 1)
				if length(g) <= m.Threshold && float64(t)-last > float64(m.Pause) {
					p.perturb(p.x, t, "ball", m.Radius)
					g = p.gradient(p.x, t, 1)
					last = float64(t)
					p.extra++
				}
				along(p.x, -p.lr, g)
			}
		}
	case method.SaddleNGD:
		return func(p *paper, steps int) {
			for t := 1; t <= steps; t++ {
				g := p.gradient(p.x, t, 1)
				along(p.x, -p.lr/length(g), g)
				if t%m.Every == 0 {
					p.perturb(p.x, t, m.Law, m.Radius)
				}
			}
		}
	case method.PerturbedMomentum:
		return func(p *paper, steps int) {
			v := make([]float64, len(p.x))
			for t := 1; t <= steps; t++ {
				g := p.gradient(p.x, t, 1)
				p.perturb(g, t, "gaussian", m.Radius)
				for i := range v {
					v[i] = (1-math.Sqrt(p.lr*m.Gamma))*v[i] + g[i]
				}
				along(p.x, -p.lr, v)
			}
		}
	case method.PerturbedAGD:
		return func(p *paper, steps int) { agd(p, m, steps) }
	case method.Spider:
		return func(p *paper, steps int) { spider(p, m, steps) }
	case method.SGDRestart:
		return func(p *paper, steps int) { restart(p, m, steps) }
	case method.GClip:
		return func(p *paper, steps int) {
			k := float64(m.Horizon)
			var sum []float64
			for t := 1; t <= steps; t++ {
				eta, tau := p.lr*math.Pow(k, -m.Alpha/(3*m.Alpha-2)), m.Tau*math.Pow(k, 1/(3*m.Alpha-2))
				if m.Case == "strongly-convex" {
					eta, tau = 4*p.lr/float64(t+1), m.Tau*math.Pow(float64(t), 1/m.Alpha)
					sum = weighted(sum, p.x, t)
				}
				g := p.gradient(p.x, t, 1)
				along(p.x, -eta*math.Min(1, tau/length(g)), g)
			}
			p.out = mean(sum, steps)
		}
	case method.CClipAverage:
		return func(p *paper, steps int) {
			var sum []float64
			for t := 1; t <= steps; t++ {
				sum = weighted(sum, p.x, t)
				g := p.gradient(p.x, t, 1)
				tau := m.Tau * math.Pow(float64(t), 1/m.Alpha)
				for i := range g {
					g[i] = math.Min(tau, math.Max(-tau, g[i]))
				}
				along(p.x, -4*p.lr/float64(t+1), g)
			}
			p.out = mean(sum, steps)
		}
	case method.ACClipRandom:
		return func(p *paper, steps int) {
			n := len(p.x)
			v, ta := make([]float64, n), make([]float64, n)
			p.out = slices.Clone(p.x)
			for t := 1; t <= steps; t++ {
				for i, g := range p.gradient(p.x, t, 1) {
					v[i] = m.Beta1*v[i] + (1-m.Beta1)*g
					ta[i] = m.Beta2*ta[i] + (1-m.Beta2)*math.Pow(math.Abs(g), m.Alpha)
					p.x[i] -= p.lr * math.Min(1, math.Pow(ta[i], 1/m.Alpha)/(math.Abs(v[i])+m.Eps)) * v[i]
				}
				w := kernels.Philox([4]uint32{uint32(t)}, [2]uint32{uint32(p.own), uint32(p.own >> 32)})
				if (uint64(w[0])<<32|uint64(w[1]))%uint64(t) == 0 {
					p.out = slices.Clone(p.x)
				}
			}
		}
	case method.ScaledSGD:
		return func(p *paper, steps int) {
			v := make([]float64, len(p.x))
			for t := 1; t <= steps; t++ {
				for i, g := range p.gradient(p.x, t, 1) {
					v[i] = m.Beta*v[i] + (1-m.Beta)*g*g
					if t > m.BurnIn {
						p.x[i] -= p.lr * g / math.Sqrt(v[i]+m.Eps)
					}
				}
			}
		}
	}
	t.Fatalf("no loop of %s", m.Name())
	return nil
}

// weighted adds t*x to a sum, which starts as nil.
func weighted(sum, x []float64, t int) []float64 {
	if sum == nil {
		sum = make([]float64, len(x))
	}
	along(sum, float64(t), x)
	return sum
}

// mean divides a weighted sum by its weights.
func mean(sum []float64, steps int) []float64 {
	for i := range sum {
		sum[i] /= float64(steps*(steps+1)) / 2
	}
	return sum
}

func spider(p *paper, m method.Spider, steps int) {
	large := int(math.Ceil(2 * m.Sigma * m.Sigma / (m.Eps * m.Eps)))
	small := int(math.Ceil(2 * m.Sigma / (m.Eps * m.N0)))
	q := int(math.Ceil(m.Sigma * m.N0 / m.Eps))
	var v, before []float64
	for t := 1; t <= steps; t++ {
		p.extra--
		if (t-1)%q == 0 {
			v = p.gradient(p.x, t, large)
			p.extra += int64(large)
		} else {
			along(v, 1, p.gradient(p.x, t, small))
			along(v, -1, p.gradient(before, t, small))
			p.extra += int64(2 * small)
		}
		before = slices.Clone(p.x)
		along(p.x, -math.Min(p.lr, 2*m.Eps*p.lr/length(v)), v)
	}
}

func restart(p *paper, m method.SGDRestart, steps int) {
	start := slices.Clone(p.x)
	sum, n := make([]float64, len(p.x)), 0
	for t := 1; t <= steps; t++ {
		along(sum, 1, p.x)
		n++
		p.out = make([]float64, len(p.x))
		along(p.out, 1/float64(n), sum)
		g := p.gradient(p.x, t, 1)
		if m.Noise > 0 {
			p.perturb(g, t, "ball", m.Noise)
		}
		along(p.x, -p.lr, g)
		way := slices.Clone(p.x)
		along(way, -1, start)
		left := length(way) > m.Radius
		if !left && n == m.Steps {
			p.x = slices.Clone(p.out)
		}
		if left || n == m.Steps {
			start, n = slices.Clone(p.x), 0
			clear(sum)
		}
	}
}

func agd(p *paper, m method.PerturbedAGD, steps int) {
	l := 1 / (4 * p.lr)
	kappa := math.Max(1, l/math.Sqrt(m.Rho*m.Eps))
	theta := 1 / (4 * math.Sqrt(kappa))
	gamma := theta * theta / p.lr
	s := gamma / (4 * m.Rho)
	v := make([]float64, len(p.x))
	last := math.Inf(-1)
	for t := 1; t <= steps; t++ {
		p.extra++
		if length(p.gradient(p.x, t, 1)) <= m.Eps && float64(t)-last > float64(m.Pause) {
			p.perturb(p.x, t, "ball", m.Radius)
			last = float64(t)
			p.extra++
		}
		y := slices.Clone(p.x)
		along(y, 1-theta, v)
		g := p.gradient(y, t, 1)
		back := slices.Clone(p.x)
		along(back, -1, y)
		fx, _ := p.f(p.x)
		fy, _ := p.f(y)
		if length(v) > 0 && fx <= fy+product(g, back)-gamma/2*product(back, back) {
			if size := length(v); size < s {
				ahead, behind := slices.Clone(p.x), slices.Clone(p.x)
				along(ahead, s/size, v)
				along(behind, -s/size, v)
				fa, _ := p.f(ahead)
				fb, _ := p.f(behind)
				if p.x = behind; fa <= fb {
					p.x = ahead
				}
				p.extra += 2
			}
			clear(v)
			continue
		}
		along(y, -p.lr, g)
		copy(v, y)
		along(v, -1, p.x)
		p.x = y
	}
}

// TestLoops holds every method to a plain loop of its paper in float64, on a quadratic
// with noise and from a saddle without.
func TestLoops(t *testing.T) {
	const steps = 120
	for _, m := range all() {
		for _, s := range []problem.Spec{
			{Objective: "diagonal:condition=10", Dim: 40, DType: kernels.F64, Noise: "gaussian:scale=0.1"},
			{Objective: "cubic-saddle", Dim: 12, DType: kernels.F64},
		} {
			const seed, lr = 7, 0.05
			name := method.Format(m) + " on " + s.Objective
			p := newPaper(t, s, seed, lr)
			r := start[float64](t, "cpu:go", 1, s, seed, m, lr)
			p.own = r.OwnSeed()
			for i := range steps {
				r.next(i + 1)
			}
			evals := r.Cost().GradEvals
			loopOf(t, m)(p, steps)
			for i, x := range r.point() {
				if math.Abs(x-p.x[i]) > 1e-9 {
					t.Errorf("%s: coordinate %d is %v after %d steps, want %v", name, i, x, steps, p.x[i])
					break
				}
			}
			out := p.out
			if out == nil {
				out = p.x
			}
			want, _ := p.f(out)
			if got := r.value(steps); math.Abs(got-want) > 1e-9*(1+want) {
				t.Errorf("%s: value %v, want %v", name, got, want)
			}
			// Without noise there are no samples to count.
			if want := steps + p.extra; s.Noise != "" && evals != want {
				t.Errorf("%s: %d gradients, want %d", name, evals, want)
			}
			if kept, ok := r.State(); !ok {
				t.Errorf("%s keeps more than its %d arrays", name, len(kept))
			}
		}
	}
}

// TestBits holds the methods to the same bits on every instruction set and for any
// number of threads, over hundreds of steps with noise.
func TestBits(t *testing.T) {
	steps := 200
	if testing.Short() {
		steps = 20
	}
	for _, name := range devices {
		m, err := method.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		s := problem.Spec{Objective: "rosenbrock", Dim: 8200, DType: kernels.F32, Noise: "gaussian:scale=0.01"}
		var first []float32
		for _, l := range backend.List() {
			if l.Missing != "" || !strings.HasPrefix(l.Name, "cpu:") {
				continue
			}
			threads := 2
			if l.Name == "cpu:go" {
				threads = 1
			}
			r := start[float32](t, l.Name, threads, s, 3, m, 1e-4)
			for i := range steps {
				r.next(i + 1)
			}
			x := append(r.point(), float32(r.value(steps)))
			if first == nil {
				first = x
			}
			if !slices.Equal(x, first) {
				t.Errorf("%s on %s with %d threads differs", name, l.Name, threads)
			}
		}
	}
}

// parse returns the method of a text.
func parse(t *testing.T, text string) method.Method {
	t.Helper()
	m, err := method.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// put moves the point, in all coordinates, to x.
func (r *run[T]) put(x T) {
	r.t.Helper()
	if err := problem.Fill(r.x.Buffer, func(int) float64 { return float64(x) }); err != nil {
		r.t.Fatal(err)
	}
}

// TestLeavesSaddle: from a saddle itself, where gradients are 0, the perturbed methods
// get away, and the others do not.
func TestLeavesSaddle(t *testing.T) {
	for _, objective := range []string{"cubic-saddle", "phi4:lambda=0.5"} {
		s := problem.Spec{Objective: objective, Dim: 16, DType: kernels.F32}
		for name, leaves := range map[string]bool{
			"pgd": true, "pgd:law=gaussian": true, "pgd-threshold": true, "psgd": true, "saddle-ngd": true,
			"perturbed-momentum": true, "perturbed-agd": true, "sgd-restart:noise=0.01": true,
			"sgd": false, "momentum": false, "normalized-gd": false, "sgd-average": false, "sgd-restart": false,
			"gclip": false, "cclip-average": false, "acclip-random": false, "scaled-sgd": false,
		} {
			lr := 0.05
			if name == "saddle-ngd" {
				lr = 0.01 // the length of a step
			}
			r := start[float32](t, "cpu", 1, s, 5, parse(t, name), lr)
			r.put(0)
			before := r.value(0)
			for i := range 3000 {
				r.next(i + 1)
			}
			x := r.point()
			moved := slices.ContainsFunc(x, func(x float32) bool { return x != 0 })
			if moved != leaves {
				t.Errorf("%s on %s: moved %v, want %v", name, objective, moved, leaves)
			}
			if after := r.value(3000); leaves && name != "sgd-restart:noise=0.01" && !(after < before/4) {
				t.Errorf("%s on %s: value %v after 3000 steps, %v at the saddle", name, objective, after, before)
			}
		}
	}
}

// TestAccelerates: on a quadratic of condition 1000, each at its rate, momentum and
// acceleration need fewer steps than gradient descent by far.
func TestAccelerates(t *testing.T) {
	s := problem.Spec{Objective: "diagonal:condition=1000", Dim: 200, DType: kernels.F32}
	steps := func(name string, lr float64) int {
		r := start[float32](t, "cpu", 1, s, 5, parse(t, name), lr)
		target := r.value(0) * 1e-10
		for i := 0; ; i++ {
			if i == 20_000 || r.value(i) <= target {
				return i
			}
			r.next(i + 1)
		}
	}
	descent := steps("sgd", 1)
	for name, lr := range map[string]float64{"perturbed-momentum:gamma=0.002:radius=1e-6": 1, "perturbed-agd:eps=1e-4:rho=0.01:radius=0": 0.25} {
		if n := steps(name, lr); 3*n > descent {
			t.Errorf("%s takes %d steps, gradient descent %d", name, n, descent)
		}
	}
}

// TestNoGradient: where the gradient is 0, norms and moments are too, and nothing is
// divided by them.
func TestNoGradient(t *testing.T) {
	for _, m := range all() {
		r := start[float32](t, "cpu", 1, problem.Spec{Objective: "cubic-saddle", Dim: 8, DType: kernels.F32}, 5, m, 0.1)
		r.put(0)
		for i := range 50 {
			r.next(i + 1)
		}
		for _, x := range r.point() {
			if !(math.Abs(float64(x)) < 10) {
				t.Fatalf("%s: a coordinate is %v", method.Format(m), x)
			}
		}
	}
}

// TestNoNorm: where the norm of the gradient is not finite, steps that go by it are
// skipped; the others lead to a value that is told as such.
func TestNoNorm(t *testing.T) {
	for _, m := range all() {
		r := start[float32](t, "cpu", 1, problem.Spec{Objective: "rosenbrock", Dim: 8, DType: kernels.F32}, 5, m, 0.1)
		r.put(1e20)
		for i := range 3 {
			r.next(i + 1)
		}
		stays := !slices.ContainsFunc(r.point(), func(x float32) bool { return x != 1e20 })
		switch m.Name() {
		case "gclip", "spider", "saddle-ngd":
			if !stays {
				t.Errorf("%s moves by a norm that is not finite, to %v", method.Format(m), r.point())
			}
		case "pgd", "pgd-threshold", "psgd", "perturbed-momentum", "perturbed-agd":
			if err := r.Evaluate(kernels.At(4)); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Value(); stays || !errors.Is(err, problem.ErrNotFinite) {
				t.Errorf("%s: %v, want a value that is not finite", method.Format(m), err)
			}
		}
	}
}

// TestTakenUp: a run that goes on from its point and its state elsewhere ends with the
// same bits.
func TestTakenUp(t *testing.T) {
	const half, steps = 37, 90
	s := problem.Spec{Objective: "cubic-saddle", Dim: 40, DType: kernels.F32, Noise: "gaussian:scale=0.01"}
	for _, m := range all() {
		whole := start[float32](t, "cpu", 1, s, 5, m, 0.05)
		for i := range half {
			whole.next(i + 1)
		}
		later := start[float32](t, "cpu", 1, s, 5, m, 0.05)
		from, _ := whole.State()
		to, ok := later.State()
		if !ok || len(from) != len(to) {
			t.Fatalf("%s: a state of %d arrays, then %d", method.Format(m), len(from), len(to))
		}
		for i, b := range append([]backend.Buffer{whole.x.Buffer}, from...) {
			raw := make([]byte, b.DType().Bytes(b.Len()))
			dst := append([]backend.Buffer{later.x.Buffer}, to...)[i]
			if err := errors.Join(b.Read(raw), dst.Write(raw)); err != nil {
				t.Fatal(err)
			}
		}
		for i := half; i < steps; i++ {
			whole.next(i + 1)
			later.next(i + 1)
		}
		if !slices.Equal(whole.point(), later.point()) || whole.value(steps) != later.value(steps) {
			t.Errorf("%s ends elsewhere when it is taken up in the middle", method.Format(m))
		}
	}
}

// TestAllocations: steps do not allocate.
func TestAllocations(t *testing.T) {
	s := problem.Spec{Objective: "diagonal", Dim: 2000, DType: kernels.F32, Noise: "gaussian:scale=0.01"}
	for _, m := range all() {
		r := start[float32](t, "cpu", 1, s, 5, m, 1e-3)
		step := 0
		if n := testing.AllocsPerRun(50, func() { step++; r.next(step) }); n > 0 {
			t.Errorf("%s: %v allocations a step", method.Format(m), n)
		}
	}
}

// TestRegistry: names are unique, and the text of every case means the case.
func TestRegistry(t *testing.T) {
	names := method.Names()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names %v, want them sorted and each once", names)
	}
	for _, d := range method.All() {
		if d.Title == "" || d.Source == "" || !(d.Rate > 0) {
			t.Errorf("%s lacks a title, a source or a rate", d.Name)
		}
		for _, m := range d.Cases {
			got, err := method.Parse(method.Format(m))
			if err != nil || got != m || m.Name() != d.Name {
				t.Errorf("%s means %+v, %v, want %+v", method.Format(m), got, err, m)
			}
		}
	}
	if m := parse(t, "adamw:beta2=0.99"); method.Format(m) != "adamw:beta2=0.99" {
		t.Errorf("adamw:beta2=0.99 is written %s", method.Format(m))
	}
}

// TestRefusals: each says in a line what is wrong and what would do.
func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"pgd:radius=-1":           "radius is -1, want [0,inf)",
		"pgd:law=cauchy":          "law is cauchy, want one of ball, gaussian",
		"pgd:raduis=1":            `no hyperparameter "raduis", want one of radius, law`,
		"gclip:alpha=1":           "alpha is 1, want (1,2]",
		"gclip:case=convex":       "case is convex, want one of strongly-convex, nonconvex",
		"saddle-ngd:every=0":      "every is 0, want [1,inf)",
		"perturbed-agd:pause=-1":  "pause is -1, want [0,inf)",
		"pgx":                     `unknown optimizer "pgx", want one of`,
		"spider:n0=0.5":           "n0 is 0.5, want [1,inf)",
		"sgd-restart:steps=1.5":   `steps is "1.5", want a whole number`,
		"psgd:eps=nan":            "eps is NaN, want (0,inf)",
		"perturbed-momentum:x":    `"x" is not a setting, want name=value`,
		"acclip-random:alpha=2.5": "alpha is 2.5, want [1,2]",
	} {
		if _, err := method.Parse(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	s := problem.Spec{Objective: "diagonal", Dim: 100, DType: kernels.F32}
	for text, want := range map[string]string{
		"spider:eps=0.1:sigma=0.1:n0=3": "n0 is 3, want at most 2*sigma/eps, 2",
		"spider:eps=1e-9":               "sigma/eps is 1e+09",
	} {
		if _, err := parse(t, text).Room(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	s.Noise = "pareto"
	if _, err := parse(t, "spider").Room(s); err == nil || !strings.Contains(err.Error(), "batch") {
		t.Errorf("spider with noise that has no average: %v", err)
	}
	if _, err := method.Stored(parse(t, "pgd"), kernels.FindStorage("q8-states")); err == nil || !strings.Contains(err.Error(), "f32 or f64") {
		t.Errorf("pgd in bytes: %v", err)
	}
	b, err := backend.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	p, err := problem.Open(b, problem.Spec{Objective: "diagonal", Dim: 100, DType: kernels.F32}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := p.Vector()
	if err != nil {
		t.Fatal(err)
	}
	for _, lr := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		for _, m := range all() {
			if s, err := m.Start(p, x, lr); err == nil || s != nil || !strings.Contains(err.Error(), "learning rate") {
				t.Errorf("%s with a rate of %v: %v", method.Format(m), lr, err)
			}
		}
	}
	if _, err := (method.PGD{Radius: -1}).Start(p, x, 1); err == nil || !strings.Contains(err.Error(), "radius is -1") {
		t.Errorf("a radius of -1: %v", err)
	}
	if err := errors.Join(p.Close(), b.Close()); err != nil {
		t.Errorf("methods that did not start keep something: %v", err)
	}
}
