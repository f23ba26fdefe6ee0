package kernels

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func same[T Real](a, b T) bool { return a == b || a != a && b != b }

// tensor returns a tensor for u: parameters given, states zero, gradients to be
// filled, thresholds of every magnitude.
func tensor[T Real](u Update, rng *rand.Rand, p []T) [][]T {
	var slots [][]T
	for _, s := range u.Kernel().Slots {
		x := make([]T, len(p))
		switch s.Role {
		case Parameter:
			copy(x, p)
		case Threshold:
			for i := range x {
				x[i] = T(math.Exp(rng.NormFloat64()))
			}
		}
		slots = append(slots, x)
	}
	return slots
}

// random returns numbers spread over a few magnitudes.
func random[T Real](rng *rand.Rand, n int) []T {
	xs := make([]T, n)
	for i := range xs {
		xs[i] = T(rng.NormFloat64() * math.Exp(rng.NormFloat64()))
	}
	return xs
}

func clone[T Real](tensors [][][]T) [][][]T {
	out := make([][][]T, len(tensors))
	for i, slots := range tensors {
		for _, s := range slots {
			out[i] = append(out[i], slices.Clone(s))
		}
	}
	return out
}

func equal[T Real](a, b [][]T) bool {
	return slices.EqualFunc(a, b, func(x, y []T) bool { return slices.EqualFunc(x, y, same[T]) })
}

// group returns tensors of the given sizes, a few steps on: with states.
func group[T Real](u Update, rng *rand.Rand, sizes ...int) [][][]T {
	var tensors [][][]T
	for _, n := range sizes {
		tensors = append(tensors, tensor(u, rng, random[T](rng, n)))
	}
	for step := range 3 {
		for _, slots := range tensors {
			copy(slots[1], random[T](rng, len(slots[1])))
		}
		Reference(u, At(step+1), 1, tensors)
	}
	return tensors
}

// each runs test for every case of every definition.
func each(t *testing.T, test func(t *testing.T, u Update, rng *rand.Rand)) {
	for _, d := range All() {
		for _, u := range d.Cases {
			t.Run(Format(u), func(t *testing.T) { test(t, u, rand.New(rand.NewPCG(9, 10))) })
		}
	}
}

// elementByElement reports whether an element of u depends on no other.
func elementByElement(u Update) bool {
	_, scaled := u.(Scaler)
	return u.Kernel().Scalar == nil && !scaled
}

func TestPartition(t *testing.T) {
	each(t, func(t *testing.T, u Update, rng *rand.Rand) {
		if !elementByElement(u) {
			t.SkipNow()
		}
		whole := group[float32](u, rng, 1500)
		parts := clone(whole)
		var cut [][][]float32
		for from := 0; from < 1500; {
			to := min(from+rng.IntN(400), 1500) // some are empty
			var slots [][]float32
			for _, s := range parts[0] {
				slots = append(slots, s[from:to])
			}
			cut = append(cut, slots)
			from = to
		}
		rng.Shuffle(len(cut), func(i, j int) { cut[i], cut[j] = cut[j], cut[i] })
		Reference(u, At(4), 1, whole)
		Reference(u, At(4), 1, cut)
		if !equal(whole[0], parts[0]) {
			t.Error("the same elements in other tensors come out otherwise")
		}
	})
}

// TestNormsOfOthers: a tensor's own norms are of no concern to another tensor.
func TestNormsOfOthers(t *testing.T) {
	for _, u := range []Update{Find("lamb").Cases[0], Find("lars").Cases[0]} {
		rng := rand.New(rand.NewPCG(11, 12))
		both := group[float32](u, rng, 1030, 40)
		alone := clone(both[1:])
		Reference(u, At(4), 1, both)
		Reference(u, At(4), 1, alone)
		if !equal(both[1], alone[0]) {
			t.Errorf("%s: a tensor depends on its neighbour", Format(u))
		}
	}
}

func TestInputsUntouched(t *testing.T) {
	each(t, func(t *testing.T, u Update, rng *rand.Rand) {
		tensors := group[float32](u, rng, 1030, 0, 7)
		before := clone(tensors)
		if n := Reference(u, At(4), 0.5, tensors); n != 0 {
			t.Errorf("%d tensors skipped", n)
		}
		for i, slots := range tensors {
			for j, s := range u.Kernel().Slots {
				input := s.Role == Gradient || s.Role == Threshold
				unchanged := slices.EqualFunc(slots[j], before[i][j], same[float32])
				if len(slots[j]) > 0 && unchanged != input {
					t.Errorf("tensor %d: slot %s unchanged: %v, want %v", i, s.Name, unchanged, input)
				}
			}
		}
	})
}

