package dense

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// descend takes steps of gradient descent from the first point until the value is
// at most target, and returns how many it took, or limit.
func descend(o Objective[float64], seed uint64, rate, target float64, limit int, noise func(g []float64)) int {
	x := make([]float64, total(o.Sizes()))
	g := make([]float64, len(x))
	o.Start(x, seed)
	for step := range limit {
		if o.Gradient(x, g, Sample{}) <= target {
			return step
		}
		if noise != nil {
			noise(g)
		}
		axpy(-rate, g, x)
	}
	return limit
}

func total(sizes []int) (n int) {
	for _, size := range sizes {
		n += size
	}
	return n
}

func size(x []float64) float64 { return math.Sqrt(product(x, x)) }

// TestRotated: the columns of Q are eigenvectors, and no coordinate is.
func TestRotated(t *testing.T) {
	const dim = 9
	o := newRotated[float64](Rotated{Condition: 1e4, Reflections: 2}, dim, 1).(*rotated[float64])
	x, g := make([]float64, dim), make([]float64, dim)
	for i := range dim {
		clear(x)
		x[i] = 1
		o.q.apply(x)
		o.Gradient(x, g, Sample{})
		axpy(-o.spectrum[i], x, g)
		if math.Abs(size(x)-1) > 1e-15 || size(g) > 1e-15 {
			t.Errorf("column %d of Q has length %v, and A times it is off by %v", i, size(x), size(g))
		}
		clear(x)
		x[i] = 1
		o.Gradient(x, g, Sample{})
		g[i] = 0
		if size(g) < 1e-3 {
			t.Errorf("coordinate %d is nearly an eigenvector: the rest of its image is %v", i, size(g))
		}
	}
	if o.spectrum[0] != 1 || o.spectrum[dim-1] != float64(float32(1e-4)) {
		t.Errorf("the spectrum runs from %v to %v, want 1 to 1e-4", o.spectrum[0], o.spectrum[dim-1])
	}
}

// TestRotatedScaled: even the best scaling of the coordinates, by the diagonal of
// the Hessian, gains little on gradient descent, which on the unrotated quadratic it
// would end in one step.
func TestRotatedScaled(t *testing.T) {
	const dim = 200
	o := open[float64](t, Find("rotated").Cases[0], dim, 1)
	x, g, v := make([]float64, dim), make([]float64, dim), make([]float64, dim)
	diagonal := make([]float64, dim)
	for i := range dim {
		clear(x)
		x[i] = 1
		o.Gradient(x, g, Sample{})
		diagonal[i] = g[i]
		v[i] = 1
	}
	var most float64 // eigenvalue of the scaled Hessian
	for range 200 {
		for i := range v {
			x[i] = v[i] / math.Sqrt(diagonal[i])
		}
		o.Gradient(x, g, Sample{})
		for i := range v {
			v[i] = g[i] / math.Sqrt(diagonal[i])
		}
		most = size(v)
		for i := range v {
			v[i] /= most
		}
	}
	after := func(scale func(i int) float64) float64 {
		o.Start(x, 1)
		for range 1000 {
			o.Gradient(x, g, Sample{})
			for i := range x {
				x[i] -= scale(i) * g[i]
			}
		}
		return o.Value(x)
	}
	plain := after(func(int) float64 { return 1 })
	if scaled := after(func(i int) float64 { return 1 / most / diagonal[i] }); scaled < plain/3 {
		t.Errorf("1,000 steps lead to %v, to %v where coordinates are scaled", plain, scaled)
	}
}

// TestPCA: saddle k has k directions of descent, and from one with a single
// direction descent takes ln(1/offset)/ln(1 + rate*gap) steps and a constant.
func TestPCA(t *testing.T) {
	const dim = 12
	o := newPCA[float64](PCA{Condition: 10, Gap: 0.1, Saddle: 1, Offset: 1e-3}, dim, 1).(*pca[float64])
	x, g, d := make([]float64, dim), make([]float64, dim), make([]float64, dim)
	for k := range dim {
		for i := range x {
			x[i] = o.saddle(k, i)
		}
		o.Gradient(x, g, Sample{})
		if size(g) > 1e-14 {
			t.Errorf("saddle %d: the gradient is %v", k, size(g))
		}
		descents := 0
		for j := range dim {
			clear(d)
			d[j] = 1
			o.q.apply(d)
			o.HessianVector(x, d, g, Sample{})
			if product(d, g) < 0 {
				descents++
			}
		}
		if descents != k {
			t.Errorf("saddle %d has %d directions of descent", k, descents)
		}
		if want := (1 - o.spectrum[k]*o.spectrum[k]) / 4; math.Abs(o.Value(x)-want) > 1e-15 {
			t.Errorf("saddle %d: the value is %v, want %v", k, o.Value(x), want)
		}
	}
	steps := func(offset float64) int {
		return descend(newPCA[float64](PCA{Condition: 10, Gap: 0.1, Saddle: 1, Offset: offset}, dim, 1), 1, 0.1, 1e-3, 10000, nil)
	}
	want := math.Log(1e3) / math.Log(1+0.1*0.1)
	if got := steps(1e-6) - steps(1e-3); math.Abs(float64(got)-want) > 0.02*want {
		t.Errorf("from a thousandth of the distance it takes %d steps more, want %.0f", got, want)
	}
}

