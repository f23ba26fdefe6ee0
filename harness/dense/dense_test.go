package dense

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/kernels"
)

// dims are the dimensions near which every case is tested.
var dims = []int{1, 23, 200}

// samples are the batches over which gradients are tested.
var samples = []Sample{{}, {Seed: 3, Index: 7, Batch: 1}, {Seed: 3, Index: 8, Batch: 20}}

// cases calls f for every case of every definition in every dimension.
func cases(t *testing.T, f func(t *testing.T, s Spec, dim int)) {
	for _, d := range All() {
		for _, s := range d.Cases {
			var done []int
			for _, n := range dims {
				dim := s.Dim(n)
				if slices.Contains(done, dim) || testing.Short() && n > 100 {
					continue
				}
				done = append(done, dim)
				t.Run(fmt.Sprintf("%s/dim=%d", Format(s), dim), func(t *testing.T) { f(t, s, dim) })
			}
		}
	}
}

func open[T kernels.Real](t *testing.T, s Spec, dim int, seed uint64) Objective[T] {
	t.Helper()
	o, err := New[T](s, dim, seed)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// near returns a point some way from the first one.
func near[T kernels.Real](o Objective[T], dim int, seed uint64) []T {
	x := make([]T, dim)
	o.Start(x, 5)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range x {
		x[i] += T(float32(0.3 * r.NormFloat64()))
	}
	return x
}

func TestDefinitions(t *testing.T) {
	if names := Names(); !slices.IsSorted(names) || len(slices.Compact(names)) != len(definitions) {
		t.Errorf("names are not sorted and unique: %v", names)
	}
	for _, d := range All() {
		if Find(d.Name) != d {
			t.Errorf("Find(%q) is another definition", d.Name)
		}
		if d.Title == "" || d.Source == "" || len(d.Cases) < 2 {
			t.Errorf("%s lacks a title, a source or cases", d.Name)
		}
		if got := Format(d.Cases[0]); got != d.Name {
			t.Errorf("the default of %s formats as %q", d.Name, got)
		}
		typ := reflect.TypeOf(d.Cases[0])
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Tag.Get("json") == "" || f.Tag.Get("range") == "" && f.Type.Kind() != reflect.Bool {
				t.Errorf("%v.%s has no name or no range", typ, f.Name)
			}
		}
		for i, s := range d.Cases {
			if err := kernels.Check(s); err != nil {
				t.Errorf("%s: case %d: %v", d.Name, i, err)
			}
			if slices.Contains(d.Cases[:i], s) {
				t.Errorf("%s: case %d repeats another", d.Name, i)
			}
			if back, err := Parse(Format(s)); err != nil || back != s {
				t.Errorf("Parse(%q) is %+v, %v, want %+v", Format(s), back, err, s)
			}
			for _, n := range []int{math.MinInt, -1, 0, 1, 2, 10, 1000, 12345, 1e10, 1 << 53} {
				dim := s.Dim(n)
				if dim < 1 || s.Dim(dim) != dim {
					t.Errorf("%s: the dimension nearest to %d is %d, to which the nearest is %d", Format(s), n, dim, s.Dim(dim))
				}
				if s.Numbers(dim) < float64(dim) {
					t.Errorf("%s: %v numbers in dimension %d", Format(s), s.Numbers(dim), dim)
				}
			}
		}
	}
}

// TestNearest: no width and no multiple gives a dimension nearer than the one found,
// nor one as near and lower.
func TestNearest(t *testing.T) {
	square := func(w int) int { return 3*w*w + w }
	for n := range 500 {
		want, multipleOf := square(1), 7
		for w := range 20 {
			if d := square(w + 1); max(d-n, n-d) < max(want-n, n-want) {
				want = d
			}
		}
		for d := 14; d < 600; d += 7 {
			if max(d-n, n-d) < max(multipleOf-n, n-multipleOf) {
				multipleOf = d
			}
		}
		if got := nearest(n, square); got != want {
			t.Errorf("nearest(%d) is %d, want %d", n, got, want)
		}
		if got := multiple(n, 7); got != multipleOf {
			t.Errorf("multiple(%d, 7) is %d, want %d", n, got, multipleOf)
		}
	}
}

