package converge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// Axes lists the properties along which tasks may differ.
var Axes = []harness.Axis{
	{Name: "objective", Values: "names, with parameters as in diagonal:condition=1e6; all", Default: "eight that tell optimizers apart, one of them with noise"},
	{Name: "update", Values: "optimizers, with hyperparameters as in adam:beta2=0.99; all whose steps do not take time as the cube of the dimension; weight decay is 0 unless set", Default: strings.Join(usualOptimizers, ", ")},
	{Name: "dim", Values: "dimensions, or the nearest that the objective has: 1e8, 2^20, ranges such as 2^[4:12:4]", Default: "1000"},
	{Name: "noise", Values: "laws of what is added to gradients: none, " + strings.Join(noiseNames(), ", "), Default: "none"},
	{Name: "batch", Values: "examples, drawn anew, that a gradient is over; 0 for all", Default: "0"},
	{Name: "lr", Values: "learning rates; auto is the best of those that --tune tries", Default: "auto"},
	{Name: "schedule", Values: strings.Join(Schedules(), ", "), Default: "constant"},
	{Name: "dtype", Values: "f32; f64 on cpu:go; or with states alone in fewer bits: bf16-states, q8-states", Default: "f32"},
	{Name: "backend", Values: strings.Join(backend.Names(), ", ") + "; cpu is the best of them, all what runs here", Default: "cpu"},
	{Name: "threads", Values: "workers that share a step; all; auto is one for what fits in a cache; objectives on the host take all", Default: "auto"},
}

// A setting is an objective with noise on its gradients.
type setting struct{ objective, noise string }

// usualSettings are what is run where neither is said: those on which theory tells
// optimizers apart.
var usualSettings = []setting{
	{"diagonal", none},             // a root of the condition number to momentum, nothing to adaptive methods
	{"rotated", none},              // where these have no axes to adapt to
	{"layered", none},              // scales by tensor, which a trust ratio takes out
	{"poisson", none},              // ill conditioned as physics is
	{"cosh-flat", none},            // a smoothness that grows with the gradient: clipping
	{"phi4", none},                 // from a saddle
	{"rosenbrock:valley=10", none}, // along a curved valley
	{"diagonal:condition=10", "pareto-skew:tail=1.5:scale=0.01"}, // heavy tails: clipping again
}

// usualOptimizers are run where none is said.
var usualOptimizers = []string{"sgd", "momentum", "nesterov", "clipped-gd", "normalized-gd", "adagrad", "rmsprop", "adam", "lamb", "lion"}

// maxTasks is the most that one command may have, against a slip in an axis.
const maxTasks = 10_000

