package report

import (
	"bytes"
	"encoding/csv"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"github.com/optbench/optbench/harness/record"
)

// ran makes a run from a seed that reached a hundredth of its first value, or did not.
func ran(objective, optimizer string, lr float64, seed uint64, steps int, reached bool) record.Convergence {
	r := record.Convergence{
		Schema: record.Schema, Kind: record.KindConvergence, Run: "a", Kernel: "go/x_f32", Seed: seed, Budget: 1000,
		Case:  record.Task{Objective: objective, Dim: 1000, Noise: "gauss:sigma=1", Optimizer: optimizer, LR: lr, DType: "f32", Backend: "cpu:go", Threads: 2},
		Start: 100, Target: 1, Reached: reached, Steps: steps, GradEvals: int64(steps), Seconds: float64(steps) / 1e4, Bytes: int64(steps) * 28000, Final: 0.99,
		Trajectory: []record.Point{{Step: 0, Value: 100}, {Step: steps, Value: 0.99, Seconds: 1}}, StateHash: "0123456789abcdef",
	}
	if !reached {
		r.Final = 50
	}
	return r
}

// runs are those of two optimizers on two objectives; adam was tuned.
func runs() *record.File {
	f := &record.File{Runs: []record.Run{{Schema: record.Schema, Kind: record.KindRun, ID: "a"}}}
	for i, lr := range []float64{0.01, 0.1, 1} {
		r := ran("diagonal", "adam", lr, 9, []int{150, 100, 1000}[i], i < 2)
		r.Tuning = true
		f.Convergence = append(f.Convergence, r)
	}
	for seed := range uint64(3) {
		f.Convergence = append(f.Convergence,
			ran("diagonal", "sgd", 0.5, seed, 200+100*int(seed), true),
			ran("diagonal", "adam", 0.1, seed, 100+int(seed), true),
			ran("rosenbrock", "sgd", 1e-3, seed, 1000, false),
			ran("rosenbrock", "adam", 1e-2, seed, []int{500, 1000, 1000}[seed], seed == 0))
	}
	f.Convergence[4].GradEvals *= 2 // adam on diagonal, from seed 0
	f.Convergence[5].Reached, f.Convergence[5].Diverged = false, true
	return f
}

func TestConvergence(t *testing.T) {
	want := `
 objective   optimizer     lr        reached               steps   ERT  seconds  final  diverged
 diagonal    adam         0.1  3/3 [44–100%]       101 [100–102]   134   0.0101   0.99         0
 diagonal    sgd          0.5  3/3 [44–100%]       300 [220–380]   300     0.03   0.99         0
 rosenbrock  adam        0.01    1/3 [6–79%]  >1000 [>600–>1000]  2500     >0.1     50         0
 rosenbrock  sgd        0.001    0/3 [0–56%]     >1000 [>1000–∞]     ∞     >0.1     50         1

all rows: dim 1e3, noise gauss:sigma=1, dtype f32, backend cpu:go, threads 2, target 0.01,
  budget 1e3
reached: runs that met the target, and the 95 % interval of their share
steps, evals: median [10 %–90 %] of runs; >: more than that, for runs ended before the target
ERT: gradients of all runs for each that met the target, the expected cost with restarts
learning rates were chosen by 3 trials, which took 1250 gradients
`
	if got := trimmed(show(t, runs(), "table", "", "")); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got:\n%s\nwant:%s", got, want)
	}
}

// TestConvergenceMarkdown has every column, for there is room.
func TestConvergenceMarkdown(t *testing.T) {
	f := runs()
	f.Convergence = append(f.Convergence, f.Convergence[3]) // a seed twice
	text := show(t, f, "md", "", "")
	for _, want := range []string{
		"| objective  | optimizer |    lr |       reached |              steps |              evals |  ERT | ERT 95% | seconds |  bytes | final | diverged | lr decades |\n",
		"| diagonal   | adam      |   0.1 | 3/3 [44–100%] |      101 [100–102] |      102 [101–180] |  134 | 101–200 |  0.0101 | 2.83e6 |  0.99 |        0 |       ≥1.0 |\n",
		"| rosenbrock | sgd       | 0.001 |   0/3 [0–56%] |    >1000 [>1000–∞] |    >1000 [>1000–∞] |    ∞ |    none |    >0.1 | >2.8e7 |    50 |        1 |            |\n",
		"lr decades: ", "records that repeat a seed and do not count: 1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks\n%s\nit is\n%s", want, text)
		}
	}
}

// TestConvergenceFits makes every property differ, with long values: those that tell
// rows apart stay, however wide they are; where fewer differ the table fits.
func TestConvergenceFits(t *testing.T) {
	f := runs()
	for i := range f.Convergence {
		r := &f.Convergence[i]
		c := &r.Case
		c.Objective += ":condition=123456:spectrum=geometric"
		c.Optimizer += ":beta1=0.9123:beta2=0.99912"
		c.Noise = []string{"pareto:alpha=1.5:scale=0.01", ""}[i%2]
	}
	for line := range strings.Lines(show(t, f, "table", "", "")) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > MaxWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for i := range f.Convergence {
		r := &f.Convergence[i]
		c := &r.Case
		c.Dim, c.Threads, c.DType, r.Budget = 123456789+i%2, 1+i%2, []string{"f32", "f64"}[i%2], 100_000+i%2
		c.Backend = []string{"cpu:avx512", "cuda:0"}[i%2]
	}
	text := show(t, f, "table", "", "")
	header, _, _ := strings.Cut(text, "\n")
	for _, name := range []string{"objective", "dim", "noise", "optimizer", "lr", "dtype", "backend", "threads", "budget", "reached", "steps", "ERT"} {
		if !strings.Contains(header, " "+name+" ") {
			t.Errorf("the header lacks %s: %s", name, header)
		}
	}
}