// TestGradient: gradients of the whole and of batches are those of differences of
// the values, extrapolated to fourth order.
func TestGradient(t *testing.T) {
	cases(t, func(t *testing.T, s Spec, dim int) {
		o := open[float64](t, s, dim, 5)
		has := Find(s.Name()).Examples
		x, g, ignored := near(o, dim, 2), make([]float64, dim), make([]float64, dim)
		for _, sample := range samples {
			value := o.Gradient(x, g, sample)
			if sample.Batch == 0 {
				if whole := o.Value(x); math.Abs(whole-value) > 1e-12*(1+math.Abs(whole)) {
					t.Errorf("the gradient comes with the value %v, want %v", value, whole)
				}
			}
			at := func(d []float64, h float64) float64 {
				y := slices.Clone(x)
				for i := range y {
					y[i] += h * d[i]
				}
				if sample.Batch == 0 {
					return o.Value(y)
				}
				return o.Gradient(y, ignored, sample)
			}
			if all := o.Gradient(x, ignored, Sample{}); dim > 10 && slices.Equal(g, ignored) == (has && sample.Batch > 0) {
				t.Errorf("a batch of %d has the value %v, all have %v, and it has examples: %v", sample.Batch, value, all, has)
			}
			for k := range 4 {
				d := direction(dim, k)
				var want, size float64
				for i := range d {
					want += g[i] * d[i]
					size += g[i] * g[i]
				}
				const h = 1e-4
				got := (8*(at(d, h)-at(d, -h)) - (at(d, 2*h) - at(d, -2*h))) / (12 * h)
				if tolerance := 1e-8 * (1 + math.Sqrt(size) + math.Abs(value)); !(math.Abs(got-want) < tolerance) {
					t.Errorf("batch %d, direction %d: the slope is %v, the gradient says %v", sample.Batch, k, got, want)
				}
			}
		}
	})
}

// direction returns a unit vector: coordinates first and last, then random ones.
func direction(dim, k int) []float64 {
	d := make([]float64, dim)
	switch k {
	case 0:
		d[0] = 1
	case 1:
		d[dim-1] = 1
	default:
		r := rand.New(rand.NewPCG(9, uint64(k)))
		for i := range d {
			d[i] = r.NormFloat64() / math.Sqrt(float64(dim))
		}
	}
	return d
}

// TestHessianVector: products of the Hessian are differences of gradients.
func TestHessianVector(t *testing.T) {
	cases(t, func(t *testing.T, s Spec, dim int) {
		o, ok := open[float64](t, s, dim, 5).(Curved[float64])
		if !ok {
			return
		}
		x := near[float64](o, dim, 2)
		product, y := make([]float64, dim), make([]float64, dim)
		for _, sample := range samples {
			at := func(d []float64, h float64) []float64 {
				for i := range y {
					y[i] = x[i] + h*d[i]
				}
				g := make([]float64, dim)
				o.Gradient(y, g, sample)
				return g
			}
			for k := range 3 {
				d := direction(dim, k)
				o.HessianVector(x, d, product, sample)
				const h = 1e-4
				a, b, c, e := at(d, h), at(d, -h), at(d, 2*h), at(d, -2*h)
				var distance, size float64
				for i := range d {
					want := (8*(a[i]-b[i]) - (c[i] - e[i])) / (12 * h)
					distance += (product[i] - want) * (product[i] - want)
					size += want*want + a[i]*a[i]
				}
				if !(distance <= 1e-16*(1+size)) {
					t.Errorf("batch %d, direction %d: %v from the differences of gradients, whose size is %v", sample.Batch, k, math.Sqrt(distance), math.Sqrt(size))
				}
			}
		}
	})
}

// TestFloat32: an objective is the same function in either type, but for rounding.
func TestFloat32(t *testing.T) {
	cases(t, func(t *testing.T, s Spec, dim int) {
		narrow, wide := open[float32](t, s, dim, 5), open[float64](t, s, dim, 5)
		if !slices.Equal(narrow.Sizes(), wide.Sizes()) {
			t.Errorf("tensors of %v in float32, %v in float64", narrow.Sizes(), wide.Sizes())
		}
		if dim < 100 { // where it is computed, it takes long enough once
			if a, b := narrow.Minimum(), wide.Minimum(); a != b {
				t.Errorf("the minimum is %v in float32, %v in float64", a, b)
			}
		}
		x := near(narrow, dim, 2)
		y := make([]float64, dim)
		wide.Start(y, 5)
		first := make([]float32, dim)
		narrow.Start(first, 5)
		for i := range x {
			if float64(first[i]) != y[i] {
				t.Fatalf("the first point starts at %v in float32, %v in float64", first[i], y[i])
			}
			y[i] = float64(x[i])
		}
		g, h := make([]float32, dim), make([]float64, dim)
		for _, sample := range samples {
			a, b := narrow.Gradient(x, g, sample), wide.Gradient(y, h, sample)
			var distance, size float64
			for i := range g {
				distance += (float64(g[i]) - h[i]) * (float64(g[i]) - h[i])
				size += h[i] * h[i]
			}
			if !(math.Abs(a-b) < 1e-5*(1+math.Abs(b))) || !(math.Sqrt(distance) < 1e-5*(1+math.Sqrt(size))) {
				t.Errorf("batch %d: value %v, want %v; gradient off by %v of %v", sample.Batch, a, b, math.Sqrt(distance), math.Sqrt(size))
			}
		}
	})
}

// TestMinimum: every objective has one that is known, and no point is below it.
func TestMinimum(t *testing.T) {
	cases(t, func(t *testing.T, s Spec, dim int) {
		o := open[float64](t, s, dim, 5)
		least := o.Minimum()
		for seed := range uint64(20) {
			if v := o.Value(near(o, dim, seed)); !(v >= least) {
				t.Errorf("the value at a point is %v, below the minimum %v", v, least)
			}
		}
	})
}

