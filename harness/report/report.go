// Package report shows measured records: as a table in a terminal or in
// Markdown; as CSV, JSON Lines or Go benchmark format; and as what services that
// track benchmarks read. Throughput has a row per case; runs of optimizers have a row
// per task, over all its seeds. Comparisons are shown likewise.
package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/sample"
)

// Formats lists the formats, the one for people first.
var Formats = []string{"table", "md", "csv", "json", "benchfmt", "github-action-benchmark", "bencher"}

// A Writer shows records one by one, as they come.
type Writer interface {
	// Run says which run the records that follow belong to.
	Run(*record.Run) error
	Write(*record.Throughput) error
	// Convergence shows a run of an optimizer; in a table when it is closed, for a row
	// is made of the runs from all seeds.
	Convergence(*record.Convergence) error
	// Close writes what stands behind the last record.
	Close() error
}

// New returns a writer of a format. A table has a column for each axis along
// which the cases differ or that is not at its default, so that what all rows
// share takes no room. Cases are those of throughput, if any is to come.
func New(w io.Writer, format string, cases []record.Case) (Writer, error) {
	switch format {
	case "table":
		return newRows(w, false, cases)
	case "md":
		return newRows(w, true, cases)
	case "csv":
		return &csvWriter{Writer: csv.NewWriter(w)}, nil
	case "json":
		return jsonLines{json.NewEncoder(w)}, nil
	case "benchfmt":
		return benchFormat{benchfmt.NewWriter(w), map[string]*record.Run{}}, nil
	case "github-action-benchmark", "bencher":
		return &tracked{w: w, format: format}, nil
	}
	return nil, fmt.Errorf("unknown format %q, want one of %s", format, strings.Join(Formats, ", "))
}

// A field is a column of a table of records of type R.
type field[R any] struct {
	Column
	value func(*R) string
	// axis is the property of records that the field shows, if it is one. Usual is
	// its default, at which the field says nothing; "" is none.
	axis  bool
	usual string
	most  int // of the width; 0 for no bound
}

const (
	// anything is the default of an axis that is shown only where it varies.
	anything = "*"
	// longest is the width of the longest value that is of use, bert-large, and some.
	longest = 14
)

var fields = []field[record.Throughput]{
	{Column: Column{"run", 10, true}, value: func(t *record.Throughput) string { return t.Run[:min(8, len(t.Run))] }},
	{Column: Column{"update", 0, true}, value: of(update), axis: true},
	{Column: Column{"n", 0, false}, value: of(size), axis: true, most: longest},
	{Column: Column{"tensors", 0, false}, value: of(tensors), axis: true, usual: "1", most: longest},
	{Column: Column{"dtype", 0, true}, value: of(dtype), axis: true, usual: "f32", most: longest},
	{Column: Column{"clip", 0, false}, value: of(clip), axis: true, usual: "0", most: longest},
	{Column: Column{"thr", 0, false}, value: of(threads), axis: true, usual: anything, most: longest},
	{Column: Column{"cache", 0, true}, value: of(cache), axis: true, most: longest},
	{Column: Column{"kernel", 21, true}, value: func(t *record.Throughput) string { return t.Kernel }},
	{Column: Column{"ns/param", 10, false}, value: func(t *record.Throughput) string { return digits(t.NSPerParam) }},
	{Column: Column{"GB/s", 7, false}, value: func(t *record.Throughput) string { return digits(float64(t.Bytes) / t.Median / 1e9) }},
	{Column: Column{"of limit", 10, false}, value: func(t *record.Throughput) string { return percent(t.LimitShare) }},
	{Column: Column{"±95%", 8, false}, value: interval},
}

func of(axis func(record.Case) string) func(*record.Throughput) string {
	return func(t *record.Throughput) string { return axis(t.Case) }
}

// interval is the half-width of the 95 % interval of the median, which too few
// samples do not have; * marks that time was up before it was as narrow as asked
// for.
func interval(t *record.Throughput) string {
	mark := ""
	if t.Stop == string(sample.TimeUp) || t.Stop == string(sample.MaxedOut) {
		mark = "*"
	}
	half := (t.CI95[1] - t.CI95[0]) / 2 / t.Median
	switch {
	case len(t.Samples) < fewest:
		return "none" + mark
	case half >= 1:
		return ">100%" + mark
	}
	return percent(half) + mark
}

