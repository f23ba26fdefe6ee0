package kernels

import (
	"math"
	"reflect"
	"slices"
	"testing"
)

func TestDefinitions(t *testing.T) {
	if len(All()) == 0 {
		t.Fatal("no definitions")
	}
	if !slices.IsSorted(Names()) {
		t.Errorf("names are not sorted: %v", Names())
	}
	if n := slices.Compact(Names()); len(n) != len(All()) {
		t.Errorf("%d definitions have %d names", len(All()), len(n))
	}
	if Find("no such update") != nil {
		t.Error("Find returns a definition for a name that has none")
	}
	for _, d := range All() {
		if Find(d.Name) != d {
			t.Errorf("Find(%q) is another definition", d.Name)
		}
		if d.Title == "" || d.Source == "" || len(d.Cases) == 0 {
			t.Errorf("%s lacks a title, a source or cases", d.Name)
		}
		for i, u := range d.Cases {
			if u.Name() != d.Name || reflect.TypeOf(u) != reflect.TypeOf(d.Cases[0]) {
				t.Errorf("%s: case %d is %#v", d.Name, i, u)
			}
			if slices.Contains(d.Cases[:i], u) {
				t.Errorf("%s: case %d repeats another", d.Name, i)
			}
			if err := Check(u); err != nil {
				t.Errorf("%s: case %d: %v", d.Name, i, err)
			}
			if !slices.Contains(Kernels(), u.Kernel()) {
				t.Errorf("%s: its kernel is not among Kernels()", Format(u))
			}
			for _, step := range []int{1, 2, 1000, 1 << 40} {
				for j, c := range u.Coef(At(step)) {
					if !finite(c) {
						t.Errorf("%s: step %d: constant %d is %v", Format(u), step, j, c)
					}
				}
			}
		}
	}
}

func TestKernels(t *testing.T) {
	var names []string
	for _, k := range Kernels() {
		names = append(names, k.Name)
		for _, p := range k.Passes {
			if len(p.Access) != len(k.Slots) || p.Loop32 == nil || p.Loop64 == nil {
				t.Errorf("%s: pass %q has %d accesses to %d slots, or lacks a loop", k.Name, p.Name, len(p.Access), len(k.Slots))
			}
		}
		for i, s := range k.Slots {
			if writes := s.Role != Gradient && s.Role != Threshold; k.Writes(i) != writes {
				t.Errorf("%s: slot %s is written: %v, want %v", k.Name, s.Name, k.Writes(i), writes)
			}
		}
		if k == SquaredNorm {
			continue
		}
		if len(k.Slots) < 2 || k.Slots[0] != slotP || k.Slots[1] != slotG {
			t.Errorf("%s: slots are %v, want p and g first", k.Name, k.Slots)
		}
		for i, s := range k.Slots[2:] {
			if s.Role == Parameter || s.Role == Gradient {
				t.Errorf("%s: slot %d, %s, is a parameter or a gradient too", k.Name, i+2, s.Name)
			}
		}
		switch {
		case k.Scalar == nil && len(k.Passes) == 1 && k.Passes[0].Sums == 0:
		case k.Scalar != nil && len(k.Passes) == 2 && k.Passes[0].Sums > 0 && k.Passes[1].Sums == 0:
		default:
			t.Errorf("%s is neither elementwise nor of norms", k.Name)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(Kernels()) {
		t.Errorf("names are not sorted and unique: %v", names)
	}
}

// TestAccess: a pass leaves alone what it says it leaves alone, and does not
// look at what it says it does not need.
func TestAccess(t *testing.T) {
	for _, k := range Kernels() {
		for pass := range k.Passes {
			p := &k.Passes[pass]
			run := func(none float32) [][]float32 {
				c := Coef{}
				for i := range c {
					c[i] = 0.5 + float64(i)/64
				}
				slots := make([][]float32, len(k.Slots))
				for i := range slots {
					x := float32(i + 1)
					if p.Access[i]&Read == 0 {
						x = none
					}
					slots[i] = slices.Repeat([]float32{x}, 5)
				}
				p.Loop32(Round[float32](&c), slots, make([][Lanes]float32, p.Sums))
				return slots
			}
			a, b := run(1e9), run(-7)
			for i, s := range k.Slots {
				changed := a[i][0] != float32(i+1)
				if p.Access[i] == None {
					changed = a[i][0] != 1e9
				}
				if writes := p.Access[i]&Write != 0; changed != writes {
					t.Errorf("%s: pass %q: slot %s changed: %v, its access is %d", k.Name, p.Name, s.Name, changed, p.Access[i])
				}
				if p.Access[i] != None && a[i][0] != b[i][0] {
					t.Errorf("%s: pass %q: slot %s depends on a slot that is not read", k.Name, p.Name, s.Name)
				}
			}
		}
	}
}

// TestBytes: the traffic that throughput is measured against.
func TestBytes(t *testing.T) {
	for name, want := range map[string]int{
		"sgd": 12, "momentum": 20, "adagrad": 20, "lion": 20, "cclip": 16, "clipped-gd": 12,
		"adam": 28, "adamw": 28, "acclip": 28, "acclip-v": 36, "lamb": 40, "lars": 28,
	} {
		k := Find(name).Cases[0].Kernel()
		if got := k.Bytes(F32); got != want {
			t.Errorf("%s moves %d bytes per float32, want %d", name, got, want)
		}
		if got := k.Bytes(F64); got != 2*want {
			t.Errorf("%s moves %d bytes per float64, want %d", name, got, 2*want)
		}
	}
}

func TestStepCheck(t *testing.T) {
	for _, c := range []struct {
		step Step
		ok   bool
	}{
		{At(1), true},
		{Step{T: 1}, true}, // a schedule may end at 0
		{Step{T: 3, LRScale: 0.1, GradScale: -2}, true},
		{Step{}, false},
		{At(-1), false},
		{Step{T: 1, LRScale: -1, GradScale: 1}, false},
		{Step{T: 1, LRScale: math.NaN(), GradScale: 1}, false},
		{Step{T: 1, LRScale: math.Inf(1), GradScale: 1}, false},
		{Step{T: 1, LRScale: 1, GradScale: math.Inf(-1)}, false},
		{Step{T: 1, LRScale: 1, GradScale: math.NaN()}, false},
	} {
		if err := c.step.Check(); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.step, err)
		}
	}
}

func TestStepPow(t *testing.T) {
	for _, step := range []int{1, 2, 3, 7, 10, 1000, 65536, 1 << 20, 123456789} {
		for _, y := range []float64{0, 0.5, 1 / 1.5, 1, 1.7, 10} {
			want := math.Pow(float64(step), y)
			if got := stepPow(step, y); math.Abs(got-want) > 2e-15*(1+y*math.Log2(float64(step)))*want {
				t.Errorf("stepPow(%d, %v) is %v, want %v", step, y, got, want)
			}
		}
	}
	if got := stepPow(10, 1000); !math.IsInf(got, 1) {
		t.Errorf("10^1000 is %v", got)
	}
}
