package record

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func aRun(id string) *Run {
	return &Run{Schema: Schema, Kind: KindRun, ID: id, Time: "2026-01-02T03:04:05Z", Command: "optbench run", Commit: "unknown", Profile: "quick", Seed: 1}
}

func aConvergence(run string) *Convergence {
	return &Convergence{
		Schema: Schema, Kind: KindConvergence, Run: run,
		Case: Task{Objective: "diagonal", Dim: 10, Optimizer: "adam", LR: 0.1, DType: "f32", Backend: "cpu:go", Threads: 1},
		Seed: 3, Kernel: "go/diagonal_f32+go/adam_f32", Start: 4, Target: 0.04, Reached: true,
		Steps: 7, GradEvals: 7, Seconds: 1e-3, Bytes: 2800, Final: 0.03,
		Trajectory: []Point{{0, 0, 4, 0}, {7, 7, 0.03, 1e-3}}, StateHash: "0123456789abcdef",
	}
}

func aThroughput(run string) *Throughput {
	return &Throughput{
		Schema: Schema, Kind: KindThroughput, Run: run,
		Case:   Case{Update: "adamw:lr=0.1", N: 1000, Tensors: 2, DType: "f32", Backend: "cpu:go", Threads: 2, Cache: "hot", Clip: 0.5},
		Kernel: "go/adamw_f32", Samples: []float64{1e-3, 2e-3, 3e-3}, Median: 2e-3, CI95: [2]float64{1e-3, 3e-3}, Bytes: 28000,
		LimitSamples: []float64{1e-3, 1e-3, 1e-3}, LimitBytesPerSecond: 2.8e7, LimitShare: 0.5, NSPerParam: 2000, Stop: "time", Verified: true,
	}
}

func aComparison(run string) *Comparison {
	return &Comparison{
		Schema: Schema, Kind: KindComparison, Run: run, Case: aThroughput(run).Case, Design: Paired,
		Verdict: "SLOWER", Ratio: 1.05, CI95: [2]float64{1.04, 1.06}, P: 0.001, PHolm: 0.01, Pairs: 2, MDE: 0.02,
		A: []float64{1, 2}, B: []float64{1.05, 2.1}, LimitA: []float64{1, 1}, LimitB: []float64{1, 1}, Order: "ab", KernelA: "go/x", KernelB: "go/x", Noise: 0.01,
	}
}

func aSelftest(run string) *Selftest {
	return &Selftest{
		Schema: Schema, Kind: KindSelftest, Run: run, Case: aThroughput(run).Case, Pairs: 12, Ratios: []float64{1, 1.01}, Alarms: 1, Noise: 0.01,
		Plants: []Plant{{Work: 0.05, Ratios: []float64{1.05}, Found: 1}},
	}
}

func aClaim(run string) *Claim {
	return &Claim{
		Schema: Schema, Kind: KindClaim, Run: run, ID: "C07b", Statement: "it is stable", Source: "a paper", Theory: "1: why", Measured: 1, CI95: [2]float64{0.9, 1.1},
		Verdict: "CONFIRMED", Rule: "a rule", SeedSet: 1, Seeds: 3, Params: "dim=2", Seconds: 0.1, Profile: "quick", NotShown: "the rest", Notes: []string{"more"},
		Series: []Series{{Name: "steps", X: []float64{1, 2}, Y: []float64{3, 4}}},
	}
}

func write(t *testing.T, path string, records ...any) {
	t.Helper()
	w, err := OpenWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	long := aThroughput("a")
	for range 100_000 { // far beyond 64 KiB
		long.Samples = append(long.Samples, 1.25e-3)
	}
	write(t, path, aRun("a"), long)
	compared := aRun("b")
	compared.Comparison = &Plan{A: Side{Spec: "main", Commit: "abc"}, B: Side{Spec: "."}, Alpha: 0.05, Margin: 0.02, Looks: []int{2}}
	write(t, path, compared, aThroughput("b"), aConvergence("b"), aComparison("b"), aSelftest("b"), aClaim("b"))
	f, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Runs: []Run{*aRun("a"), *compared}, Throughput: []Throughput{*long, *aThroughput("b")},
		Convergence: []Convergence{*aConvergence("b")}, Comparison: []Comparison{*aComparison("b")}, Selftest: []Selftest{*aSelftest("b")}, Claims: []Claim{*aClaim("b")},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("read %d runs, %d measurements, notices %q; not what was written", len(f.Runs), len(f.Throughput), f.Notices)
	}
}

