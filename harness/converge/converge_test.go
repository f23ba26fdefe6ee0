package converge

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/kernels"
)

func runner(budget int) *Runner {
	return &Runner{
		Run: "test", Target: 1e-3, Budget: budget, Seed: 1, Seeds: 2, Tune: Tunings[0],
		Open: func(name string, threads int) (backend.Backend, error) {
			return backend.Options{Threads: threads}.Open(name)
		},
	}
}

func aTask(objective, optimizer string, lr float64) Task {
	return Task{Objective: objective, Dim: 100, Optimizer: optimizer, LR: lr, DType: "f32", Backend: "cpu:go", Threads: 1}
}

func one(t *testing.T, r *Runner, task Task, seed uint64) *record.Convergence {
	t.Helper()
	c, err := r.One(context.Background(), task, seed, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bare is a record without what differs from run to run.
func bare(c *record.Convergence) record.Convergence {
	b := *c
	b.Seconds, b.Kernel = 0, ""
	b.Case.Backend, b.Case.Threads = "", 0
	b.Trajectory = slices.Clone(c.Trajectory)
	for i := range b.Trajectory {
		b.Trajectory[i].Seconds = 0
	}
	return b
}

func same(a, b *record.Convergence) bool {
	x, y := bare(a), bare(b)
	// Bytes are those of the form that ran, which depends on how work is cut.
	trajectories := slices.Equal(x.Trajectory, y.Trajectory)
	x.Trajectory, y.Trajectory = nil, nil
	return trajectories && x.Case == y.Case && x.Seed == y.Seed && x.Steps == y.Steps && x.GradEvals == y.GradEvals &&
		x.Reached == y.Reached && x.Diverged == y.Diverged &&
		x.Start == y.Start && x.Target == y.Target && x.Final == y.Final && x.StateHash == y.StateHash
}

// TestRun holds a run to gradient descent on a quadratic, of which every step is
// known.
func TestRun(t *testing.T) {
	task := aTask("diagonal:condition=1", "sgd", 0.5)
	c := one(t, runner(100), task, 3)
	// Every curvature is 1: a step halves the way to the minimum.
	if want := 5; !c.Reached || c.Steps != want || c.GradEvals != int64(want) {
		t.Errorf("reached: %v after %d steps, %d gradients, want %d", c.Reached, c.Steps, c.GradEvals, want)
	}
	if math.Abs(c.Final/c.Start-math.Pow(0.25, 5)) > 1e-6 || c.Final > c.Target {
		t.Errorf("final value %v of %v, want it times 4^-5", c.Final, c.Start)
	}
	for i, p := range c.Trajectory {
		if p.Step != i || math.Abs(p.Value/c.Start-math.Pow(0.25, float64(i))) > 1e-5 {
			t.Errorf("point %d is %v", i, p)
		}
	}
	if want := int64(5 * (100*4*3 + 100*4*3)); c.Bytes != want {
		t.Errorf("%d bytes, want %d: point, curvature and gradient, then gradient and point twice, in each step", c.Bytes, want)
	}
	if c.Kernel != "go/diagonal_f32 go/sgd_f32" || c.Diverged || c.Tuning || c.Seed != 3 {
		t.Errorf("record %+v", c)
	}
}

func TestEnds(t *testing.T) {
	c := one(t, runner(37), aTask("diagonal", "sgd", 0.01), 1)
	if c.Reached || c.Diverged || c.Steps != 37 || c.Trajectory[len(c.Trajectory)-1].Step != 37 {
		t.Errorf("a budget of 37 ends after %d steps, reached %v", c.Steps, c.Reached)
	}
	for _, lr := range []float64{3, 1e30} {
		c := one(t, runner(2000), aTask("diagonal", "sgd", lr), 1)
		if !c.Diverged || c.Reached || c.Steps >= 2000 || math.IsNaN(c.Final) || math.IsInf(c.Final, 0) {
			t.Errorf("with a rate of %v: diverged %v after %d steps at %v, want a finite value and an early end", lr, c.Diverged, c.Steps, c.Final)
		}
	}
	r := runner(0)
	r.Time = 1
	if c := one(t, r, aTask("diagonal", "sgd", 0.01), 1); c.Steps > 1000 || c.Reached {
		t.Errorf("a nanosecond ends after %d steps", c.Steps)
	}
}

// TestDeterminism holds hundreds of steps to the same bits on every instruction set
// and for any number of threads, with noise and on objectives of either kind.
func TestDeterminism(t *testing.T) {
	r := runner(300)
	r.Target = 0
	for _, task := range []Task{
		{Objective: "rosenbrock", Dim: 20_000, Optimizer: "adam", LR: 1e-3, Noise: "gaussian:scale=0.1"},
		{Objective: "phi4", Dim: 22_500, Optimizer: "lamb", LR: 1e-2},
		{Objective: "layered", Dim: 20_000, Optimizer: "clipped-gd", LR: 0.1, Schedule: "cosine"},
		{Objective: "softmax", Dim: 200, Optimizer: "momentum", LR: 0.1, Batch: 16},
	} {
		var err error
		if task.Dim, err = problem.Dim(task.Objective, task.Dim); err != nil {
			t.Fatal(err)
		}
		task.DType = "f32"
		var first *record.Convergence
		for _, l := range backend.List() {
			if l.Missing != "" {
				continue
			}
			for threads := 1; threads <= 3; threads++ {
				task.Backend, task.Threads = l.Name, threads
				c := one(t, r, task, 11)
				if first == nil {
					first = c
				}
				if c.Steps != 300 || !same(c, first) {
					t.Errorf("%s on %s with %d threads differs: final value %v, state %s, want %v, %s", task.Optimizer, l.Name, threads, c.Final, c.StateHash, first.Final, first.StateHash)
				}
			}
		}
	}
}

// stopping is a context that is done once it has been asked a number of times.
type stopping struct {
	context.Context
	left int
}

func (s *stopping) Err() error {
	if s.left--; s.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestResume interrupts a run again and again: it ends with the same bits, and leaves
// nothing behind.
func TestResume(t *testing.T) {
	for _, optimizer := range []string{"adam", "lamb", "sgd"} {
		for _, dtype := range []string{"f32", "q8-states", "f64"} {
			task := aTask("layered", optimizer, 1e-3)
			task.Dim, task.DType, task.Noise = 3000, dtype, "gaussian:scale=0.01"
			if dtype == "q8-states" && optimizer == "lamb" {
				continue // it does not exist
			}
			r := runner(200)
			r.Target = 0
			want := one(t, r, task, 5)
			r.States = &States{Folder: filepath.Join(t.TempDir(), "kept"), Resume: true}
			interruptions := 0
			var got *record.Convergence
			for got == nil {
				c, err := r.One(&stopping{context.Background(), 20}, task, 5, false)
				switch {
				case errors.Is(err, context.Canceled):
					if interruptions++; interruptions > 100 {
						t.Fatal("the run does not end")
					}
				case err != nil:
					t.Fatal(err)
				}
				got = c
			}
			if interruptions < 3 || !same(got, want) {
				t.Errorf("%s in %s: after %d interruptions %v, state %s, want %v, %s", optimizer, dtype, interruptions, got.Final, got.StateHash, want.Final, want.StateHash)
			}
			if err := r.keep(got); err != nil {
				t.Error(err)
			}
			if left, err := os.ReadDir(r.States.Folder); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		}
	}
}

func TestResumeRefuses(t *testing.T) {
	task, r := aTask("diagonal", "adam", 1e-3), runner(200)
	r.States = &States{Folder: t.TempDir(), Resume: true}
	if _, err := r.One(&stopping{context.Background(), 20}, task, 5, false); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(r.States.Folder, "*.state"))
	if err != nil || len(files) != 1 {
		t.Fatalf("kept: %v, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"empty": nil, "torn": whole[:len(whole)-1], "another": []byte("{}\n"), "no record": []byte("hello\n"),
	} {
		if err := os.WriteFile(files[0], text, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := r.One(context.Background(), task, 5, false)
		if err == nil || !strings.Contains(err.Error(), "remove it to begin anew") {
			t.Errorf("%s: %v, want an error that says what to do", name, err)
		}
	}
}

// TestResumeElsewhere: a run with another target, or one that does not ask for it, does
// not take up what was kept.
func TestResumeElsewhere(t *testing.T) {
	task, r := aTask("diagonal", "adam", 1e-3), runner(200)
	r.Target = 1e-9
	r.States = &States{Folder: t.TempDir(), Build: "a"}
	if _, err := r.One(&stopping{context.Background(), 20}, task, 5, false); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	fresh := one(t, runner(200), task, 5)
	if got := one(t, r, task, 5); got.Trajectory[0].Seconds == 0 && !same(got, one(t, &Runner{Target: 1e-9, Budget: 200, Open: r.Open}, task, 5)) {
		t.Error("a run that was not asked to go on differs from a fresh one")
	}
	r.States.Resume = true
	r.Target = runner(200).Target
	if got := one(t, r, task, 5); !same(got, fresh) {
		t.Errorf("with another target: %v of %v, want %v of %v", got.Target, got.Start, fresh.Target, fresh.Start)
	}
	r.Target, r.States.Build = 1e-9, "b"
	if _, err := r.One(context.Background(), task, 5, false); err == nil || !strings.Contains(err.Error(), "was kept by build a, and this is b; remove it") {
		t.Errorf("another build: %v", err)
	}
}

// TestSaveFails holds an interrupt whose state cannot be kept to saying so.
func TestSaveFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	r := runner(200)
	r.States = &States{Folder: file}
	_, err := r.One(&stopping{context.Background(), 20}, aTask("diagonal", "adam", 1e-3), 5, false)
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "which are lost: keep the run") {
		t.Errorf("a state that cannot be kept: %v", err)
	}
	r.States.Close()
	if _, err := os.Stat(file); err != nil {
		t.Errorf("a file that is no folder of states is gone: %v", err)
	}
}

// TestRecord holds every run to being recorded as it ends, once, and to what cannot be
// recorded ending the task.
func TestRecord(t *testing.T) {
	r := runner(50)
	r.Tune = Tuning{"", 3, 1}
	var got []*record.Convergence
	r.Record = func(c *record.Convergence) error { got = append(got, c); return nil }
	if o := r.task(context.Background(), aTask("diagonal", "sgd", 0)); o.Err != nil || len(got) != 5 || !slices.Equal(got, o.Records) {
		t.Errorf("recorded %d runs of %d, %v", len(got), len(o.Records), o.Err)
	}
	r.Done = map[Key]*record.Convergence{}
	for _, c := range got {
		r.Done[KeyOf(c)] = c
	}
	got = nil
	if o := r.task(context.Background(), aTask("diagonal", "sgd", 0)); o.Err != nil || len(got) != 0 || len(o.Records) != 5 {
		t.Errorf("recorded %d known runs again, %v", len(got), o.Err)
	}
	r.Done = nil
	full := errors.New("disk full")
	r.Record = func(*record.Convergence) error { return full }
	if o := r.task(context.Background(), aTask("diagonal", "sgd", 0)); !errors.Is(o.Err, full) {
		t.Errorf("a run that cannot be recorded: %v", o.Err)
	}
}

// TestTuning holds the choice to the trial that reaches the target first, and trials
// to seeds of their own.
func TestTuning(t *testing.T) {
	r := runner(400)
	r.Tune = Tunings[1]
	outcome := r.task(context.Background(), aTask("diagonal", "sgd", 0))
	if outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	var best *record.Convergence
	trials := 0
	for _, c := range outcome.Records {
		if !c.Tuning {
			if c.Case.LR != outcome.Task.LR || c.Seed >= tuningSeeds {
				t.Errorf("evaluated with %v from seed %d", c.Case.LR, c.Seed)
			}
			continue
		}
		trials++
		if c.Seed < tuningSeeds {
			t.Errorf("a trial from seed %d, which is for evaluations", c.Seed)
		}
		if best == nil || score(c) < score(best) {
			best = c
		}
	}
	if trials != 16 || len(outcome.Records) != 18 || outcome.Task.LR != best.Case.LR || best.Diverged {
		t.Errorf("%d trials of %d runs, chosen %v, best %v", trials, len(outcome.Records), outcome.Task.LR, best.Case.LR)
	}
	rates := Tuning{Trials: 64}.rates()
	slices.Sort(rates)
	for i, x := range rates {
		if x < 0.99*LowestRate || x > HighestRate || i > 0 && x/rates[i-1] > 2 {
			t.Errorf("rate %d of 64 is %v after %v", i, x, rates[max(0, i-1)])
		}
	}
	r.Tune = Tunings[0]
	if o := r.task(context.Background(), aTask("diagonal", "adam", 0)); o.Err != nil || o.Task.LR != 1e-3 {
		t.Errorf("without trials: rate %v, %v, want that of the definition", o.Task.LR, o.Err)
	}
}

// TestSeedless holds a task that no seed influences to a single run.
func TestSeedless(t *testing.T) {
	r := runner(50)
	r.Seeds = 5
	for objective, want := range map[string]int{"poisson": 1, "diagonal": 5} {
		runs := 0.0
		r.Progress = func(share float64) { runs += share }
		o := r.task(context.Background(), aTask(objective, "sgd", 0.1))
		if o.Err != nil || len(o.Records) != want || math.Abs(runs-5) > 1e-9 {
			t.Errorf("%s: %d records, told of %v runs, %v, want %d and 5", objective, len(o.Records), runs, o.Err, want)
		}
	}
}

func TestScore(t *testing.T) {
	runs := []*record.Convergence{
		{Reached: true, GradEvals: 10, Budget: 100, Start: 1},
		{Reached: true, GradEvals: 100, Budget: 100, Start: 1},
		{Final: 0.01, Steps: 100, Budget: 100, Start: 1},
		{Final: 50, Steps: 100, Budget: 100, Start: 1},
		{Diverged: true, Steps: 5, Budget: 100, Start: 1},
	}
	for i := range len(runs) - 1 {
		if !(score(runs[i]) < score(runs[i+1])) {
			t.Errorf("run %d scores %v, and %d %v", i, score(runs[i]), i+1, score(runs[i+1]))
		}
	}
}

func TestLooks(t *testing.T) {
	last := 0
	for step := range 100_000 {
		if !looks(step, 6) {
			continue
		}
		if step > 64 && step-last > 1+step/32 || step <= 64 && step-last > 1 {
			t.Fatalf("no look between %d and %d", last, step)
		}
		last = step
		if looks(step, 3) && !looks(step, 6) {
			t.Fatalf("step %d is kept and not looked at", step)
		}
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name      string
		t, budget int
		want      float64
	}{
		{"", 7, 100, 1}, {"constant", 7, 100, 1}, {"inverse", 4, 100, 0.25}, {"inverse-sqrt", 4, 100, 0.5},
		{"warmup", 1, 100, 0.2}, {"warmup", 5, 100, 1}, {"warmup", 50, 100, 1},
		{"cosine", 1, 100, 1}, {"cosine", 51, 100, 0.5}, {"warmup-cosine", 51, 100, 0.5}, {"warmup", 1, 3, 1},
	} {
		f, err := findSchedule(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := f(c.t, c.budget); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s at %d of %d: %v, want %v", c.name, c.t, c.budget, got, c.want)
		}
	}
	for _, s := range schedules {
		for k := 1; k <= 50; k++ {
			if got := s.scale(k, 50); !(got >= 0 && got <= 1) {
				t.Errorf("%s at %d is %v", s.name, k, got)
			}
		}
	}
	if _, err := findSchedule("cosin"); err == nil || !strings.Contains(err.Error(), "did you mean cosine") {
		t.Errorf("a mistyped schedule: %v", err)
	}
}

// TestAll holds outcomes to the order of the tasks and to what each gives alone.
func TestAll(t *testing.T) {
	r := runner(50)
	var tasks []Task
	for _, optimizer := range []string{"sgd", "adam", "lion"} {
		for threads := 1; threads <= 2; threads++ {
			task := aTask("diagonal", optimizer, 0.01)
			task.Threads = threads
			tasks = append(tasks, task)
		}
	}
	var mu sync.Mutex
	runs := 0.0
	r.Progress = func(share float64) { mu.Lock(); runs += share; mu.Unlock() }
	var got []Outcome
	err := r.All(context.Background(), tasks, 2, func(o Outcome) error {
		got = append(got, o)
		return nil
	})
	if err != nil || len(got) != len(tasks) || math.Abs(runs-float64(2*len(tasks))) > 1e-9 {
		t.Fatalf("%d outcomes, told of %v runs, %v", len(got), runs, err)
	}
	for i, o := range got {
		if o.Err != nil || o.Task != tasks[i] || len(o.Records) != 2 || !same(o.Records[1], one(t, r, tasks[i], 2)) {
			t.Errorf("outcome %d: %+v", i, o)
		}
	}

	full := errors.New("disk full")
	if err := r.All(context.Background(), tasks, 2, func(Outcome) error { return full }); !errors.Is(err, full) {
		t.Errorf("an error of emit gives %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	emitted := 0
	runs = 0
	r.Progress = func(share float64) {
		mu.Lock()
		defer mu.Unlock()
		if runs += share; runs > 0.999 {
			cancel()
		}
	}
	err = r.All(ctx, tasks, 1, func(o Outcome) error { emitted += len(o.Records); return nil })
	if !errors.Is(err, context.Canceled) || emitted == 0 || emitted == 2*len(tasks) {
		t.Errorf("interrupted after the first run: %d runs emitted, %v", emitted, err)
	}
}

// TestDone holds known runs to not being run again.
func TestDone(t *testing.T) {
	r, task := runner(20), aTask("diagonal", "sgd", 0.1)
	known := one(t, r, task, 1)
	r.Done = map[Key]*record.Convergence{KeyOf(known): known}
	if got := one(t, r, task, 1); got != known {
		t.Error("a known run is run again")
	}
	if got := one(t, r, task, 2); got == known {
		t.Error("another seed gives a known run")
	}
}

func TestTasks(t *testing.T) {
	env := machine.Environment{UsableThreads: 4}
	tasks, err := Tasks([]string{"objective=diagonal:condition=10,rosenbrock", "update=adam:beta2=0.99,sgd", "dim=1e3,1e6", "lr=0.1,auto"}, env)
	if err == nil {
		t.Fatalf("a rate and auto: %d tasks", len(tasks))
	}
	tasks, err = Tasks([]string{"objective=diagonal:condition=10,rosenbrock", "update=adam:beta2=0.99,sgd", "dim=1e3,1e6", "lr=0.1", "backend=cpu:go"}, env)
	if err != nil || len(tasks) != 8 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	if want := (Task{Objective: "diagonal:condition=10", Dim: 1000, Optimizer: "adam:beta2=0.99", LR: 0.1, DType: "f32", Backend: "cpu:go", Threads: 1}); tasks[0] != want {
		t.Errorf("first task %+v, want %+v", tasks[0], want)
	}
	if tasks[2].Dim != 1e6 || tasks[2].Threads != 4 {
		t.Errorf("third task %+v, want a million dimensions on all threads", tasks[2])
	}
	for setting, want := range map[string]string{
		"objective=diagonl":          "did you mean diagonal?",
		"objective=diagonal:slope=1": `no hyperparameter "slope"`,
		"update=adm":                 "did you mean adam?",
		"update=adam:lr=1":           "the learning rate is an axis of its own",
		"optimizer=adam":             `unknown axis "optimizer"`,
		"noise=gausian":              "did you mean gaussian?",
		"noise=gaussian:batch=4":     "the batch is an axis of its own",
		"noise=gaussian:scale=-1":    "scale is -1, want [0,inf)",
		"dim=0":                      "axis dim",
		"dim=1":                      "axis dim: nesterov-chain: dimension 1, want 2 or more",
		"batch=-1":                   "axis batch",
		"batch=4":                    "no examples and no noise",
		"lr=0":                       "axis lr: 0 moves nothing",
		"schedule=linear":            "axis schedule",
		"dtype=bf16":                 "axis dtype",
		"dtype=f64":                  "f64 does not run on",
		"threads=9":                  "this process may use 4",
		"backend=cpu:mmx":            "axis backend",
		"dim=[2:900]":                "tasks, want at most",
	} {
		if setting == "dtype=f64" && backend.List()[0].Name == "cpu:go" {
			continue // which is the best there is, and has it
		}
		settings := []string{setting}
		if !strings.HasPrefix(setting, "objective") {
			settings = append(settings, "objective=diagonal,nesterov-chain")
		}
		if !strings.HasPrefix(setting, "lr") {
			settings = append(settings, "lr=0.1,0.2")
		}
		if _, err := Tasks(settings, env); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", setting, err, want)
		}
	}
	usual, err := Tasks(nil, env)
	if err != nil || len(usual) != len(usualSettings)*len(usualOptimizers) {
		t.Errorf("%d usual tasks, %v", len(usual), err)
	}
	if last := usual[len(usual)-1]; last.Noise == "" || usual[0].Noise != "" {
		t.Errorf("usual noise: %q, then %q, want it on the last objective alone", usual[0].Noise, last.Noise)
	}
	if noisy, err := Tasks([]string{"noise=gaussian", "update=sgd"}, env); err != nil || len(noisy) != len(usualSettings)-1 || noisy[0].Noise != "gaussian" {
		t.Errorf("noise alone: %d tasks, %v", len(noisy), err)
	}
	for _, task := range usual {
		if need, err := Need(task); err != nil || need < int64(2*4*task.Dim) {
			t.Errorf("%s on %s needs %d bytes, %v", task.Optimizer, task.Objective, need, err)
		}
	}
}

// TestStorages holds narrow states to reaching the target that float32 reaches.
func TestStorages(t *testing.T) {
	for _, dtype := range storages {
		task := aTask("diagonal:condition=100", "adam", 0.1)
		task.Dim, task.DType = 1000, dtype
		if c := one(t, runner(500), task, 1); !c.Reached {
			t.Errorf("adam with %s ends at %v of %v", dtype, c.Final, c.Start)
		}
	}
	_, err := runner(5).One(context.Background(), Task{Objective: "diagonal", Dim: 10, Optimizer: "adam", LR: 1, DType: "bf16", Backend: "cpu:go", Threads: 1}, 1, false)
	if err == nil || !strings.Contains(err.Error(), "objectives are computed of parameters and gradients in f32") {
		t.Errorf("parameters in bf16: %v", err)
	}
}

// TestThresholds holds clipping by coordinate to thresholds that are there.
func TestThresholds(t *testing.T) {
	if k := kernels.Find("cclip").Cases[0].Kernel(); k.Slots[2].Role != kernels.Threshold {
		t.Fatal("cclip has no thresholds")
	}
	c := one(t, runner(500), aTask("diagonal:condition=10", "cclip", 0.1), 1)
	if !c.Reached {
		t.Errorf("cclip ends at %v of %v", c.Final, c.Start)
	}
}
