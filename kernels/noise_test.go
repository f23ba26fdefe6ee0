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

// checkLaw holds a sample of a law to its mean, where that is finite and given, and
// to its distribution: the portions of numbers in the sample are those of the law,
// to within five standard deviations.
func checkLaw(t *testing.T, law Noise, mean, deviation float64, portions []portion) {
	t.Helper()
	const n = 1 << 18
	x := drawn[float32](law, Sample{Seed: 20211, Index: 3}, n)
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	if got := sum / n; deviation > 0 && math.Abs(got-mean) > 5*deviation/math.Sqrt(n) {
		t.Errorf("%s: mean %v of %d numbers, want %v", FormatNoise(law), got, n, mean)
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
	// one another: each is below the median or not, as a coin falls.
	sorted := slices.Sorted(slices.Values(x))
	median := sorted[n/2]
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
			if (x[i] < median) == (y < median) {
				both++
			}
		}
		m := float64(len(c.y))
		if share := both / m; math.Abs(share-0.5) > 5*0.5/math.Sqrt(m) {
			t.Errorf("%s: a number and %s are on the same side of the median with a frequency of %v, want 1/2", FormatNoise(law), c.what, share)
		}
	}
}

func TestGaussianLaw(t *testing.T) {
	for _, scale := range []float64{1, 0.25} {
		var portions []portion
		for _, z := range []float64{-4, -3, -2, -1, -0.1, -1e-3, 0, 0.5, 1.5, 2.5, 3.5, 7} {
			portions = append(portions, portion{scale * z, math.Erfc(-z/math.Sqrt2) / 2})
		}
		checkLaw(t, Gaussian{Scale: scale, Batch: 1}, 0, scale, portions)
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
		deviation := 0.0 // infinite
		if tail > 2 {
			deviation = 2 * math.Sqrt(tail/(tail-2)-mean*mean)
		}
		checkLaw(t, Pareto{Scale: 2, Tail: tail}, 0, 2*math.Sqrt(tail/max(tail-2, 0.1))*min(deviation, 1), symmetric)
		if tail > 1 {
			checkLaw(t, ParetoSkew{Scale: 2, Tail: tail}, 0, deviation, skewed)
		}
	}
}