// TestFacts: the gradient differs between two points by no more than the constant
// says, and by no less than strong convexity asks for.
func TestFacts(t *testing.T) {
	cases(t, func(t *testing.T, s Spec, dim int) {
		o := open[float64](t, s, dim, 5)
		facts := o.Facts()
		if facts == (Facts{}) {
			t.Skip("not known")
		}
		x, y := make([]float64, dim), make([]float64, dim)
		g, h := make([]float64, dim), make([]float64, dim)
		o.Start(x, 5)
		o.Gradient(x, g, Sample{})
		for k := range 4 {
			d := direction(dim, k)
			for i := range y {
				y[i] = x[i] + 1e-3*d[i]
			}
			o.Gradient(y, h, Sample{})
			var moved, change, along float64
			for i := range y {
				moved += (y[i] - x[i]) * (y[i] - x[i])
				change += (h[i] - g[i]) * (h[i] - g[i])
				along += (h[i] - g[i]) * (y[i] - x[i])
			}
			const slack = 1e-3
			if most := facts.Lipschitz; most > 0 && math.Sqrt(change) > (1+slack)*most*math.Sqrt(moved) {
				t.Errorf("the gradient changes by %v times the distance, more than %v", math.Sqrt(change/moved), most)
			}
			if facts.StrongConvexity > 0 && along < (1-slack)*facts.StrongConvexity*moved {
				t.Errorf("the curvature is %v, less than %v", along/moved, facts.StrongConvexity)
			}
		}
	})
}

// TestSameBits: results do not depend on the number of processors, on the place of
// the callers' vectors in memory, or on what was asked before.
func TestSameBits(t *testing.T) {
	t.Run("float32", sameBits[float32])
	t.Run("float64", sameBits[float64])
}

func sameBits[T kernels.Real](t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, d := range All() {
		for _, n := range []int{5, 3 * grain} {
			s := d.Cases[0]
			dim := s.Dim(n)
			if s.Numbers(dim) > 1e6 {
				dim = s.Dim(100)
			}
			var first []T
			var firstValues []float64
			for run, procs := range []int{1, 2, 4, 1} {
				runtime.GOMAXPROCS(procs)
				o := open[T](t, s, dim, 11)
				x := make([]T, dim+run)[run:]
				copy(x, near(o, dim, 1))
				var got []T
				var values []float64
				if run%2 == 1 {
					o.Gradient(x, make([]T, dim), Sample{Seed: 99, Batch: 3})
				}
				for _, sample := range samples {
					g := make([]T, dim+run)[run:]
					values = append(values, o.Gradient(x, g, sample))
					got = append(got, g...)
					if c, ok := o.(Curved[T]); ok {
						out := make([]T, dim+run)[run:]
						c.HessianVector(x, g, out, sample)
						got = append(got, out...)
					}
				}
				values = append(values, o.Value(x))
				if run == 0 {
					first, firstValues = got, values
				} else if !slices.Equal(got, first) || !slices.Equal(values, firstValues) {
					t.Errorf("%s, dimension %d: run %d on %d processors gives other bits", d.Name, dim, run, procs)
				}
			}
		}
	}
}

// TestSeed: another seed is another objective or another first point.
func TestSeed(t *testing.T) {
	cases(t, func(t *testing.T, s Spec, dim int) {
		if dim == 1 {
			t.Skip("one parameter may have one target")
		}
		a, b := open[float64](t, s, dim, 1), open[float64](t, s, dim, 2)
		x, y := make([]float64, dim), make([]float64, dim)
		a.Start(x, 1)
		b.Start(y, 2)
		if p := near(a, dim, 3); slices.Equal(x, y) && a.Value(p) == b.Value(p) {
			t.Error("seeds 1 and 2 are the same")
		}
	})
}

// TestNaN: a parameter that is not a number is seen in the value.
func TestNaN(t *testing.T) {
	cases(t, func(t *testing.T, s Spec, dim int) {
		o := open[float32](t, s, dim, 5)
		x, g := make([]float32, dim), make([]float32, dim)
		o.Start(x, 5)
		x[dim/2] = float32(math.NaN())
		if v := o.Gradient(x, g, Sample{}); !math.IsNaN(v) {
			t.Errorf("the value is %v", v)
		}
	})
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"rotate":              "unknown objective \"rotate\", want one of",
		"rotated:condition=0": "condition is 0, want [1,inf)",
		"rotated:spin=1":      "no hyperparameter \"spin\"",
		"logistic:examples=x": "examples is \"x\", want a whole number",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %s", text, err, want)
		}
	}
	for _, c := range []struct {
		s    Spec
		dim  int
		want string
	}{
		{Rotated{Condition: 1, Reflections: 8}, 0, "objective rotated:condition=1 cannot have dimension 0, the nearest that it can have is 1"},
		{Rotated{Condition: 1}, 5, "objective rotated: reflections is 0, want [1,64]"},
		{LowRank{Condition: 1, Rank: 8, Spike: 1}, 5, "the nearest that it can have is 8"},
		{Phase{Ratio: 8}, 1 << 40, "more than can be addressed"},
	} {
		if _, err := New[float32](c.s, c.dim, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%+v, %d): %v, want %s", c.s, c.dim, err, c.want)
		}
	}
}