// TestNotFinite: a gradient that is not finite shows in its own parameter, and
// in no other. Infinity alone may not show: where steps are bounded, it steps as far as
// any large number, which float64 can square.
func TestNotFinite(t *testing.T) {
	each(t, func(t *testing.T, u Update, rng *rand.Rand) {
		if !elementByElement(u) {
			t.SkipNow()
		}
		const at = 3
		clean, wide := group[float32](u, rng, 9), group[float64](u, rng, 9)
		step := func(g float64) float64 {
			x := clone(wide)
			x[0][1][at] = g
			Reference(u, At(4), 1, x)
			return x[0][0][at]
		}
		for _, g := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			poisoned := clone(clean)
			poisoned[0][1][at] = float32(g)
			want := clone(clean)
			if n := Reference(u, At(4), 1, poisoned) + Reference(u, At(4), 1, want); n != 0 {
				t.Errorf("gradient %v: %d tensors skipped", g, n)
			}
			p := float64(poisoned[0][0][at])
			bounded := math.IsInf(g, 0) && step(g) == step(math.Copysign(1e100, g))
			if finite(p) != bounded {
				t.Errorf("gradient %v: parameter is %v, steps are bounded: %v", g, p, bounded)
			}
			for j := range want[0] {
				want[0][j][at], poisoned[0][j][at] = 0, 0
			}
			if !equal(poisoned[0], want[0]) {
				t.Errorf("gradient %v: another element has changed", g)
			}
		}
	})
}

// TestNormNotFinite: what is left alone where a norm is not finite, and how
// many tensors are counted.
func TestNormNotFinite(t *testing.T) {
	for _, c := range []struct {
		update  string
		skipped int   // of three tensors
		changed []int // slots of the tensor at fault that change all the same
	}{
		{"lars", 1, nil},
		{"lamb", 1, []int{2, 3}},
		{"lamb:pre_clip=1", 3, nil},
		{"clipped-gd", 3, nil},
		{"normalized-gd", 3, nil},
	} {
		u, err := Parse(c.update)
		if err != nil {
			t.Fatal(err)
		}
		gradients := []float64{math.NaN(), math.Inf(-1)}
		if c.update != "lamb" { // to which a second moment of +Inf is a step of 0
			gradients = append(gradients, 1e30) // whose square is not finite
		}
		for _, g := range gradients {
			tensors := group[float32](u, rand.New(rand.NewPCG(13, 14)), 40, 1030, 7)
			tensors[1][1][1029] = float32(g)
			before := clone(tensors)
			if n := Reference(u, At(4), 1, tensors); n != c.skipped {
				t.Errorf("%s: gradient %v: %d tensors skipped, want %d", c.update, g, n, c.skipped)
			}
			for i, slots := range tensors {
				stepped := c.skipped == 1 && i != 1
				if unchanged := equal(slots[:1], before[i][:1]); unchanged == stepped {
					t.Errorf("%s: gradient %v: parameters of tensor %d unchanged: %v", c.update, g, i, unchanged)
				}
				for j := 2; j < len(slots); j++ {
					changed := stepped || i == 1 && slices.Contains(c.changed, j)
					if equal(slots[j:j+1], before[i][j:j+1]) == changed {
						t.Errorf("%s: gradient %v: slot %d of tensor %d changed: %v, want %v", c.update, g, j, i, !changed, changed)
					}
				}
			}
		}
		tensors := group[float32](u, rand.New(rand.NewPCG(15, 16)), 8)
		tensors[0][0][2] = float32(math.NaN())
		// Norms over gradients do not look at parameters.
		if n, want := Reference(u, At(4), 1, tensors), map[bool]int{true: 1}[u.Kernel().Scalar != nil]; n != want {
			t.Errorf("%s: parameter NaN: %d tensors skipped, want %d", c.update, n, want)
		}
	}
}

// TestZeroNorms: where a norm is zero the ratio is 1, and nothing is divided
// by it.
func TestZeroNorms(t *testing.T) {
	g := []float64{3, -4, 0.5}
	zero := []float64{0, 0, 0}
	step := func(u Update, p, g []float64) []float64 {
		tensors := [][][]float64{tensor(u, nil, p)}
		copy(tensors[0][1], g)
		if n := Reference(u, At(1), 1, tensors); n != 0 {
			t.Errorf("%s: skipped", Format(u))
		}
		return tensors[0][0]
	}
	lamb := Find("lamb").Cases[0].(LAMB)
	adam := Adam{LR: lamb.LR, Beta1: lamb.Beta1, Beta2: lamb.Beta2, Eps: lamb.Eps}
	plain := lamb
	plain.WeightDecay = 0
	lars := LARS{LR: 0.5, Beta: 0.9, WeightDecay: 0.25, Trust: 1e-3}
	for _, c := range []struct {
		u          Update
		p, g, want []float64
	}{
		{lamb, zero, g, step(adam, zero, g)},
		{lamb, zero, zero, zero},
		{plain, g, zero, g},
		{lars, zero, g, []float64{-1.5, 2, -0.25}},
		{lars, []float64{8, -16, 0}, zero, []float64{7, -14, 0}},
		{lars, zero, zero, zero},
		{NormalizedGD{LR: 1}, g, zero, g},
		{ClippedGD{LR: 1, MaxNorm: 1}, g, zero, g},
	} {
		got := step(c.u, c.p, c.g)
		if !slices.EqualFunc(got, c.want, func(a, b float64) bool { return relative(a, b) < 1e-14 }) {
			t.Errorf("%s of %v with gradients %v is %v, want %v", Format(c.u), c.p, c.g, got, c.want)
		}
	}
}

