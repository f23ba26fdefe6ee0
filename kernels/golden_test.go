package kernels

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A golden file holds what other implementations make of the same inputs: see
// testdata/golden.py.
type golden struct {
	Tensors []map[string][]float64 // p0, and thresholds by the name of their slot
	Grads   [][][]float64          // [step][tensor][element]
	Runs    []goldenRun
}

type goldenRun struct {
	Update     string
	Provenance string
	P          [][]float64
	States     map[string][][]float64
}

// TestGolden guards against a wrong definition: nothing else would notice one.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(files) != len(All()) {
		t.Errorf("%d golden files for %d definitions (%v)", len(files), len(All()), err)
	}
	for _, d := range All() {
		t.Run(d.Name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "golden", d.Name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(data, &g); err != nil {
				t.Fatal(err)
			}
			covered := map[Update]bool{}
			for _, r := range g.Runs {
				u, err := Parse(r.Update)
				if err != nil {
					t.Fatal(err)
				}
				covered[u] = true
				if r.Provenance == "" {
					t.Errorf("%s: no provenance", r.Update)
				}
				worst := r.compare(t, u, &g)
				t.Logf("%s: within %.1e of %s", r.Update, worst, r.Provenance)
			}
			for _, u := range d.Cases {
				if !covered[u] {
					t.Errorf("no golden values for %s", Format(u))
				}
			}
		})
	}
}

// compare runs u over the inputs of g and returns the largest relative
// difference to what r expects.
func (r *goldenRun) compare(t *testing.T, u Update, g *golden) (worst float64) {
	k := u.Kernel()
	tensors := make([][][]float64, len(g.Tensors))
	for i, in := range g.Tensors {
		for _, s := range k.Slots {
			switch s.Role {
			case Parameter:
				tensors[i] = append(tensors[i], slices.Clone(in["p0"]))
			case Threshold:
				tensors[i] = append(tensors[i], in[s.Name])
			default:
				tensors[i] = append(tensors[i], make([]float64, len(in["p0"])))
			}
		}
	}
	for step, grads := range g.Grads {
		for i := range tensors {
			tensors[i][1] = grads[i]
		}
		if n := Reference(u, At(step+1), 1, tensors); n != 0 {
			t.Errorf("%s: step %d: %d tensors skipped", r.Update, step+1, n)
		}
	}
	check := func(want [][]float64, slot int) {
		for i, ws := range want {
			if len(ws) != len(tensors[i][slot]) {
				t.Fatalf("%s: tensor %d has %d golden values, want %d", r.Update, i, len(ws), len(tensors[i][slot]))
			}
			for j, w := range ws {
				got := tensors[i][slot][j]
				e := relative(got, w)
				worst = max(worst, e)
				if !(e <= 1e-12) {
					t.Fatalf("%s: %s[%d][%d] is %v, want %v: relative difference %.1e, want 1e-12 or less",
						r.Update, k.Slots[slot].Name, i, j, got, w, e)
				}
			}
		}
	}
	if len(r.P) != len(tensors) {
		t.Fatalf("%s: %d tensors, want %d", r.Update, len(r.P), len(tensors))
	}
	check(r.P, 0)
	for name, want := range r.States {
		slot := slices.IndexFunc(k.Slots, func(s Slot) bool { return s.Name == name })
		if slot < 0 {
			t.Fatalf("%s: golden state %q, but slots are %v", r.Update, name, k.Slots)
		}
		check(want, slot)
	}
	return worst
}

// relative is the difference of got and want in units of want, or of a scale
// that no golden value needs to resolve.
func relative(got, want float64) float64 {
	return math.Abs(got-want) / max(math.Abs(want), 1e-12)
}
