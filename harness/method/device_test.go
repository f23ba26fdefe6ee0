package method_test

import (
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
	"preconditioned-diagonal", "psgd", "saddle-ngd", "sgd-average", "sgd-restart", "spider",
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
	case method.PreconditionedDiagonal:
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
			if want := steps + p.extra; evals != want {
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
	const steps = 200
	for _, m := range all() {
		s := problem.Spec{Objective: "rosenbrock", Dim: 8200, DType: kernels.F32, Noise: "gaussian:scale=0.01"}
		var first []float32
		for _, l := range backend.List() {
			if l.Missing != "" || !strings.HasPrefix(l.Name, "cpu:") {
				continue
			}
			for _, threads := range []int{1, 3} {
				if threads > 1 && l.Name == "cpu:go" {
					continue
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
					t.Errorf("%s on %s with %d threads differs", method.Format(m), l.Name, threads)
				}
			}
		}
	}
}
