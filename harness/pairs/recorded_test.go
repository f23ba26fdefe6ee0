package pairs

import (
	"slices"
	"testing"

	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/record"
)

// runs of a task from seeds 1, 2, ..., with the steps that each took to its target; 0
// where it missed that.
func runs(name string, rate float64, tuned bool, steps ...int) Recording {
	f := new(record.File)
	for i, n := range steps {
		r := record.Convergence{
			Case: record.Task{Objective: "rosenbrock", Dim: 2, Optimizer: "adam", LR: rate, DType: "f32", Backend: "cpu:go", Threads: 1},
			Seed: uint64(i + 1), Budget: 1000, Start: 1, Target: 0.1, Reached: n > 0, Steps: n,
		}
		if n == 0 {
			r.Steps = r.Budget
		}
		f.Convergence = append(f.Convergence, r)
	}
	if tuned {
		trial := f.Convergence[0]
		trial.Seed, trial.Tuning = 1<<32, true
		f.Convergence = append(f.Convergence, trial)
	}
	return Recording{File: f, Name: name}
}

// TestMissed calls sides equivalent only where they are so wherever the runs lie that
// missed their target.
func TestMissed(t *testing.T) {
	for _, c := range []struct {
		missed  int
		verdict compare.Verdict
	}{{0, compare.Equivalent}, {1, compare.Equivalent}, {15, compare.Inconclusive}, {20, compare.Inconclusive}} {
		steps := slices.Repeat([]int{500}, 20)
		for i := range c.missed {
			steps[i] = 0
		}
		out, err := Recorded(runs("a", 0.1, false, steps...), runs("b", 0.1, false, steps...), 0.05, 0.02, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0]; got.Verdict != string(c.verdict) || len(got.MissedA) != c.missed || len(got.MissedB) != c.missed {
			t.Errorf("%d of 20 runs of either side missed the target: %s, missed at %v and %v; want %s", c.missed, got.Verdict, got.MissedA, got.MissedB, c.verdict)
		}
	}
}

// TestTunedRates keeps no tasks apart by a rate that tuning chose, but by one that was
// asked for.
func TestTunedRates(t *testing.T) {
	steps := slices.Repeat([]int{500}, 10)
	a, b := runs("a", 0.1, true, steps...), runs("b", 0.2, true, steps...)
	out, err := Recorded(a, b, 0.05, 0.02, false)
	if err != nil || len(out) != 1 || out[0].Pairs != 10 || !slices.Contains(out[0].Notes, "a has lr=0.1, b lr=0.2") {
		t.Errorf("tuned rates: %+v, %v; want one case of 10 seeds, and both rates", out, err)
	}
	if _, err := Recorded(a, runs("b", 0.2, false, steps...), 0.05, 0.02, false); err == nil || err.Error() != ErrApart.Error()+"; all alike: a has lr=auto, b lr=0.2" {
		t.Errorf("a tuned rate and another: %v", err)
	}
}
