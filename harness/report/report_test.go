package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"

	"github.com/optbench/optbench/harness/record"
)

func result(run, update string, n int, backend string, median float64) record.Throughput {
	isa := strings.TrimPrefix(backend, "cpu:")
	bytes := int64(28 * n)
	return record.Throughput{
		Schema: record.Schema, Kind: record.KindThroughput, Run: run,
		Case:   record.Case{Update: update, N: n, Tensors: 1, DType: "f32", Backend: backend, Threads: 2, Cache: "hot"},
		Kernel: isa + "/" + update + "_f32", Samples: []float64{0.9 * median, 0.9 * median, median, median, 1.1 * median, 1.1 * median}, Median: median,
		CI95: [2]float64{0.9 * median, 1.1 * median}, Bytes: bytes, LimitBytesPerSecond: float64(bytes) / median * 2, LimitShare: 0.5,
		NSPerParam: 1e9 * median / float64(n), Stop: "converged", Verified: true,
	}
}

func results() *record.File {
	return &record.File{
		Runs: []record.Run{{Schema: record.Schema, Kind: record.KindRun, ID: "a"}},
		Throughput: []record.Throughput{
			result("a", "adamw", 1e6, "cpu:avx2", 3e-4), result("a", "lamb", 1e6, "cpu:avx2", 6e-4),
			result("a", "adamw", 1e6, "cpu:go", 4e-3), result("a", "lamb", 1e6, "cpu:go", 8e-3),
		},
	}
}

func show(t *testing.T, f *record.File, format, by, sort string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Show(&b, f, format, by, sort); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTable(t *testing.T) {
	f := results()
	f.Throughput[1].Stop = "time"
	f.Throughput[2].CI95 = [2]float64{1e-3, 1e-1}
	f.Throughput[3].Samples = f.Throughput[3].Samples[:5]
	want := `
 update    n  cache  kernel               ns/param   GB/s  of limit    ±95%
 adamw   1e6  hot    avx2/adamw_f32          0.300   93.3     50.0%   10.0%
 lamb    1e6  hot    avx2/lamb_f32           0.600   46.7     50.0%  10.0%*
 adamw   1e6  hot    go/adamw_f32             4.00   7.00     50.0%   >100%
 lamb    1e6  hot    go/lamb_f32              8.00   3.50     50.0%    none
`
	if got := trimmed(show(t, f, "table", "", "")); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got:\n%s\nwant:%s", got, want)
	}
}

// trimmed drops spaces at the ends of lines.
func trimmed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// TestTableWidth makes every axis differ at once, with the longest values.
func TestTableWidth(t *testing.T) {
	f := results()
	for i := range f.Throughput {
		c := &f.Throughput[i].Case
		c.Update = "adamw:lr=0.000123:weight_decay=0.1"
		c.N, c.Tensors, c.DType, c.Clip, c.Threads, c.Cache = 123456789+i, 1+i, []string{"f32", "f64"}[i%2], float64(i)/8, 1+i, "cold"
		f.Throughput[i].Kernel = "avx512/acclip_v2_f32"
	}
	f.Throughput[0].Case.Model = "bert-large"
	for line := range strings.Lines(show(t, f, "table", "", "")) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > MaxWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	header, _, _ := strings.Cut(show(t, f, "table", "", ""), "\n")
	for _, name := range []string{"update", "n", "tensors", "dtype", "clip", "thr", "cache", "kernel", "ns/param"} {
		if !strings.Contains(header, " "+name+" ") {
			t.Errorf("the header lacks %s: %s", name, header)
		}
	}
}

func TestMarkdown(t *testing.T) {
	f := results()
	f.Throughput[0].Kernel = "a|b"
	lines := strings.Split(show(t, f, "md", "", ""), "\n")
	if len(lines) < 6 || !strings.HasPrefix(lines[0], "| update ") || !strings.HasPrefix(lines[1], "|:---") {
		t.Fatalf("not a table: %q", lines)
	}
	if !strings.Contains(lines[2], `a\|b`) {
		t.Errorf("a bar is not escaped: %s", lines[2])
	}
}