// TestLowRank: the columns of U are orthogonal, and as long as their spikes say.
func TestLowRank(t *testing.T) {
	o := newLowRank[float64](LowRank{Condition: 10, Rank: 3, Spike: 100}, 40, 1).(*lowRank[float64])
	for k, want := range []float64{100, 10, 1} {
		for j := range 3 {
			got := product(o.u.row(k), o.u.row(j))
			if j == k && math.Abs(got-want) > 1e-5*want || j != k && math.Abs(got) > 1e-5 {
				t.Errorf("columns %d and %d have the product %v, want %v or 0", k, j, got, want)
			}
		}
	}
}

// tube is the octopus as the paper prints it, inside the tube.
func tube(s Octopus, x []float64) float64 {
	l, gamma, tau := s.L, s.Gamma, s.Tau
	g1 := func(x float64) float64 {
		return -gamma*x*x + (-14*l+10*gamma)/(3*tau)*math.Pow(x-tau, 3) + (5*l-3*gamma)/(2*tau*tau)*math.Pow(x-tau, 4)
	}
	g2 := func(x float64) float64 {
		u := (x - 2*tau) / tau
		return -gamma - 10*(l+gamma)*math.Pow(u, 3) - 15*(l+gamma)*math.Pow(u, 4) - 6*(l+gamma)*math.Pow(u, 5)
	}
	nu := -g1(2*tau) + 4*l*tau*tau
	var f float64
	for i, v := range x {
		rest := x[i+1:]
		switch u := math.Abs(v); {
		case u >= 2*tau:
			f += l*(u-4*tau)*(u-4*tau) - nu
		case u > tau && len(rest) > 0:
			return f + g1(u) + g2(u)*rest[0]*rest[0] + l*product(rest[1:], rest[1:])
		case u > tau:
			return f + g1(u)
		default:
			return f - gamma*u*u + l*product(rest, rest)
		}
	}
	return f
}

func TestOctopus(t *testing.T) {
	s := Octopus{L: 3, Gamma: 0.5, Tau: 2}
	const dim = 5
	o := newOctopus[float64](s, dim, 1).(*octopus[float64])
	r := rand.New(rand.NewPCG(1, 2))
	x, g, h := make([]float64, dim), make([]float64, dim), make([]float64, dim)

	// In the tube: some coordinates past 2Tau, one anywhere, the rest small.
	for range 1000 {
		past := r.IntN(dim + 1)
		for i := range x {
			switch {
			case i < past:
				x[i] = s.Tau * (2 + 3*r.Float64())
			case i == past:
				x[i] = s.Tau * 2 * r.Float64()
			default:
				x[i] = s.Tau * r.Float64()
			}
			x[i] = math.Copysign(x[i], r.Float64()-0.5)
		}
		if got, want := o.Value(x), tube(s, x); math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
			t.Fatalf("the value at %v is %v, want %v", x, got, want)
		}
	}

	// Anywhere: value, gradient and its slope are continuous where pieces join.
	for range 1000 {
		for i := range x {
			x[i] = s.Tau * 3 * r.Float64()
		}
		i := r.IntN(dim)
		joint := s.Tau * float64(1+r.IntN(2))
		at := func(offset float64, g []float64) float64 {
			x[i] = joint + offset
			return o.Gradient(x, g, Sample{})
		}
		const e = 1e-5
		before, after := at(-e, g), at(e, h)
		mean := (g[i] + h[i]) / 2
		if jump := after - before - 2*e*mean; math.Abs(jump) > 1e-9 {
			t.Fatalf("the value jumps by %v at %v", jump, x)
		}
		left, right := make([]float64, dim), make([]float64, dim)
		at(-2*e, left)
		at(2*e, right)
		// The products of the Hessian are the differences of gradients.
		d, hd := direction(dim, 2+r.IntN(9)), make([]float64, dim)
		x[i] = joint + 1e-2
		o.HessianVector(x, d, hd, Sample{})
		forth, back := slices.Clone(x), slices.Clone(x)
		axpy(e, d, forth)
		axpy(-e, d, back)
		up, down := make([]float64, dim), make([]float64, dim)
		o.Gradient(forth, up, Sample{})
		o.Gradient(back, down, Sample{})
		for j := range dim {
			if want := (up[j] - down[j]) / (2 * e); math.Abs(hd[j]-want) > 1e-5*(1+math.Abs(want)) {
				t.Fatalf("the Hessian at %v times %v has %v at %d, want %v", x, d, hd[j], j, want)
			}
		}
		for j := range dim {
			// Slopes on either side differ by a third derivative times 3e.
			if a, b := (g[j]-left[j])/e, (right[j]-h[j])/e; math.Abs(a-b) > 0.05*(1+math.Abs(a)) {
				t.Fatalf("the slope of gradient %d jumps from %v to %v at %v", j, a, b, x)
			}
		}
	}

	// The minimum.
	for i := range x {
		x[i] = math.Copysign(4*s.Tau, float64(i%2)-0.5)
	}
	if v := o.Gradient(x, g, Sample{}); math.Abs(v-o.Minimum()) > 1e-12*math.Abs(v) || size(g) != 0 {
		t.Errorf("at 4Tau the value is %v, want %v, and the gradient %v", v, o.Minimum(), g)
	}
}