// TestTorn cuts a file at every byte of its last line: what stands before is
// read, and what is appended afterwards too.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.jsonl")
	write(t, whole, aRun("a"), aThroughput("a"))
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(text, '\n') + 1
	for cut := first; cut < len(text); cut += 17 {
		path := filepath.Join(dir, "torn.jsonl")
		if err := os.WriteFile(path, text[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile(path)
		if err != nil || len(f.Runs) != 1 || len(f.Throughput) != 0 || (len(f.Notices) == 1) != (cut > first) {
			t.Fatalf("cut at %d of %d: %+v, %v", cut, len(text), f, err)
		}
		write(t, path, aRun("b"), aThroughput("b"))
		f, err = ReadFile(path)
		if err != nil || len(f.Runs) != 2 || len(f.Throughput) != 1 || f.Throughput[0].Run != "b" {
			t.Fatalf("appended after a cut at %d of %d: %+v, %v", cut, len(text), f, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	text := func(x any) string {
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	line := func(change func(*Throughput)) string {
		x := aThroughput("a")
		change(x)
		return text(x)
	}
	run := func(change func(*Convergence)) string {
		x := aConvergence("a")
		change(x)
		return text(x)
	}
	claim := func(change func(*Claim)) string {
		x := aClaim("a")
		change(x)
		return text(x)
	}
	compared := func(change func(*Comparison)) string {
		x := aComparison("a")
		change(x)
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, c := range []struct{ name, text, want string }{
		{"a comparison without verdict", compared(func(x *Comparison) { x.Verdict = "" }), "no verdict"},
		{"of no design", compared(func(x *Comparison) { x.Design = "both" }), "design"},
		{"of unlike sides", compared(func(x *Comparison) { x.B = x.B[:1] }), "2 launches of a, 1 of b"},
		{"of an interval elsewhere", compared(func(x *Comparison) { x.Ratio = 2 }), "round it"},
		{"of p 2", compared(func(x *Comparison) { x.P = 2 }), "probabilities"},
		{"of a time below 0", compared(func(x *Comparison) { x.B[1] = -1 }), "value 3 is -1"},
		{"of no update", compared(func(x *Comparison) { x.Case.Update = "" }), "no update"},
		{"that acts on the terminal", compared(func(x *Comparison) { x.Notes = []string{"\x1b[2J"} }), "cannot be printed"},
		{"a self-test with more alarms than comparisons", `{"schema":"optbench/1","kind":"selftest","case":{"update":"sgd","n":1,"tensors":1,"threads":1},"alarms":1}`, "1 alarms in 0"},
		{"a plan with alpha 2", `{"schema":"optbench/1","kind":"run","id":"a","comparison":{"alpha":2,"margin":0.1}}`, "alpha is 2"},
		{"a claim without verdict", claim(func(x *Claim) { x.Verdict = "" }), "want all three"},
		{"a claim measured beside its interval", claim(func(x *Claim) { x.Measured = 2 }), "round it"},
		{"a claim of half a series", claim(func(x *Claim) { x.Series[0].Y = nil }), "2 x and 0 y"},
		{"a claim that took less than no time", claim(func(x *Claim) { x.Seconds = -1 }), "seconds -1"},
		{"nothing", "", "no records"},
		{"blank lines", "\n\n", "no records"},
		{"another schema", `{"schema":"optbench/2","kind":"run"}`, `line 1: a record of schema "optbench/2", want optbench/1`},
		{"no schema", `{"kind":"run"}`, "want optbench/1"},
		{"JSON of another kind", `[1,2]`, "line 1"},
		{"text", "hello", `line 1: not a record of optbench/1: it starts with "hello"`},
		{"binary", "\x00\x01\x02", "line 1"},
		{"deep nesting", strings.Repeat("[", 100_000), "line 1"},
		{"a run without ID", `{"schema":"optbench/1","kind":"run"}`, "no id"},
		{"a field of another type", `{"schema":"optbench/1","kind":"throughput","bytes":"many"}`, "line 1: throughput"},
		{"no samples", line(func(x *Throughput) { x.Samples = nil }), "no samples"},
		{"a negative sample", line(func(x *Throughput) { x.Samples[1] = -1 }), "sample 1 is -1"},
		{"no time", line(func(x *Throughput) { x.Median = 0 }), "median 0"},
		{"no parameters", line(func(x *Throughput) { x.Case.N = 0 }), "n is 0"},
		{"negative bytes", line(func(x *Throughput) { x.Bytes = -1 }), "bytes is -1"},
		{"no limit", line(func(x *Throughput) { x.LimitShare = 0 }), "share 0"},
		{"no update", line(func(x *Throughput) { x.Case.Update = "" }), "no update"},
		{"an interval beside the median", line(func(x *Throughput) { x.CI95 = [2]float64{5, 6} }), "round the median"},
		{"a negative sample of the limit", line(func(x *Throughput) { x.LimitSamples[2] = -1 }), "is -1"},
		{"an escape sequence", line(func(x *Throughput) { x.Case.Update = "\x1b[31mred" }), "cannot be printed"},
		{"no objective", run(func(x *Convergence) { x.Case.Objective = "" }), "objective is"},
		{"a dimension of none", run(func(x *Convergence) { x.Case.Dim = 0 }), "dim is 0"},
		{"a negative rate", run(func(x *Convergence) { x.Case.LR = -1 }), "lr is -1"},
		{"negative steps", run(func(x *Convergence) { x.Steps = -1 }), "steps -1"},
		{"reached and diverged", run(func(x *Convergence) { x.Diverged = true }), "one of them"},
		{"a step beyond the last", run(func(x *Convergence) { x.Trajectory[1].Step = 8 }), "point 1"},
		{"steps that fall", run(func(x *Convergence) { x.Trajectory[1].Step = 0 }), "point 1"},
		{"a run twice", `{"schema":"optbench/1","kind":"run","id":"a"}` + "\n" + `{"schema":"optbench/1","kind":"run","id":"a"}`, "line 2: run \"a\" is in the file already"},
		{"a device that acts on the terminal", `{"schema":"optbench/1","kind":"run","id":"a","gpus":{"cuda:0":{"name":"\u001b[2J"}}}`, "cannot be printed"},
		{"a device by such a name", `{"schema":"optbench/1","kind":"run","id":"a","gpus":{"\u001b[2J":{}}}`, "cannot be printed"},
		{"launch 5 of 3", `{"schema":"optbench/1","kind":"run","id":"a","launch":5,"launches":3}`, "launch 5 of 3"},
		{"a number without end", strings.Replace(line(func(*Throughput) {}), `"n":1000`, `"n":`+strings.Repeat("9", 1<<20), 1), "field"},
		{"a number that is none", strings.Replace(line(func(*Throughput) {}), "0.002", "1e999", 1), "line 1"},
	} {
		f, err := Read(strings.NewReader(c.text), "file")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "file: ") {
			t.Errorf("%s: got %+v, %v, want an error with %q", c.name, f, err, c.want)
			continue
		}
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) || len(err.Error()) > 300 {
			t.Errorf("%s: the error is not one clean line: %q", c.name, err)
		}
	}
}

func TestReadPassesOver(t *testing.T) {
	text := `{"schema":"optbench/1","kind":"run","id":"a","colour":"blue"}
{"schema":"optbench/1","kind":"weather","sun":true}
{"schema":"optbench/1","kind":"thr
`
	measured, err := json.Marshal(aThroughput("stranger"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(strings.NewReader(text+string(measured)+"\n"), "file")
	if err != nil {
		t.Fatal(err)
	}
	notices := strings.Join(f.Notices, "\n")
	for _, want := range []string{"line 3: the record is torn", `"stranger" has no record of its own`, "left out: 1"} {
		if !strings.Contains(notices, want) {
			t.Errorf("notices lack %q:\n%s", want, notices)
		}
	}
	if len(f.Runs) != 1 || len(f.Throughput) != 1 {
		t.Errorf("%d runs and %d measurements, want 1 and 1", len(f.Runs), len(f.Throughput))
	}
}

// TestReadForgives reads on where a crash left its traces, with one notice
// however many they are.
func TestReadForgives(t *testing.T) {
	run := `{"schema":"optbench/1","kind":"run","id":"a"}` + "\n"
	for name, text := range map[string]string{
		"a last line of NUL": run + "\x00\x00\x00",
		"many torn lines":    run + strings.Repeat("{\n", 1000),
	} {
		f, err := Read(strings.NewReader(text), "file")
		if err != nil || len(f.Runs) != 1 || len(f.Notices) != 1 {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestWriterForgivesATornFirstLine(t *testing.T) {
	for _, torn := range []string{`{"schema":"optbench/1","ki`, `{"sch`} {
		path := filepath.Join(t.TempDir(), "r.jsonl")
		if err := os.WriteFile(path, []byte(torn), 0o666); err != nil {
			t.Fatal(err)
		}
		write(t, path, aRun("a"))
		write(t, path, aRun("b"))
		if f, err := ReadFile(path); err != nil || len(f.Runs) != 2 || len(f.Notices) != 1 {
			t.Errorf("after %s: %+v, %v, want 2 runs and a notice", torn, f, err)
		}
	}
}

// TestWriterChecks refuses what Read would: it would make the file unreadable.
func TestWriterChecks(t *testing.T) {
	w, err := OpenWriter(filepath.Join(t.TempDir(), "r.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	bad := aThroughput("a")
	bad.Case.N = 0
	if err := w.Write(bad); err == nil || !strings.Contains(err.Error(), "n is 0") {
		t.Errorf("a record that Read refuses: got %v", err)
	}
}

func TestWriterRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"text": "hello\n", "unfinished text": "hello", "foreign": `{"schema":"optbench/2"}` + "\n", "JSON": "{}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenWriter(path); err == nil || !strings.Contains(err.Error(), Schema) {
			t.Errorf("%s: got %v, want an error that names %s", name, err, Schema)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%s: was changed to %q (%v)", name, after, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "no", "folder")} {
		if _, err := OpenWriter(path); err == nil {
			t.Errorf("%s was opened for records", path)
		}
	}
}

func TestWriterFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	w, err := OpenWriter("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(aRun("a")); err == nil || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("a write to a full disk: got %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewID(t *testing.T) {
	if a, b := NewID(), NewID(); a == b || len(a) != 16 {
		t.Errorf("IDs %q and %q", a, b)
	}
}

// FuzzRead holds Read to not panicking, and what it accepts to surviving a
// second round.
func FuzzRead(f *testing.F) {
	for _, r := range []any{aRun("a"), aThroughput("a"), aComparison("a"), aSelftest("a"), aClaim("a")} {
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("{\"schema\":\"optbench/1\",\"kind\":\"x\"}\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := Read(bytes.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		var again bytes.Buffer
		e := json.NewEncoder(&again)
		for _, r := range first.Runs {
			if err := e.Encode(r); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range first.Throughput {
			if err := e.Encode(x); err != nil {
				t.Fatal(err)
			}
		}
		if again.Len() == 0 {
			return
		}
		second, err := Read(&again, "again")
		if err != nil {
			t.Fatalf("what was read is refused when written anew: %v", err)
		}
		if len(second.Runs) != len(first.Runs) || !reflect.DeepEqual(second.Throughput, first.Throughput) {
			t.Fatal("what was read differs when written anew")
		}
	})
}