// fewest samples have a 95 % interval of their median.
const fewest = 6

func tensors(c record.Case) string {
	if c.Model != "" {
		return c.Model
	}
	return axis.FormatInt(int64(c.Tensors))
}

func update(c record.Case) string  { return c.Update }
func size(c record.Case) string    { return axis.FormatInt(int64(c.N)) }
func cache(c record.Case) string   { return c.Cache }
func dtype(c record.Case) string   { return c.DType }
func clip(c record.Case) string    { return strconv.FormatFloat(c.Clip, 'g', -1, 64) }
func threads(c record.Case) string { return strconv.Itoa(c.Threads) }

// digits shows three significant digits.
func digits(x float64) string {
	decimals := 3
	for limit := 1.0; decimals > 0 && x >= limit; limit *= 10 {
		decimals--
	}
	return strconv.FormatFloat(x, 'f', max(decimals, 0), 64)
}

func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + "%" }

// fieldsOf returns the fields that a table of cases needs; the run only where it
// tells rows of the same case apart. Where they are too wide, the interval goes first,
// then the bytes per second, which follow from the rest; then the names of updates are
// cut; then the kernel goes.
func fieldsOf(cases []record.Case) []field[record.Throughput] {
	seen := map[record.Case]bool{}
	repeated := slices.ContainsFunc(cases, func(c record.Case) bool {
		again := seen[c]
		seen[c] = true
		return again
	})
	wanted := fields
	if !repeated {
		wanted = slices.DeleteFunc(slices.Clone(fields), func(f field[record.Throughput]) bool { return f.Name == "run" })
	}
	records := make([]record.Throughput, len(cases))
	for i, c := range cases {
		records[i].Case = c
	}
	return fit(wanted, records, MaxWidth, []string{"±95%", "GB/s", cut, "kernel"}, "update")
}

// cut stands among the columns that a table drops for the cutting of names.
const cut = ""

// fit returns the fields that a table of records needs, of a width that the axes need
// and that is at most room, if it can: it drops columns in the order of drop, and cuts
// those of names where that is enough from where cut stands in that order.
func fit[R any](fields []field[R], records []R, room int, drop []string, names ...string) []field[R] {
	var out []field[R]
	width := 0
	for _, f := range fields {
		if f.axis {
			values := map[string]bool{}
			f.Width = len(f.Name) + 2
			for i := range records {
				v := f.value(&records[i])
				values[v] = true
				f.Width = max(f.Width, len([]rune(v))+2)
			}
			if f.most > 0 {
				f.Width = min(f.Width, f.most)
			}
			if f.usual == anything && len(values) < 2 || len(values) < 2 && values[f.usual] {
				continue
			}
		}
		out, width = append(out, f), width+f.Width
	}
	at := func(name string) int { return slices.IndexFunc(out, func(f field[R]) bool { return f.Name == name }) }
	spare := 0 // to be had by cutting
	for _, name := range drop {
		if name == cut {
			for _, n := range names {
				if i := at(n); i >= 0 {
					spare += slack(out[i])
				}
			}
		} else if i := at(name); i >= 0 && width > room+spare {
			width -= out[i].Width
			out = slices.Delete(out, i, i+1)
		}
	}
	for _, n := range names {
		if i := at(n); i >= 0 {
			less := min(max(0, width-room), slack(out[i]))
			out[i].Width -= less
			width -= less
		}
	}
	return out
}

// slack is how much narrower a field of names may be.
func slack[R any](f field[R]) int { return max(0, f.Width-len(f.Name)-2) }

// rows is a table of records.
type rows struct {
	w        io.Writer
	markdown bool
	table    *Table // of throughput; nil where no case is to come
	fields   []field[record.Throughput]
	runs     []record.Convergence
	sort     string // key of [groupKeys]; "" for the first
}

func newRows(w io.Writer, markdown bool, cases []record.Case) (Writer, error) {
	r := &rows{w: w, markdown: markdown}
	if len(cases) == 0 {
		return r, nil
	}
	r.fields = fieldsOf(cases)
	var err error
	r.table, err = newTable(w, markdown, r.fields)
	return r, err
}

func newTable[R any](w io.Writer, markdown bool, fields []field[R]) (*Table, error) {
	var columns []Column
	for _, f := range fields {
		columns = append(columns, f.Column)
	}
	return NewTable(w, markdown, columns...)
}