func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(show(t, results(), "csv", "", "ns/param"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 || len(rows[0]) != len(csvHeader) || rows[1][1] != "adamw" || rows[4][1] != "lamb" {
		t.Errorf("rows %q", rows)
	}
}

func TestJSON(t *testing.T) {
	text := show(t, results(), "json", "", "")
	f, err := record.Read(strings.NewReader(text), "json")
	if err != nil || len(f.Runs) != 1 || len(f.Throughput) != 4 || len(f.Notices) != 0 {
		t.Errorf("read back %+v, %v", f, err)
	}
}

func TestBenchfmt(t *testing.T) {
	f := results()
	f.Throughput[0].Case.Update = "adamw:lr=0.1"
	f.Runs[0].Environment.CPU = "Test CPU"
	r := benchfmt.NewReader(strings.NewReader(show(t, f, "benchfmt", "", "")), "benchfmt")
	var n int
	for r.Scan() {
		b, ok := r.Result().(*benchfmt.Result)
		if !ok {
			t.Fatalf("line %v: %v", r.Result(), r.Err())
		}
		if b.GetConfig("cpu") != "Test CPU" {
			t.Errorf("cpu is %q", b.GetConfig("cpu"))
		}
		if n == 0 {
			want := "Step/update=adamw:lr=0.1/n=1000000/tensors=1/dtype=f32/backend=cpu:avx2/threads=2/cache=hot"
			if string(b.Name) != want {
				t.Errorf("name %s, want %s", b.Name, want)
			}
			if x, ok := b.Value("sec/op"); !ok || math.Abs(x-2.7e-4) > 1e-12 {
				t.Errorf("%v sec/op, want 2.7e-4", x)
			}
		}
		n++
	}
	if err := r.Err(); err != nil || n != 24 {
		t.Errorf("%d results (%v), want one for each of 24 samples", n, err)
	}
}

// TestBenchfmtLaunches writes a line per launch: its samples are no replicates.
func TestBenchfmtLaunches(t *testing.T) {
	f := results()
	f.Runs[0].Launch, f.Runs[0].Launches = 1, 2
	if n := strings.Count(show(t, f, "benchfmt", "", ""), "BenchmarkStep"); n != 4 {
		t.Errorf("%d lines, want one for each of 4 cases", n)
	}
}

func TestCombine(t *testing.T) {
	var f record.File
	for i, median := range []float64{3e-4, 1e-4, 2e-4, 5e-4, 4e-4, 6e-4} {
		id := fmt.Sprint(i)
		f.Runs = append(f.Runs, record.Run{ID: id, Command: "optbench run", Launch: i + 1, Launches: 6})
		f.Throughput = append(f.Throughput, result(id, "adamw", 1e6, "cpu:go", median), result(id, "lamb", 1e6, "cpu:go", 1e-3))
	}
	// Another run of the same case, and one of unknown origin, stay apart.
	f.Runs = append(f.Runs, record.Run{ID: "other", Command: "optbench run"})
	f.Throughput = append(f.Throughput, result("other", "adamw", 1e6, "cpu:go", 1), result("stranger", "adamw", 1e6, "cpu:go", 2))
	got := Combine(&f)
	if len(got) != 4 || got[0].Case.Update != "adamw" || got[2].Median != 1 || got[3].Median != 2 {
		t.Fatalf("%d records, want two combined and two as they were", len(got))
	}
	a := got[0]
	if math.Abs(a.Median-3.5e-4) > 1e-12 || a.CI95 != [2]float64{1e-4, 6e-4} || len(a.Samples) != 6 || math.Abs(a.NSPerParam-0.35) > 1e-9 {
		t.Errorf("median %v in %v, %d samples, %v ns", a.Median, a.CI95, len(a.Samples), a.NSPerParam)
	}
	text := show(t, &f, "table", "", "")
	if !strings.Contains(text, " run ") || !strings.Contains(text, " stranger ") {
		t.Errorf("rows of the same case are not told apart:\n%s", text)
	}
	if err := Show(&bytes.Buffer{}, &f, "table", "backend", ""); err == nil || !strings.Contains(err.Error(), "more than once") {
		t.Errorf("two measurements for one cell: got %v", err)
	}
}

func TestPivot(t *testing.T) {
	want := `
 update     cpu:avx2      cpu:go
 adamw   0.300 (50%)  4.00 (50%)
 lamb    0.600 (50%)  8.00 (50%)

ns/param (share of the limit), by backend
`
	if got := trimmed(show(t, results(), "table", "backend", "")); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got:\n%s\nwant:%s", got, want)
	}
	f := results()
	for i := range f.Throughput {
		f.Throughput[i].Case.N = 1000 + i
	}
	if got := show(t, f, "md", "backend", ""); !strings.Contains(got, "| n ") && !strings.Contains(got, "|    n ") {
		t.Errorf("n differs within a column and is no axis of the rows:\n%s", got)
	}
}

func TestSort(t *testing.T) {
	for _, key := range SortKeys() {
		show(t, results(), "table", "", key)
	}
	lines := strings.Split(show(t, results(), "table", "", "GB/s"), "\n")
	if !strings.Contains(lines[1], "93.3") || !strings.Contains(lines[4], "3.50") {
		t.Errorf("not the fastest first: %q", lines)
	}
}