// TestSameAs: special cases of one update are another, bit for bit.
func TestSameAs(t *testing.T) {
	must := func(text string) Update {
		u, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for _, c := range [][2]string{
		{"clipped-gd:max_norm=1e30", "sgd:weight_decay=0"},
		{"adamw:weight_decay=0", "adam"},
		{"momentum:beta=0:weight_decay=0", "sgd:weight_decay=0"},
		{"nesterov:beta=0", "momentum:beta=0"},
		{"lamb:pre_clip=1e30", "lamb"},
		{"lamb:phi_max=1e30", "lamb"},
		{"lamb:decayed_only=true", "lamb"},
		{"adam:correction=epsilon-hat:eps=0", "adam:eps=0"},
	} {
		a, b := must(c[0]), must(c[1])
		x := group[float32](a, rand.New(rand.NewPCG(17, 18)), 1030, 5)
		y := group[float32](b, rand.New(rand.NewPCG(17, 18)), 1030, 5)
		for i := range x {
			if !equal(x[i][:1], y[i][:1]) {
				t.Errorf("%s is not %s", c[0], c[1])
			}
		}
	}
}

// TestScales: a schedule multiplies the learning rate, a loss scale divides out
// of the gradients; for powers of two, to the last bit.
func TestScales(t *testing.T) {
	each(t, func(t *testing.T, u Update, rng *rand.Rand) {
		halved := reflect.New(reflect.TypeOf(u)).Elem()
		halved.Set(reflect.ValueOf(u))
		lr := halved.FieldByName("LR")
		lr.SetFloat(lr.Float() / 2)
		if got, want := u.Coef(Step{T: 7, LRScale: 0.5, GradScale: 1}), halved.Interface().(Update).Coef(At(7)); got != want {
			t.Errorf("constants with LRScale 1/2 are %v, want %v", got, want)
		}

		plain := group[float32](u, rng, 1030, 7)
		byStep, byScale := clone(plain), clone(plain)
		for i := range plain {
			for j := range plain[i][1] {
				byStep[i][1][j] *= 8
				byScale[i][1][j] *= 8
			}
		}
		Reference(u, At(4), 1, plain)
		Reference(u, Step{T: 4, LRScale: 1, GradScale: 0.125}, 1, byStep)
		Reference(u, At(4), 0.125, byScale)
		for i := range plain {
			for _, scaled := range [][][]float32{byStep[i], byScale[i]} {
				if !equal(scaled[:1], plain[i][:1]) || !equal(scaled[2:], plain[i][2:]) {
					t.Errorf("tensor %d differs with gradients scaled by 8 and back", i)
				}
			}
		}
	})
}

// TestAdamSteps: with a constant gradient of any size every step of Adam is lr.
// Moments corrected in place would compound and do not pass the second step.
func TestAdamSteps(t *testing.T) {
	u := Adam{LR: 0.25, Beta1: 0.9, Beta2: 0.999}
	tensors := [][][]float64{tensor(u, nil, make([]float64, 4))}
	copy(tensors[0][1], []float64{1e-6, -1, 1e3, -3e-150})
	for step := 1; step <= 50; step++ {
		before := slices.Clone(tensors[0][0])
		Reference(u, At(step), 1, tensors)
		for i, p := range tensors[0][0] {
			want := before[i] - math.Copysign(u.LR, tensors[0][1][i])
			if relative(p, want) > 1e-12 {
				t.Fatalf("step %d: gradient %v moves %v to %v, want %v", step, tensors[0][1][i], before[i], p, want)
			}
		}
	}
}

// TestLAMBCorrection: LAMB's trust ratio divides the bias correction out again,
// exactly where neither decay nor eps is added to what it multiplies.
func TestLAMBCorrection(t *testing.T) {
	for _, c := range []struct {
		decay, eps float64
		irrelevant bool
	}{{0, 0, true}, {1e-2, 0, false}, {0, 1e-2, false}} {
		u := LAMB{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, WeightDecay: c.decay, Eps: c.eps}
		raw := u
		raw.NoDebias = true
		rng := rand.New(rand.NewPCG(19, 20))
		a := [][][]float64{tensor(u, rng, random[float64](rng, 40))}
		b := clone(a)
		for step := 1; step <= 50; step++ {
			copy(a[0][1], random[float64](rng, 40))
			copy(b[0][1], a[0][1])
			Reference(u, At(step), 1, a)
			Reference(raw, At(step), 1, b)
		}
		var worst float64
		for i, p := range a[0][0] {
			worst = max(worst, math.Abs(p-b[0][0][i]))
		}
		if (worst < 1e-12) != c.irrelevant || !c.irrelevant && worst < 1e-6 {
			t.Errorf("decay %v, eps %v: with and without correction differ by %.1e", c.decay, c.eps, worst)
		}
	}
}

// TestACClipPowers: the kernels for alpha 1 and 2 do what the general one does.
func TestACClipPowers(t *testing.T) {
	for _, k := range []struct {
		update           Update
		general, special *Kernel
	}{
		{ACClip{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 1}, acclipKernel, acclip1Kernel},
		{ACClip{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 2}, acclipKernel, acclip2Kernel},
		{ACClipV{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 1}, acclipVKernel, acclipV1Kernel},
		{ACClipV{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 2}, acclipVKernel, acclipV2Kernel},
	} {
		if k.update.Kernel() != k.special {
			t.Errorf("%s runs kernel %s, want %s", Format(k.update), k.update.Kernel().Name, k.special.Name)
		}
		rng := rand.New(rand.NewPCG(21, 22))
		a := [][][]float32{tensor(k.update, rng, make([]float32, 500))}
		b := clone(a)
		for step := 1; step <= 3; step++ {
			// Of one sign: the parameters are then sums without cancellation.
			for i := range a[0][1] {
				a[0][1][i] = float32(math.Pow(10, -6+9*float64(i)/500) * (1 + rng.Float64()))
			}
			copy(b[0][1], a[0][1])
			c := k.update.Coef(At(step))
			RunPass(k.special.Float32(), 0, &c, a[0])
			RunPass(k.general.Float32(), 0, &c, b[0])
		}
		for j, s := range k.special.Slots {
			for i, x := range a[0][j] {
				if y := b[0][j][i]; math.Abs(float64(x-y)) > 1e-6*math.Abs(float64(x)) {
					t.Fatalf("%s: %s[%d] is %v in kernel %s, %v in %s", Format(k.update), s.Name, i, x, k.special.Name, y, k.general.Name)
				}
			}
		}
	}
}

// TestACClipExponents: float32 constants keep alpha and 1/alpha to 48 bits.
func TestACClipExponents(t *testing.T) {
	for _, alpha := range []float64{1.1, 1.3, 1.5, 1.9} {
		c := ACClip{Alpha: alpha}.Coef(At(1))
		r := Round[float32](&c)
		for _, e := range []struct{ got, want float64 }{
			{float64(r[acclipA]) + float64(r[acclipALo]), alpha},
			{float64(r[acclipIA]) + float64(r[acclipIALo]), 1 / alpha},
		} {
			if relative(e.got, e.want) > 0x1p-48 {
				t.Errorf("alpha %v: exponent is %v, want %v", alpha, e.got, e.want)
			}
		}
	}
}

func TestClipFactor(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct{ tau, m, eps, want float64 }{
		{1, 2, 0, 0.5},
		{1, -3, 1, 0.25},
		{2, 1, 0, 1},
		{0, 1, 0, 0},
		{1, 0, 0, 1},
		{0, 0, 1, 0},
		{0, 0, 0, nan},
		{inf, inf, 1, nan},
		{nan, 1, 0, nan},
		{1, nan, 0, nan},
	} {
		if got := clipFactor(c.tau, c.m, c.eps); !same(got, c.want) {
			t.Errorf("clipFactor(%v, %v, %v) is %v, want %v", c.tau, c.m, c.eps, got, c.want)
		}
	}
}

// TestCClipThresholds: a step is never longer than its threshold, which grows
// as the theorem asks, and a threshold of zero freezes a coordinate.
func TestCClipThresholds(t *testing.T) {
	u := CClip{LR: 1, Alpha: 1.5}
	tensors := [][][]float64{{{0, 0, 0, 0}, {10, -10, 0.5, 10}, {1, 2, 3, 0}}}
	Reference(u, At(8), 1, tensors)
	if want := []float64{-4, 8, -0.5, 0}; !slices.EqualFunc(tensors[0][0], want, func(a, b float64) bool { return relative(a, b) < 1e-14 }) {
		t.Errorf("step 8 gives %v, want %v", tensors[0][0], want)
	}
}