// Tasks returns the tasks that axis settings such as "dim=1e3,1e4" span, objective by
// objective. An axis that is set twice has the values of both.
func Tasks(axes []string, env machine.Environment) ([]Task, error) {
	set := map[string][]string{}
	var names []string
	for _, a := range Axes {
		names = append(names, a.Name)
	}
	for _, s := range axes {
		name, values, err := axis.Parse(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			return nil, harness.Unknown("axis", name, names)
		}
		set[name] = append(set[name], values...)
	}
	values := func(name string, usual ...string) []string {
		if v := set[name]; len(v) > 0 {
			return v
		}
		return usual
	}
	settings, err := settingsOf(set["objective"], set["noise"])
	if err != nil {
		return nil, err
	}
	optimizers, err := named("update", values("update", usualOptimizers...), method.Names(), method.Scalable(), canonicalOptimizer)
	if err != nil {
		return nil, err
	}
	dims, err := axis.Ints(values("dim", "1000"))
	if err != nil {
		return nil, fmt.Errorf("axis dim: %w", err)
	}
	batches, err := batchSizes(values("batch", "0"))
	if err != nil {
		return nil, err
	}
	rates, err := learningRates(values("lr", "auto"))
	if err != nil {
		return nil, err
	}
	shapes, err := axis.Choose("schedule", values("schedule", "constant"), Schedules())
	if err != nil {
		return nil, err
	}
	types, err := axis.Choose("dtype", values("dtype", "f32"), storages)
	if err != nil {
		return nil, err
	}
	backends, err := harness.BackendNames(values("backend", "cpu"))
	if err != nil {
		return nil, err
	}
	counts := []int{0}
	if v := values("threads", "auto"); !slices.Equal(v, []string{"auto"}) {
		if counts, err = harness.ThreadCounts(v, env.UsableThreads); err != nil {
			return nil, err
		}
	}
	if n := len(settings) * len(dims) * len(batches) * len(optimizers) * len(rates) * len(shapes) * len(types) * len(backends) * len(counts); n > maxTasks {
		return nil, fmt.Errorf("the axes span %d tasks, want at most %d", n, maxTasks)
	}
	tasks := []Task{{}}
	tasks = axis.Times(tasks, settings, func(t *Task, v setting) { t.Objective, t.Noise = v.objective, v.noise })
	tasks = axis.Times(tasks, dims, func(t *Task, v int64) { t.Dim = int(v) })
	tasks = axis.Times(tasks, batches, func(t *Task, v int) { t.Batch = v })
	tasks = axis.Times(tasks, types, func(t *Task, v string) { t.DType = v })
	tasks = axis.Times(tasks, backends, func(t *Task, v string) { t.Backend = v })
	tasks = axis.Times(tasks, counts, func(t *Task, v int) { t.Threads = v })
	tasks = axis.Times(tasks, shapes, func(t *Task, v string) { t.Schedule = v })
	tasks = axis.Times(tasks, optimizers, func(t *Task, v string) { t.Optimizer = v })
	tasks = axis.Times(tasks, rates, func(t *Task, v float64) { t.LR = v })
	for i := range tasks {
		t := &tasks[i]
		if t.Dim, err = problem.Dim(t.Objective, t.Dim); err != nil {
			return nil, fmt.Errorf("axis dim: %s: %w", t.Objective, err)
		}
		if t.Threads == 0 {
			t.Threads = usualThreads(t, env)
		}
		if t.Schedule == "constant" {
			t.Schedule = ""
		}
	}
	for _, t := range tasks {
		if err := check(t); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// settingsOf returns the settings that the values of both axes span, or the usual ones
// where neither has any.
func settingsOf(objectives, noises []string) ([]setting, error) {
	usual := objectives == nil && noises == nil
	if objectives == nil {
		for _, s := range usualSettings {
			if usual || s.noise == none {
				objectives = append(objectives, s.objective)
			}
		}
	}
	if noises == nil {
		noises = []string{none}
	}
	names, err := named("objective", objectives, problem.Names(), problem.Names(), problem.Format)
	if err != nil {
		return nil, err
	}
	laws, err := named("noise", noises, append(noiseNames(), none), append(noiseNames(), none), canonicalNoise)
	if err != nil {
		return nil, err
	}
	out := axis.Times([]setting{{}}, names, func(s *setting, v string) { s.objective = v })
	if !usual {
		return axis.Times(out, laws, func(s *setting, v string) { s.noise = v }), nil
	}
	for i, s := range usualSettings {
		if out[i].noise, err = canonicalNoise(s.noise); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// named returns the texts that values name: the names known, with parameters, in the
// one way that they are written. Repeats are removed.
func named(axisName string, values, known, all []string, canonical func(string) (string, error)) ([]string, error) {
	var out []string
	for _, v := range values {
		name, _, _ := strings.Cut(v, ":")
		switch {
		case v == "all":
			out = append(out, all...)
			continue
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("axis %s: %w", axisName, harness.Unknown(axisName, name, known))
		}
		text, err := canonical(v)
		if err != nil {
			return nil, fmt.Errorf("axis %s: %w", axisName, err)
		}
		out = append(out, text)
	}
	return axis.Unique(out), nil
}

// none is the noise of a problem without.
const none = "none"

func noiseNames() []string {
	var names []string
	for _, d := range kernels.Noises() {
		names = append(names, d.Name)
	}
	return names
}

// canonicalNoise returns "" for none, as tasks have it.
func canonicalNoise(text string) (string, error) {
	if text == none {
		return "", nil
	}
	if strings.Contains(text, ":batch=") {
		return "", fmt.Errorf("%s: the batch is an axis of its own, want it as in -a batch=4", text)
	}
	l, err := kernels.ParseNoise(text)
	if err != nil {
		return "", err
	}
	return kernels.FormatNoise(l), nil
}

// canonicalOptimizer leaves the learning rate to its axis.
func canonicalOptimizer(text string) (string, error) {
	if strings.Contains(text, ":lr=") {
		return "", fmt.Errorf("%s: the learning rate is an axis of its own, want it as in -a lr=0.1", text)
	}
	m, err := method.Parse(text)
	if err != nil {
		return "", err
	}
	return method.Format(m), nil
}

// usualRate is the learning rate of an optimizer's definition.
func usualRate(optimizer string) (float64, error) {
	m, err := method.Parse(optimizer)
	if err != nil {
		return 0, err
	}
	rate, err := method.Rate(m)
	if err != nil {
		return 0, fmt.Errorf("%w, want it as in -a lr=0.1", err)
	}
	return rate, nil
}

// learningRates reads the axis; 0 stands for auto.
func learningRates(values []string) ([]float64, error) {
	if slices.Equal(values, []string{"auto"}) {
		return []float64{0}, nil
	}
	rates, err := axis.Floats(values)
	if err != nil {
		return nil, fmt.Errorf("axis lr: %w", err)
	}
	if slices.Contains(rates, 0) {
		return nil, fmt.Errorf("axis lr: 0 moves nothing, want more")
	}
	return rates, nil
}

// batchSizes reads the axis.
func batchSizes(values []string) ([]int, error) {
	var out []int
	for _, v := range values {
		if v == "0" {
			out = append(out, 0)
			continue
		}
		ns, err := axis.Ints([]string{v})
		if err != nil {
			return nil, fmt.Errorf("axis batch: %w, or 0 for all", err)
		}
		for _, n := range ns {
			out = append(out, int(n))
		}
	}
	return axis.Unique(out), nil
}

// storages are the names of those in which points and gradients are float32 or
// float64, as objectives need them.
var storages = []string{"f32", "f64", "bf16-states", "q8-states"}

// inCache is up to what dimension one thread is enough: several vectors fit in a
// cache of its own.
const inCache = 100_000

// usualThreads is one for what fits in a cache, so that such tasks run side by side.
// What is computed on the host takes all there are.
func usualThreads(t *Task, env machine.Environment) int {
	if t.Dim <= inCache && !problem.OnHost(t.Objective) {
		return 1
	}
	return env.UsableThreads
}

// parse returns the method and the problem of a task.
func parse(t Task) (method.Method, problem.Spec, error) {
	spec := problem.Spec{Objective: t.Objective, Dim: t.Dim, DType: kernels.F32, Noise: t.Noise, Batch: t.Batch}
	if t.DType == "f64" {
		spec.DType = kernels.F64
	}
	m, err := method.Parse(t.Optimizer)
	if err != nil {
		return nil, spec, err
	}
	s := kernels.FindStorage(t.DType)
	if s == nil {
		return nil, spec, harness.Unknown("dtype", t.DType, storages)
	}
	m, err = method.Stored(m, s)
	return m, spec, err
}

// check refuses a task that cannot run.
func check(t Task) error {
	if t.DType == "f64" && t.Backend != "cpu:go" {
		return fmt.Errorf("axis dtype: f64 does not run on %s, want -a backend=cpu:go", t.Backend)
	}
	if problem.OnHost(t.Objective) && !strings.HasPrefix(t.Backend, "cpu:") {
		return fmt.Errorf("axis backend: %s is computed of matrices on the host, and not on %s; want -a backend=cpu", t.Objective, t.Backend)
	}
	_, spec, err := parse(t)
	if err != nil {
		return err
	}
	return problem.Check(spec)
}

// Need returns the bytes that a run of the task takes.
func Need(t Task) (int64, error) {
	m, spec, err := parse(t)
	if err != nil {
		return 0, err
	}
	room, err := m.Room(spec)
	if err != nil {
		return 0, err
	}
	need, err := problem.Footprint(spec, 1)
	return need + room, err
}
