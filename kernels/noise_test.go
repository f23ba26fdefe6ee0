package kernels

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestNoises(t *testing.T) {
	var names []string
	for _, d := range Noises() {
		names = append(names, d.Name)
		if FindNoise(d.Name) != d {
			t.Errorf("FindNoise(%q) is another definition", d.Name)
		}
		if d.Title == "" || d.Source == "" || len(d.Cases) == 0 {
			t.Errorf("%s lacks a title, a source or cases", d.Name)
		}
		if got := FormatNoise(d.Cases[0]); got != d.Name {
			t.Errorf("the default of %s formats as %q", d.Name, got)
		}
		for i, law := range d.Cases {
			if law.Name() != d.Name || reflect.TypeOf(law) != reflect.TypeOf(d.Cases[0]) || slices.Contains(d.Cases[:i], law) {
				t.Errorf("%s: case %d is %#v", d.Name, i, law)
			}
			if back, err := ParseNoise(FormatNoise(law)); err != nil || back != law {
				t.Errorf("ParseNoise(%q) is %+v, %v, want %+v", FormatNoise(law), back, err, law)
			}
			k := law.Kernel()
			if !slices.Contains(Kernels(), k) || !slices.Contains(Kernels(), k.Scaled) {
				t.Errorf("%s: its kernel, or that with a scale, is not among Kernels()", FormatNoise(law))
			}
			for _, n := range []int{0, 1, 100, 1 << 40} {
				for j, c := range law.Coef(n, Sample{Seed: math.MaxUint64, Index: 1 << 40}) {
					if !finite(c) || j >= CoefSeed && c != float64(float32(c)) {
						t.Errorf("%s in %d dimensions: constant %d is %v", FormatNoise(law), n, j, c)
					}
				}
			}
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(Noises()) {
		t.Errorf("names are not sorted and unique: %v", names)
	}
	if FindNoise("no such law") != nil {
		t.Error("FindNoise returns a definition for a name that has none")
	}
}

func TestParseNoise(t *testing.T) {
	got, err := ParseNoise("gaussian:scale=0.5:batch=8")
	if want := (Gaussian{Scale: 0.5, Batch: 8}); err != nil || got != Noise(want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for text, want := range map[string][]string{
		"gauss":              {`unknown noise "gauss"`, "gaussian"},
		"gaussian:scale=-1":  {"scale is -1", "[0,inf)"},
		"gaussian:batch=0":   {"batch is 0", "[1,inf)"},
		"gaussian:batch=1.5": {"batch", `"1.5"`, "a whole number"},
		"gaussian:sigma=1":   {`"sigma"`, "scale, batch"},
	} {
		_, err := ParseNoise(text)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("ParseNoise(%q): %v does not say %q", text, err, w)
			}
		}
	}
}

// drawn returns n numbers of a law.
func drawn[T Real](law Noise, s Sample, n int) []T {
	x := make([]T, n)
	AddNoise(law, s, x, nil)
	return x
}

// TestSplit: an element's number depends on its place alone, not on where a part of
// the array starts or how long it is.
func TestSplit(t *testing.T) {
	const n = 300
	for _, d := range Noises() {
		for _, law := range d.Cases {
			s := Sample{Seed: 5, Index: 9}
			c := law.Coef(n, s)
			draw := law.Kernel().Passes[0].Draw32
			whole := make([]float32, n)
			draw(Round[float32](&c), 0, [][]float32{whole})
			for _, cut := range []int{1, 15, 16, 63, 64, 65, 130, 299} {
				parts := make([]float32, n)
				draw(Round[float32](&c), 0, [][]float32{parts[:cut]})
				draw(Round[float32](&c), cut, [][]float32{parts[cut:]})
				if !slices.Equal(parts, whole) {
					t.Errorf("%s: cut at %d, the numbers are others", FormatNoise(law), cut)
				}
			}
		}
	}
}

// TestCounters: no two blocks of words share a counter: elements, samples, seeds and
// the blocks of one element all differ.
func TestCounters(t *testing.T) {
	type place struct {
		Sample
		i     uint64
		block uint32
	}
	seen := map[[4]uint32]place{}
	for _, s := range []Sample{{1, 1}, {1, 2}, {1, 1 << 32}, {1, 1 << 47}, {2, 1}, {1 << 32, 1}} {
		c := s.coef(1)
		for _, r := range []counter{newCounter(Round[float32](&c)), newCounter(Round[float64](&c))} {
			if want := (counter{
				key:    [2]uint32{uint32(s.Seed), uint32(s.Seed >> 32)},
				sample: [2]uint32{uint32(s.Index), uint32(s.Index >> 32)},
			}); r != want {
				t.Errorf("%+v: the counter is %+v, want %+v", s, r, want)
			}
		}
		k := newCounter(Round[float32](&c))
		for _, i := range []uint64{0, 1, 16, 1 << 32, 1 << 40} {
			for block := range uint32(2) {
				words := k.block(i, block)
				here := place{s, i, block}
				if other, ok := seen[words]; ok {
					t.Errorf("%+v has the words of %+v", here, other)
				}
				seen[words] = here
			}
		}
	}
}

// A portion of a law is the probability of numbers of at most x.
type portion struct{ x, p float64 }

// checkLaw holds a sample of a law to its mean, zero, where its deviation is finite and
// not given as zero, and to its distribution: the portions of numbers in the sample
// are those of the law. Both to within five standard deviations.
func checkLaw(t *testing.T, law Noise, deviation float64, portions []portion) {
	t.Helper()
	const n = 1 << 16
	x := drawn[float32](law, Sample{Seed: 20211, Index: 3}, n)
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	if got := sum / n; deviation > 0 && math.Abs(got) > 5*deviation/math.Sqrt(n) {
		t.Errorf("%s: mean %v of %d numbers, want 0", FormatNoise(law), got, n)
	}
	for _, c := range portions {
		count := 0
		for _, v := range x {
			if float64(v) <= c.x {
				count++
			}
		}
		got, sd := float64(count)/n, math.Sqrt(c.p*(1-c.p)/n)
		if math.Abs(got-c.p) > 5*sd+1e-7 {
			t.Errorf("%s: %v of the numbers are at most %v, want %v", FormatNoise(law), got, c.x, c.p)
		}
	}

	// Neighbours in memory, in a group and from sample to sample do not depend on
	// one another: whether one is at most x tells nothing of the other.
	half := portions[0]
	for _, c := range portions {
		if math.Abs(c.p-0.5) < math.Abs(half.p-0.5) {
			half = c
		}
	}
	alike := half.p*half.p + (1-half.p)*(1-half.p)
	next := drawn[float32](law, Sample{Seed: 20211, Index: 4}, n)
	other := drawn[float32](law, Sample{Seed: 20212, Index: 3}, n)
	for _, c := range []struct {
		what string
		y    []float32
	}{
		{"the next in memory", x[1:]},
		{"that of another part of the group", x[NoiseLanes:]},
		{"that of the next group", x[NoiseGroup:]},
		{"that of the next sample", next},
		{"that of another seed", other},
	} {
		var both float64
		for i, y := range c.y {
			if (float64(x[i]) <= half.x) == (float64(y) <= half.x) {
				both++
			}
		}
		m := float64(len(c.y))
		if share := both / m; math.Abs(share-alike) > 5*math.Sqrt(alike*(1-alike)/m) {
			t.Errorf("%s: a number and %s are on the same side of %v with a frequency of %v, want %v", FormatNoise(law), c.what, half.x, share, alike)
		}
	}
}

func TestGaussianLaw(t *testing.T) {
	for _, scale := range []float64{1, 0.25} {
		var portions []portion
		for _, z := range []float64{-4, -3, -2, -1, -0.1, -1e-3, 0, 0.5, 1.5, 2.5, 3.5, 7} {
			portions = append(portions, portion{scale * z, math.Erfc(-z/math.Sqrt2) / 2})
		}
		checkLaw(t, Gaussian{Scale: scale, Batch: 1}, scale, portions)
	}
	one, many := drawn[float32](Gaussian{Scale: 3, Batch: 16}, Sample{1, 1}, 100), drawn[float32](Gaussian{Scale: 0.75, Batch: 1}, Sample{1, 1}, 100)
	if !slices.Equal(one, many) {
		t.Errorf("the mean of 16 normal numbers is not normal with a quarter of the deviation")
	}
}

func TestParetoLaws(t *testing.T) {
	for _, tail := range []float64{0.5, 1.5, 3} {
		above := func(x float64) float64 { return math.Pow(x, -tail) }
		var symmetric, skewed []portion
		mean := tail / (tail - 1)
		for _, x := range []float64{1, 1.01, 1.5, 2, 5, 20} {
			symmetric = append(symmetric, portion{2 * x, 1 - above(x)/2}, portion{math.Nextafter(-2*x, -9), above(x) / 2})
			skewed = append(skewed, portion{2 * (x - mean), 1 - above(x)})
		}
		root, deviation := 0.0, 0.0 // infinite
		if tail > 2 {
			root, deviation = 2*math.Sqrt(tail/(tail-2)), 2*math.Sqrt(tail/(tail-2)-mean*mean)
		}
		checkLaw(t, Pareto{Scale: 2, Tail: tail}, root, symmetric)
		if tail > 1 {
			checkLaw(t, ParetoSkew{Scale: 2, Tail: tail}, deviation, skewed)
		}
	}
}

// stablePortion is the distribution function of a stable law at x, by Zolotarev's
// integral for alpha above 1 (Nolan 1997, theorem 1), which shares nothing with the
// way numbers are drawn.
func stablePortion(alpha, beta, x float64) float64 {
	if x < 0 {
		return 1 - stablePortion(alpha, -beta, -x)
	}
	zeta := -beta * math.Tan(math.Pi*alpha/2)
	theta0 := math.Atan(-zeta) / alpha
	if x == 0 {
		return (math.Pi/2 - theta0) / math.Pi
	}
	power := math.Pow(x, alpha/(alpha-1))
	g := func(theta float64) float64 {
		v := math.Pow(math.Cos(alpha*theta0), 1/(alpha-1)) *
			math.Pow(math.Cos(theta)/math.Sin(alpha*(theta0+theta)), alpha/(alpha-1)) *
			math.Cos(alpha*theta0+(alpha-1)*theta) / math.Cos(theta)
		return math.Exp(-power * v)
	}
	const steps = 4000
	var sum float64
	h := (math.Pi/2 + theta0) / steps
	for i := range steps {
		sum += g(-theta0 + h*(float64(i)+0.5))
	}
	return 1 - sum*h/math.Pi
}

func TestStableLaw(t *testing.T) {
	for _, law := range []Stable{
		{Scale: 1, Alpha: 1.5, Batch: 1}, {Scale: 2, Alpha: 1.2, Beta: 1, Batch: 1}, {Scale: 1, Alpha: 1.8, Beta: -0.5, Batch: 1},
		{Scale: 1, Alpha: 1.1, Beta: 0.3, Batch: 1}, {Scale: 1, Alpha: 1.5, Beta: -1, Batch: 8}, {Scale: 1, Alpha: 2, Beta: 1, Batch: 4},
	} {
		scale := law.Scale * math.Pow(float64(law.Batch), 1/law.Alpha-1)
		var portions []portion
		for _, x := range []float64{-100, -20, -5, -2, -1, -0.3, 0, 0.1, 0.5, 1, 2, 4, 10, 50, 300} {
			p := stablePortion(law.Alpha, law.Beta, x)
			if law.Alpha == 2 {
				p = math.Erfc(-x/2) / 2
			}
			portions = append(portions, portion{scale * x, p})
		}
		deviation := 0.0 // infinite
		if law.Alpha == 2 {
			deviation = scale * math.Sqrt2
		}
		checkLaw(t, law, deviation, portions)
	}
}

// TestStableMean: the mean of numbers is what a batch of as many draws.
func TestStableMean(t *testing.T) {
	const batch, n = 8, 1 << 15
	law := Stable{Scale: 1, Alpha: 1.5, Beta: 0.5, Batch: 1}
	x := drawn[float32](law, Sample{Seed: 3, Index: 1}, batch*n)
	means := make([]float32, n)
	for i := range means {
		var sum float64
		for _, v := range x[i*batch:][:batch] {
			sum += float64(v)
		}
		means[i] = float32(sum / batch)
	}
	law.Batch = batch
	whole := drawn[float32](law, Sample{Seed: 4, Index: 1}, n)
	slices.Sort(means)
	slices.Sort(whole)
	for _, p := range []float64{0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99} {
		// The portion of one sample below the quantile of the other.
		at, _ := slices.BinarySearch(means, whole[int(p*n)])
		if got := float64(at) / n; math.Abs(got-p) > 5*math.Sqrt(2*p*(1-p)/n) {
			t.Errorf("%v of the means lie below the quantile of a batch at %v", got, p)
		}
	}
}

func TestSparseLaw(t *testing.T) {
	for _, p := range []float64{0, 0.01, 0.5, 1} {
		law := Sparse{Scale: 2, Prob: p}
		checkLaw(t, law, 2*math.Sqrt(p), []portion{{-2.01, 0}, {-2, p / 2}, {-1e-9, p / 2}, {0, 1 - p/2}, {1.99, 1 - p/2}, {2, 1}})
	}
}

func TestTwoPointLaw(t *testing.T) {
	for _, law := range []TwoPoint{{Scale: 1, Alpha: 1.5, Prob: 0.01}, {Scale: 3, Alpha: 1.2, Prob: 0.3}, {Scale: 1, Alpha: 2, Prob: 0.5}} {
		c := law.Coef(1, Sample{})
		rare, usual := law.Scale*c[twoPointRare], law.Scale*c[twoPointUsual]
		if mean := law.Prob*rare + (1-law.Prob)*usual; math.Abs(mean) > 1e-15*rare {
			t.Errorf("%+v: its mean is %v", law, mean)
		}
		moment := law.Prob*math.Pow(rare, law.Alpha) + (1-law.Prob)*math.Pow(-usual, law.Alpha)
		if want := math.Pow(law.Scale, law.Alpha); math.Abs(moment-want) > 1e-14*want {
			t.Errorf("%+v: its moment is %v, want %v", law, moment, want)
		}
		deviation := math.Sqrt(law.Prob*rare*rare + (1-law.Prob)*usual*usual)
		checkLaw(t, law, deviation, []portion{{usual * 1.01, 0}, {usual * 0.99, 1 - law.Prob}, {rare * 0.99, 1 - law.Prob}, {rare * 1.01, 1}})
	}
}

// TestBallLaw: the length of a point of the ball is at most r with probability
// (r/radius)^n, and its direction is no more one than another.
func TestBallLaw(t *testing.T) {
	for _, n := range []int{1, 2, 3, 16, 100, 999} {
		samples, law := 4000, Ball{Radius: 2}
		if n > 16 {
			samples = 500
		}
		var below [4]int
		var mean, first float64
		for i := range samples {
			var squares float64
			x := drawn[float32](law, Sample{Seed: 7, Index: i + 1}, n)
			for _, v := range x {
				squares += float64(v) * float64(v)
				mean += float64(v) / float64(n)
			}
			first += float64(x[0]) * float64(x[0])
			length := math.Sqrt(squares) / law.Radius
			if length > 1+1e-6 {
				t.Fatalf("n=%d: a point is %v radii from the middle", n, length)
			}
			for k, p := range []float64{0.1, 0.4, 0.7, 0.95} {
				if math.Pow(length, float64(n)) <= p {
					below[k]++
				}
			}
		}
		for k, p := range []float64{0.1, 0.4, 0.7, 0.95} {
			if got := float64(below[k]) / float64(samples); math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/float64(samples)) {
				t.Errorf("n=%d: %v of the lengths are among the shortest %v", n, got, p)
			}
		}
		square := law.Radius * law.Radius / float64(n+2) // the mean of a coordinate's square
		if got := first / float64(samples); math.Abs(got-square) > 5*square*math.Sqrt(2/float64(samples)) {
			t.Errorf("n=%d: the mean square of the first coordinate is %v, want %v", n, got, square)
		}
		if got := mean / float64(samples); math.Abs(got) > 5*math.Sqrt(square/float64(n*samples)) {
			t.Errorf("n=%d: the mean is %v, want 0", n, got)
		}
	}
	x := drawn[float32](Ball{Radius: 2}, Sample{Seed: 7, Index: 1}, 1<<18)
	if want := drawn[float32](Gaussian{Scale: 2.0 / 512, Batch: 1}, Sample{Seed: 7, Index: 1}, 1<<18); !slices.Equal(x, want) {
		t.Error("in many dimensions it is not the normal law")
	}
}

// TestPrecision: numbers of float32 are those of float64, rounded along the way. A
// few of the stable law, drawn near the ends of its angle, lose more digits.
func TestPrecision(t *testing.T) {
	const n = 1 << 13
	for _, d := range Noises() {
		for _, law := range d.Cases {
			s := Sample{Seed: 11, Index: 12}
			single, double := drawn[float32](law, s, n), drawn[float64](law, s, n)
			var sizes []float64
			for _, x := range double {
				sizes = append(sizes, math.Abs(x))
			}
			slices.Sort(sizes)
			rough := 0
			for i, x := range double {
				e := math.Abs(float64(single[i])-x) / max(math.Abs(x), sizes[n/2], math.SmallestNonzeroFloat64)
				if e > 1e-5 {
					rough++
				}
				if e > 2e-3 {
					t.Errorf("%s: number %d is %v in float32, and %v in float64", FormatNoise(law), i, single[i], x)
				}
			}
			if rough > n/100 {
				t.Errorf("%s: %d of %d numbers differ by more than 1e-5", FormatNoise(law), rough, n)
			}
		}
	}
}