// TestOctopusEscape: each dimension more multiplies the steps of gradient descent
// by 1 + |ln(1-2 rate L)|/ln(1 + 2 rate Gamma); with noise, they grow slowly.
func TestOctopusEscape(t *testing.T) {
	s := Octopus{L: 1, Gamma: 1, Tau: math.E}
	const rate = 0.25
	median := func(dim int, noise func(g []float64)) float64 {
		var steps []int
		o := newOctopus[float64](s, dim, 0)
		for seed := range uint64(41) {
			steps = append(steps, descend(o, seed, rate, o.Minimum()*(1-0.5/float64(dim)), 100000, noise))
		}
		slices.Sort(steps)
		return float64(steps[len(steps)/2])
	}
	base := 1 + math.Abs(math.Log(1-2*rate*s.L))/math.Log(1+2*rate*s.Gamma)
	t4, t5, t6 := median(4, nil), median(5, nil), median(6, nil)
	if got := (t6 - t5) / (t5 - t4); math.Abs(got-base) > 0.1*base {
		t.Errorf("steps in 4, 5, 6 dimensions are %v, %v, %v: growth by %v, want %v", t4, t5, t6, got, base)
	}
	r := rand.New(rand.NewPCG(3, 4))
	noisy := median(16, func(g []float64) {
		for i := range g {
			g[i] += s.Tau / 100 / 4 * r.NormFloat64()
		}
	})
	if exponential := t6 * math.Pow(base, 10); noisy > exponential/1000 {
		t.Errorf("with noise it takes %v steps in 16 dimensions; without, it would be %v", noisy, exponential)
	}
}

// TestConvex: where the minimum was computed, long gradient descent goes there.
func TestConvex(t *testing.T) {
	for _, s := range []Spec{
		Logistic{Examples: 50, Condition: 2, Margin: 1, Decay: 0.1},
		Softmax{Classes: 3, Examples: 60, Margin: 1, Decay: 0.1},
	} {
		o := open[float64](t, s, s.Dim(9), 4)
		least := o.Minimum()
		if steps := descend(o, 1, 1/o.Facts().Lipschitz, least*(1+1e-14), 10000, nil); steps == 10000 {
			t.Errorf("%s: descent does not reach the minimum %v", Format(s), least)
		}
	}
}

