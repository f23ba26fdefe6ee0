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
			if len(p.Access) != len(k.Slots) {
				t.Errorf("%s: pass %q has %d accesses to %d slots", k.Name, p.Name, len(p.Access), len(k.Slots))
			}
			writes := false
			for i, a := range p.Access {
				byTerms := k.Slots[i].Role == Scratch || p.Sums > 0 && k.Slots[i].Role == Output
				writes = writes || a&Write != 0 && !byTerms
			}
			updates32, updates64 := p.Update32 != nil || p.Draw32 != nil, p.Update64 != nil || p.Draw64 != nil
			if updates32 != writes || updates64 != writes {
				t.Errorf("%s: pass %q writes: %v, want a loop that updates in either type, or none", k.Name, p.Name, writes)
			}
			if sums := p.Sums > 0; (p.Terms32 != nil) != sums || (p.Terms64 != nil) != sums {
				t.Errorf("%s: pass %q has %d sums, want terms in either type, or none", k.Name, p.Name, p.Sums)
			}
		}
		for i, s := range k.Slots {
			f := k.Float32()
			given := []Role{Gradient, Threshold, Input, Neighbour}
			if writes := !slices.Contains(given, s.Role); f.Writes(i) != writes {
				t.Errorf("%s: slot %s is written: %v, want %v", k.Name, s.Name, f.Writes(i), writes)
			}
		}
		if slices.Contains([]*Kernel{SquaredNorm, InnerProduct, Combination, Copying}, k) {
			continue
		}
		if k.Passes[0].Draw32 != nil {
			if len(k.Passes) != 1 || k.Passes[0].Sums != 0 || (k.Scaled == nil) != (len(k.Slots) == 2) {
				t.Errorf("%s is no noise: slots %v, want one, and a form with a scale, and one pass without sums", k.Name, k.Slots)
			}
			continue
		}
		if k.Slots[0].Role == Input {
			if len(k.Passes) != 1 || k.Passes[0].Sums != 1 || k.Slots[1].Role != Output {
				t.Errorf("%s is no objective: slots %v, want a point and a gradient first, and one pass with one sum", k.Name, k.Slots)
			}
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
				if p.Update32 != nil {
					p.Update32(Round[float32](&c), slots)
				}
				if p.Draw32 != nil {
					p.Draw32(Round[float32](&c), 0, slots)
				}
				if p.Terms32 != nil {
					p.Terms32(Round[float32](&c), slots, make([][Lanes]float32, p.Sums))
				}
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
		"sgd": 12, "momentum": 20, "adagrad": 20, "lion": 20, "cclip": 16, "clipped-gd": 12 + 4,
		"adam": 28, "adamw": 28, "acclip": 28, "acclip-v": 36, "lamb": 40, "lars": 28,
	} {
		for storage, factor := range map[string]float64{"f32": 1, "f64": 2, "bf16": 0.5} {
			got, ok := Bytes(Find(name).Cases[0], FindStorage(storage), 256)
			if !ok || float64(got) != 256*factor*float64(want) {
				t.Errorf("%s in %s moves %d bytes for 256 parameters, want %d each in f32", name, storage, got, want)
			}
		}
	}
	for _, c := range []struct {
		update, storage string
		n, want         int
	}{
		{"adamw", "bf16-states", 100, 20 * 100},
		{"momentum", "bf16-states", 100, 16 * 100},
		{"sgd", "bf16-states", 100, 12 * 100},
		{"adamw", "bf16-master", 100, (2 + 2 + 8 + 8 + 8) * 100},
		{"clipped-gd", "bf16-master", 100, (2 + 2 + 2 + 8) * 100},
		{"adamw", "q8-states", 512, 16*512 + 4*2*4},
		{"adamw", "q8-states", 257, 12*257 + 4*2*260},
	} {
		if got, ok := Bytes(Find(c.update).Cases[0], FindStorage(c.storage), c.n); !ok || got != c.want {
			t.Errorf("%s in %s moves %d bytes for %d parameters, want %d", c.update, c.storage, got, c.n, c.want)
		}
	}
	for _, name := range []string{"lamb", "lars"} {
		if _, ok := Bytes(Find(name).Cases[0], FindStorage("q8-states"), 256); ok {
			t.Errorf("%s has states in blocks, which would be rounded in the middle of its norms", name)
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
			if got := StepPow(step, y); math.Abs(got-want) > 2e-15*(1+y*math.Log2(float64(step)))*want {
				t.Errorf("StepPow(%d, %v) is %v, want %v", step, y, got, want)
			}
		}
	}
	if got := StepPow(10, 1000); !math.IsInf(got, 1) {
		t.Errorf("10^1000 is %v", got)
	}
}