func (r *rows) Run(*record.Run) error { return nil }

func (r *rows) Write(t *record.Throughput) error { return addRow(r.table, r.fields, t) }

func addRow[R any](table *Table, fields []field[R], record *R) error {
	var cells []string
	for _, f := range fields {
		cells = append(cells, f.value(record))
	}
	return table.Row(cells...)
}

func (r *rows) Convergence(c *record.Convergence) error {
	run := *c
	run.Trajectory = nil // not shown, and long
	r.runs = append(r.runs, run)
	return nil
}

func (r *rows) Close() error {
	if r.table != nil {
		if err := r.table.Close(); err != nil {
			return err
		}
		if len(r.runs) > 0 {
			if _, err := fmt.Fprintln(r.w); err != nil {
				return err
			}
		}
	}
	if len(r.runs) == 0 {
		return nil
	}
	return convergence(r.w, r.markdown, r.runs, r.sort)
}

// csvWriter writes a header and a line per record, numbers in full.
type csvWriter struct {
	*csv.Writer
	headed bool
}

var csvHeader = []string{
	"run", "update", "n", "tensors", "model", "dtype", "clip", "backend", "threads", "cache", "kernel", "samples", "median_s", "ci95_lo_s", "ci95_hi_s",
	"bytes", "ns_per_param", "bytes_per_s", "limit_bytes_per_s", "limit_share", "stop", "verified",
}

var csvHeaderConvergence = []string{
	"run", "objective", "dim", "noise", "batch", "optimizer", "lr", "schedule", "dtype", "backend", "threads", "seed", "tuning", "kernel", "budget", "limit_s", "start", "target",
	"reached", "diverged", "steps", "grad_evals", "seconds", "bytes", "final_value", "state_hash",
}

// line writes a line below its header, which comes once.
func (c *csvWriter) line(header, cells []string) error {
	if !c.headed {
		c.headed = true
		if err := c.line(header, header); err != nil {
			return err
		}
	}
	if err := c.Writer.Write(cells); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	c.Flush()
	return c.Error()
}

func (c *csvWriter) Run(*record.Run) error { return nil }

func float(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func (c *csvWriter) Write(t *record.Throughput) error {
	return c.line(csvHeader, []string{
		t.Run, t.Case.Update, fmt.Sprint(t.Case.N), fmt.Sprint(t.Case.Tensors), t.Case.Model, t.Case.DType, float(t.Case.Clip), t.Case.Backend,
		fmt.Sprint(t.Case.Threads), t.Case.Cache, t.Kernel, fmt.Sprint(len(t.Samples)), float(t.Median), float(t.CI95[0]), float(t.CI95[1]),
		fmt.Sprint(t.Bytes), float(t.NSPerParam), float(float64(t.Bytes) / t.Median), float(t.LimitBytesPerSecond), float(t.LimitShare),
		t.Stop, fmt.Sprint(t.Verified),
	})
}

func (c *csvWriter) Convergence(r *record.Convergence) error {
	k := r.Case
	return c.line(csvHeaderConvergence, []string{
		r.Run, k.Objective, fmt.Sprint(k.Dim), k.Noise, fmt.Sprint(k.Batch), k.Optimizer, float(k.LR), k.Schedule, k.DType, k.Backend, fmt.Sprint(k.Threads),
		fmt.Sprint(r.Seed), fmt.Sprint(r.Tuning), r.Kernel, fmt.Sprint(r.Budget), float(r.Limit), float(r.Start), float(r.Target), fmt.Sprint(r.Reached), fmt.Sprint(r.Diverged),
		fmt.Sprint(r.Steps), fmt.Sprint(r.GradEvals), float(r.Seconds), fmt.Sprint(r.Bytes), float(r.Final), r.StateHash,
	})
}

func (c *csvWriter) Close() error { return nil }

// jsonLines writes the records as they are stored.
type jsonLines struct{ *json.Encoder }

func (j jsonLines) Run(r *record.Run) error          { return j.line(r) }
func (j jsonLines) Write(t *record.Throughput) error { return j.line(t) }

func (j jsonLines) Convergence(c *record.Convergence) error { return j.line(c) }

func (j jsonLines) line(v any) error {
	if err := j.Encode(v); err != nil {
		return fmt.Errorf("json: %w", err)
	}
	return nil
}

func (j jsonLines) Close() error { return nil }