// TestConvergenceSort orders rows within objectives.
func TestConvergenceSort(t *testing.T) {
	for key, want := range map[string]string{
		"": "adam sgd adam sgd", "ERT": "adam sgd adam sgd", "optimizer": "adam sgd adam sgd", "lr": "adam sgd sgd adam", "seconds": "sgd adam sgd adam",
		"bytes": "adam sgd adam sgd", "final": "sgd adam adam sgd",
	} {
		f := runs()
		for i := range f.Convergence {
			if r := &f.Convergence[i]; r.Case.Optimizer == "sgd" {
				r.Seconds /= 100
				r.Final *= 0.999
				if r.Case.Objective == "rosenbrock" {
					r.Final = 60
				}
			}
		}
		var got []string
		for _, line := range strings.Split(show(t, f, "table", "", key), "\n")[1:5] {
			got = append(got, strings.Fields(line)[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("by %q: %v, want %v", key, got, want)
		}
	}
}

func TestConvergenceCSV(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(show(t, runs(), "csv", "", ""))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 16 || len(rows[1]) != len(csvHeaderConvergence) || rows[1][5] != "adam" || rows[1][12] != "true" || rows[15][22] != "0.1" {
		t.Errorf("rows %q", rows)
	}
}

func TestConvergenceJSON(t *testing.T) {
	f, err := record.Read(strings.NewReader(show(t, runs(), "json", "", "")), "json")
	if err != nil || !reflect.DeepEqual(f, runs()) {
		t.Errorf("read back %+v, %v", f, err)
	}
}

// TestConvergenceBenchfmt has a line per run that did not serve for tuning, and costs
// of those that reached the target alone.
func TestConvergenceBenchfmt(t *testing.T) {
	r := benchfmt.NewReader(strings.NewReader(show(t, runs(), "benchfmt", "", "")), "benchfmt")
	lines, costs := 0, 0
	for r.Scan() {
		b, ok := r.Result().(*benchfmt.Result)
		if !ok {
			t.Fatalf("line %v: %v", r.Result(), r.Err())
		}
		if lines == 0 && string(b.Name) != "Converge/objective=diagonal/dim=1000/noise=gauss:sigma=1/optimizer=sgd/lr=0.5/target=0.01/budget=1000/threads=2/backend=cpu:go/dtype=f32" {
			t.Errorf("name %s", b.Name)
		}
		share, _ := b.Value("share-reached")
		_, cost := b.Value("steps")
		if cost != (share == 1) {
			t.Errorf("%s: reached %v, has steps: %v", b.Name, share, cost)
		}
		lines++
		if cost {
			costs++
		}
	}
	if lines != 12 || costs != 7 {
		t.Errorf("%d lines of which %d have costs, want 12 and 7", lines, costs)
	}
}

// TestBothKinds shows throughput, then convergence; CSV has but one header.
func TestBothKinds(t *testing.T) {
	f := runs()
	f.Throughput = results().Throughput
	for _, format := range []string{"table", "md"} {
		text := show(t, f, format, "", "ns/param")
		if at := strings.Index(text, "objective"); at < strings.Index(text, "of limit") {
			t.Errorf("not one table below the other:\n%s", text)
		}
	}
	if err := Show(&bytes.Buffer{}, f, "csv", "", ""); err == nil || !strings.Contains(err.Error(), "--kind") {
		t.Errorf("CSV of both kinds: %v, want an error that says how to choose", err)
	}
}

// TestConvergenceBy has a column per optimizer.
func TestConvergenceBy(t *testing.T) {
	text := trimmed(show(t, runs(), "table", "optimizer", ""))
	for _, want := range []string{"objective", " adam", " sgd", "diagonal ", "rosenbrock ", " ∞", "(ERT), by optimizer\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q, it is\n%s", want, text)
		}
	}
	twice := runs()
	more := twice.Convergence[len(twice.Convergence)-1]
	more.Case.LR *= 2
	twice.Convergence = append(twice.Convergence, more)
	if err := Show(&bytes.Buffer{}, twice, "table", "optimizer", ""); err == nil || !strings.Contains(err.Error(), "several learning rates") {
		t.Errorf("two learning rates in one cell: %v", err)
	}
}

func TestConvergenceRefuses(t *testing.T) {
	tuning := runs()
	tuning.Convergence = tuning.Convergence[:3]
	for _, c := range []struct {
		f                      *record.File
		format, by, sort, want string
	}{
		{tuning, "table", "", "", "tuning alone"},
		{runs(), "table", "backend", "", "want optimizer: the records are of convergence"},
		{runs(), "table", "", "ns/param", "want one of ERT, optimizer"},
		{runs(), "csv", "", "ERT", "--sort"},
	} {
		if err := Show(&bytes.Buffer{}, c.f, c.format, c.by, c.sort); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, by %q, sort %q: %v, want an error with %q", c.format, c.by, c.sort, err, c.want)
		}
	}
}