// TestUnbiased: the mean gradient over batches is that of the whole.
func TestUnbiased(t *testing.T) {
	for _, s := range []Spec{
		Logistic{Examples: 50, Condition: 2, Margin: 1, Decay: 0.1},
		Softmax{Classes: 3, Examples: 60, Margin: 1, Decay: 0.1},
		Phase{Ratio: 4},
		Sparse{Exponent: 1, Loss: "square"},
		Sparse{Exponent: 1, Loss: "absolute"},
		HeavyTailed{Condition: 4, Law: "stable", Alpha: 2, Noise: 1},
		DeepLinear{Layers: 2, Condition: 2, Init: "he"},
		Factorization{Rank: 2, Condition: 2, Scale: 1},
		MLP{Inputs: 5, Layers: 1, Classes: 3, Examples: 40, Margin: 1, Activation: "tanh", Init: "he"},
	} {
		dim := s.Dim(12)
		o := open[float64](t, s, dim, 4)
		x, g, whole := near(o, dim, 1), make([]float64, dim), make([]float64, dim)
		o.Gradient(x, whole, Sample{})
		d := direction(dim, 3)
		var mean, square float64
		const n = 4000
		for i := range n {
			o.Gradient(x, g, Sample{Seed: 5, Index: uint64(i), Batch: 4})
			along := product(d, g) - product(d, whole)
			mean += along / n
			square += along * along / n
		}
		if deviation := math.Sqrt(square / n); math.Abs(mean) > 4*deviation || deviation == 0 {
			t.Errorf("%s: batches are off by %v, with the standard error %v", Format(s), mean, deviation)
		}
	}
}

func TestPhase(t *testing.T) {
	const dim = 10
	o := newPhase[float64](Phase{Ratio: 6}, dim, 2).(*linear[float64])
	w, g := make([]float64, dim), make([]float64, dim)
	normals(w, 1/math.Sqrt(dim), 2, forTruth)
	for range 2 {
		if v := o.Gradient(w, g, Sample{}); v > 1e-30 || size(g) > 1e-14 {
			t.Errorf("at +-w the value is %v and the gradient %v", v, g)
		}
		for i := range w {
			w[i] = -w[i]
		}
	}
	o.HessianVector(make([]float64, dim), w, g, Sample{})
	if product(w, g) >= 0 {
		t.Errorf("the curvature at the origin is %v, want it below 0", product(w, g))
	}
}

// TestFactorization: the value is that of the matrix that is never formed, and the
// factors it was made of are a minimum.
func TestFactorization(t *testing.T) {
	const rank, order = 3, 7
	o := newFactorization[float64](Factorization{Rank: rank, Condition: 10, Scale: 1}, 2*rank*order, 2).(*factorization[float64])
	x := near(o, 2*rank*order, 1)
	got := o.Value(x)
	entry := func(f [2]matrix[float64], i, j int) float64 { return product(f[0].row(i), f[1].row(j)) }
	var want, norm float64
	for i := range order {
		for j := range order {
			r := entry(o.x, i, j) - entry(o.truth, i, j)
			want += r * r / 2
			norm += entry(o.truth, i, j) * entry(o.truth, i, j)
		}
	}
	if math.Abs(got-want) > 1e-13*want {
		t.Errorf("the value is %v, want %v", got, want)
	}
	if singular := 1 + 0.1 + 0.01; math.Abs(norm-singular) > 1e-6 {
		t.Errorf("the matrix has the squared norm %v, want %v", norm, singular)
	}
	truth, g := append(slices.Clone(o.truth[0].data), o.truth[1].data...), make([]float64, len(x))
	if v := o.Gradient(truth, g, Sample{}); v > 1e-15 || size(g) > 1e-15 {
		t.Errorf("at the factors the value is %v and the gradient %v", v, g)
	}
}

// TestDeepLinear: with one layer the objective is |W-M|^2/2; with more, the product
// of the layers stands for W.
func TestDeepLinear(t *testing.T) {
	const width = 3
	s := DeepLinear{Layers: 2, Condition: 4, Init: "he"}
	o := newDeepLinear[float64](s, 2*width*width, 2).(*deepLinear[float64])
	m := o.target.data
	if want := 1 + 1.0/4 + 1.0/16; math.Abs(product(m, m)-want) > 1e-6 {
		t.Errorf("M has the squared norm %v, want %v", product(m, m), want)
	}
	x := near(o, 2*width*width, 1)
	var want float64
	for i := range width {
		for j := range width {
			r := -m[i*width+j]
			for k := range width {
				r += x[width*width+i*width+k] * x[k*width+j]
			}
			want += r * r / 2
		}
	}
	if got := o.Value(x); math.Abs(got-want) > 1e-14*want {
		t.Errorf("the value is %v, want %v", got, want)
	}
}

// TestTeacher: a network is taught what a network can learn.
func TestTeacher(t *testing.T) {
	for _, s := range Find("mlp").Cases {
		s := s.(MLP)
		o := newMLP[float64](s, s.Dim(300), 3).(*mlp[float64])
		truth, g := o.truth(), make([]float64, s.Dim(300))
		if v := o.Gradient(truth, g, Sample{}); v != 0 || size(g) != 0 {
			t.Errorf("%s: at the teacher's parameters the value is %v and the gradient %v long", Format(s), v, size(g))
		}
		if v := o.Value(make([]float64, len(g))); v < 0.01 {
			t.Errorf("%s: the teacher says little: to know nothing costs %v", Format(s), v)
		}
	}
}