func TestShowRefuses(t *testing.T) {
	for _, c := range []struct{ format, by, sort, want string }{
		{"xml", "", "", "unknown format"},
		{"table", "colour", "", "--by is"},
		{"csv", "backend", "", "--format table or md"},
		{"table", "", "colour", "--sort is"},
	} {
		if err := Show(&bytes.Buffer{}, results(), c.format, c.by, c.sort); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	if err := Show(&bytes.Buffer{}, &record.File{Runs: results().Runs}, "table", "", ""); err == nil {
		t.Error("a table of no measurements gives no error")
	}
}

// TestTableFits tries every combination of axes, with values that are long: the
// table fits a terminal, and has the figures that it is read for.
func TestTableFits(t *testing.T) {
	changes := []func(*record.Case){
		func(c *record.Case) { c.Update = "adamw:lr=0.0003:weight_decay=0.123456789" },
		func(c *record.Case) { c.N = 123_456_789_012_345 },
		func(c *record.Case) { c.Model, c.Tensors = "bert-large", 391 },
		func(c *record.Case) { c.Tensors = 123_456_789_012_345 },
		func(c *record.Case) { c.DType = "f64" },
		func(c *record.Case) { c.Backend, c.Threads = "cpu:avx2", 1024 },
		func(c *record.Case) { c.Cache = "cold" },
		func(c *record.Case) { c.Clip = 1.2345678901234567e-100 },
		func(c *record.Case) {}, // the same case twice
	}
	for set := range 1 << len(changes) {
		f := &record.File{Throughput: []record.Throughput{result("0123456789", "adamw", 1000, "cpu:go", 12.3e-6)}}
		f.Throughput[0].Kernel = "avx512/normalized-gd_f32"
		for i, change := range changes {
			if set>>i&1 == 1 {
				r := f.Throughput[0]
				change(&r.Case)
				f.Throughput = append(f.Throughput, r)
			}
		}
		text := show(t, f, "table", "", "")
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > MaxWidth {
				t.Fatalf("%d columns:\n%s", n, text)
			}
		}
		for _, want := range []string{" update ", " ns/param ", " of limit ", " 12.3 ", " 50.0% "} {
			if !strings.Contains(text, want) {
				t.Fatalf("the table lacks%s:\n%s", want, text)
			}
		}
	}
}

// TestBenchfmtFilters looks for results as benchstat's -filter does.
func TestBenchfmtFilters(t *testing.T) {
	f := results() // four cases of six samples
	odd := &f.Throughput[0].Case
	odd.Update, odd.Clip, odd.Model, odd.Cache, odd.Backend = "a b/c:lr=1e-05", 1e-5, "gpt2", "cold", "x y/z"
	results := benchfmt.NewReader(strings.NewReader(show(t, f, "benchfmt", "", "")), "benchfmt")
	var all []*benchfmt.Result
	for results.Scan() {
		r, ok := results.Result().(*benchfmt.Result)
		if !ok {
			t.Fatalf("not a result: %v", results.Result())
		}
		all = append(all, r.Clone())
	}
	for query, want := range map[string]int{
		".name:Step": 24, "/update:lamb": 12, "/update:lamb /backend:cpu:go": 6, "/n:1000000": 24, "/dtype:f32": 24, "/threads:2": 24, "/cache:hot": 18,
		"/clip:1e-05": 6, "/tensors:gpt2": 6, "/cache:cold": 6, "/update:a_b_c:lr=1e-05": 6, "/backend:x_y_z": 6, "/gomaxprocs:05": 0,
	} {
		words := strings.Fields(query)
		for i, w := range words { // a value may hold colons where it is quoted
			key, value, _ := strings.Cut(w, ":")
			words[i] = fmt.Sprintf("%s:%q", key, value)
		}
		filter, err := benchproc.NewFilter(strings.Join(words, " "))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range all {
			if m, err := filter.Match(r); err == nil && m.All() {
				n++
			}
		}
		if n != want {
			t.Errorf("%s matches %d results, want %d", query, n, want)
		}
	}
}

// TestSortKeys orders rows by each key: upwards, but for speeds, of which the
// greatest comes first.
func TestSortKeys(t *testing.T) {
	f := &record.File{}
	for _, i := range []int{3, 1, 4, 2} {
		r := result("a", strings.Repeat("a", i), 1000*i, "cpu:go", 1e-6*float64(i*i))
		r.Case.Threads, r.LimitShare = i, float64(i)
		f.Throughput = append(f.Throughput, r)
	}
	for _, key := range SortKeys() {
		rows, err := csv.NewReader(strings.NewReader(show(t, &record.File{Throughput: slices.Clone(f.Throughput)}, "csv", "", key))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, row := range rows[1:] {
			got = append(got, len(row[1]))
		}
		want := []int{1, 2, 3, 4}
		if key == "limit" {
			slices.Reverse(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %v, want %v", key, got, want)
		}
	}
}