// TestZeros: a network whose weights begin at 0 learns the last bias alone.
func TestZeros(t *testing.T) {
	s := MLP{Inputs: 5, Hidden: 4, Layers: 2, Classes: 3, Examples: 40, Margin: 1, Activation: "relu", Init: "zeros"}
	o := open[float64](t, s, s.Dim(0), 3)
	x, g := make([]float64, s.Dim(0)), make([]float64, s.Dim(0))
	o.Start(x, 1)
	o.Gradient(x, g, Sample{})
	last := g[len(g)-s.Classes:]
	if size(last) == 0 || size(last) != size(g) {
		t.Errorf("the gradient is %v, want zeros but for the last %d", g, s.Classes)
	}
}

func TestInitialise(t *testing.T) {
	w := newMatrix[float64](300, 100)
	for init, want := range map[string]float64{"zeros": 0, "scaled": 0.01, "xavier": math.Sqrt(2.0 / 400), "he": math.Sqrt(2.0 / 100)} {
		initialise(init, w, 1, forStart)
		if got := size(w.data) / math.Sqrt(300*100); math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: the weights have the deviation %v, want %v", init, got, want)
		}
	}
}

// TestSparse: a batch of one touches one coordinate, and each as often as it should.
func TestSparse(t *testing.T) {
	const dim, draws = 5, 20000
	o := newSparse[float64](Sparse{Exponent: 2, Loss: "absolute"}, dim, 1).(*sparse[float64])
	x, g := make([]float64, dim), make([]float64, dim)
	seen := make([]float64, dim)
	for i := range draws {
		o.Gradient(x, g, Sample{Index: uint64(i), Batch: 1})
		touched := 0
		for j, v := range g {
			if v != 0 {
				seen[j]++
				touched++
			}
		}
		if touched != 1 {
			t.Fatalf("example %d touches %d coordinates", i, touched)
		}
	}
	for j := range dim {
		p := 1 / float64((j+1)*(j+1)) / (1 + 1.0/4 + 1.0/9 + 1.0/16 + 1.0/25)
		if deviation := math.Sqrt(p * (1 - p) / draws); math.Abs(seen[j]/draws-p) > 4*deviation {
			t.Errorf("coordinate %d is in %v of the examples, want %v", j, seen[j]/draws, p)
		}
	}
}

// TestStable holds the law to its characteristic function,
// exp(-|t|^alpha (1 - i skew tan(pi alpha/2) sign t)).
func TestStable(t *testing.T) {
	const n = 100000
	for _, law := range [][2]float64{{1.5, 1}, {1.5, 0}, {1.2, -0.5}, {2, 0}} {
		alpha, skew := law[0], law[1]
		r := rand.New(rand.NewPCG(7, 7))
		sample := make([]float64, n)
		for i := range sample {
			sample[i] = stable(r, alpha, skew)
		}
		for _, at := range []float64{0.3, 1, 2} {
			var re, im float64
			for _, x := range sample {
				re += math.Cos(at*x) / n
				im += math.Sin(at*x) / n
			}
			power := math.Pow(at, alpha)
			phase := power * skew * math.Tan(math.Pi*alpha/2)
			wantRe, wantIm := math.Exp(-power)*math.Cos(phase), math.Exp(-power)*math.Sin(phase)
			if math.Hypot(re-wantRe, im-wantIm) > 5/math.Sqrt(n) {
				t.Errorf("alpha %v, skew %v: at %v the characteristic function is %v%+vi, want %v%+vi", alpha, skew, at, re, im, wantRe, wantIm)
			}
		}
	}
}

// TestPareto: the sizes have the tail q^-alpha, the signs the skew.
func TestPareto(t *testing.T) {
	const n, alpha, skew = 100000, 1.5, 0.5
	r := rand.New(rand.NewPCG(7, 7))
	var up, far float64
	for range n {
		x := pareto(r, alpha, skew) + skew*alpha/(alpha-1)
		if x > 0 {
			up++
		}
		if math.Abs(x) > 4 {
			far++
		}
	}
	if math.Abs(up/n-0.75) > 5/math.Sqrt(n) || math.Abs(far/n-1.0/8) > 5/math.Sqrt(n) {
		t.Errorf("%v are positive, want 0.75; %v are beyond 4, want 0.125", up/n, far/n)
	}
}
