// Package report shows measured records: as a table in a terminal or in
// Markdown; as CSV, JSON Lines or Go benchmark format; and as what services that
// track benchmarks read. Comparisons are shown likewise.
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
	// Close writes what stands behind the last record.
	Close() error
}

// New returns a writer of a format. A table has a column for each axis along
// which the cases differ or that is not at its default, so that what all rows
// share takes no room.
func New(w io.Writer, format string, cases []record.Case) (Writer, error) {
	switch format {
	case "table":
		return newRows(w, false, cases)
	case "md":
		return newRows(w, true, cases)
	case "csv":
		return newCSV(w)
	case "json":
		return jsonLines{json.NewEncoder(w)}, nil
	case "benchfmt":
		return benchFormat{benchfmt.NewWriter(w), map[string]*record.Run{}}, nil
	case "github-action-benchmark", "bencher":
		return &tracked{w: w, format: format}, nil
	}
	return nil, fmt.Errorf("unknown format %q, want one of %s", format, strings.Join(Formats, ", "))
}

// A field is a column of a table of records.
type field struct {
	Column
	value func(*record.Throughput) string
	// axis is the property of cases that the field shows, if it is one. Usual is
	// its default, at which the field says nothing; "" is none.
	axis  func(record.Case) string
	usual string
}

var fields = []field{
	{Column{"run", 10, true}, func(t *record.Throughput) string { return t.Run[:min(8, len(t.Run))] }, nil, ""},
	{Column{"update", 0, true}, func(t *record.Throughput) string { return t.Case.Update }, update, ""},
	{Column{"n", 0, false}, func(t *record.Throughput) string { return size(t.Case) }, size, ""},
	{Column{"tensors", 0, false}, func(t *record.Throughput) string { return tensors(t.Case) }, tensors, "1"},
	{Column{"dtype", 0, true}, func(t *record.Throughput) string { return t.Case.DType }, dtype, "f32"},
	{Column{"clip", 0, false}, func(t *record.Throughput) string { return clip(t.Case) }, clip, "0"},
	{Column{"thr", 0, false}, func(t *record.Throughput) string { return threads(t.Case) }, threads, anything},
	{Column{"cache", 0, true}, func(t *record.Throughput) string { return t.Case.Cache }, cache, ""},
	{Column{"kernel", 21, true}, func(t *record.Throughput) string { return t.Kernel }, nil, ""},
	{Column{"ns/param", 10, false}, func(t *record.Throughput) string { return digits(t.NSPerParam) }, nil, ""},
	{Column{"GB/s", 7, false}, func(t *record.Throughput) string { return digits(float64(t.Bytes) / t.Median / 1e9) }, nil, ""},
	{Column{"of limit", 10, false}, func(t *record.Throughput) string { return percent(t.LimitShare) }, nil, ""},
	{Column{"±95%", 8, false}, interval, nil, ""},
}

// anything is the default of an axis that is shown only where it varies.
const anything = "*"

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
// tells rows of the same case apart. Where they are wider than MaxWidth, the
// interval goes first, then the bytes per second, which follow from the rest; then
// the names of updates are cut; then the kernel goes.
func fieldsOf(cases []record.Case) []field {
	var out []field
	width := 0
	seen := map[record.Case]bool{}
	repeated := slices.ContainsFunc(cases, func(c record.Case) bool {
		again := seen[c]
		seen[c] = true
		return again
	})
	for _, f := range fields {
		if f.Name == "run" && !repeated {
			continue
		}
		if f.axis != nil {
			values := map[string]bool{}
			f.Width = len(f.Name) + 2
			for _, c := range cases {
				v := f.axis(c)
				values[v] = true
				f.Width = max(f.Width, len(v)+2)
			}
			if f.Name != "update" {
				f.Width = min(f.Width, 14) // the longest that is of use, bert-large, and some
			}
			if f.usual == anything && len(values) < 2 || len(values) < 2 && values[f.usual] {
				continue
			}
		}
		out, width = append(out, f), width+f.Width
	}
	at := func(name string) int { return slices.IndexFunc(out, func(f field) bool { return f.Name == name }) }
	room := MaxWidth
	for _, name := range []string{"±95%", "GB/s", "kernel"} {
		if name == "kernel" {
			room += max(0, out[at("update")].Width-len("update")-2)
		}
		if i := at(name); width > room {
			width -= out[i].Width
			out = slices.Delete(out, i, i+1)
		}
	}
	out[at("update")].Width -= max(0, width-MaxWidth)
	return out
}

// rows is a table of records.
type rows struct {
	table  *Table
	fields []field
}

func newRows(w io.Writer, markdown bool, cases []record.Case) (Writer, error) {
	r := rows{fields: fieldsOf(cases)}
	var columns []Column
	for _, f := range r.fields {
		columns = append(columns, f.Column)
	}
	var err error
	r.table, err = NewTable(w, markdown, columns...)
	return r, err
}

func (r rows) Run(*record.Run) error { return nil }

func (r rows) Write(t *record.Throughput) error {
	var cells []string
	for _, f := range r.fields {
		cells = append(cells, f.value(t))
	}
	return r.table.Row(cells...)
}

func (r rows) Close() error { return r.table.Close() }

// csvWriter writes a header and a line per record, numbers in full.
type csvWriter struct{ *csv.Writer }

var csvHeader = []string{
	"run", "update", "n", "tensors", "model", "dtype", "clip", "backend", "threads", "cache", "kernel", "samples", "median_s", "ci95_lo_s", "ci95_hi_s",
	"bytes", "ns_per_param", "bytes_per_s", "limit_bytes_per_s", "limit_share", "stop", "verified",
}

func newCSV(w io.Writer) (Writer, error) {
	c := csvWriter{csv.NewWriter(w)}
	return c, c.line(csvHeader)
}

func (c csvWriter) line(cells []string) error {
	if err := c.Writer.Write(cells); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	c.Flush()
	return c.Error()
}

func (c csvWriter) Run(*record.Run) error { return nil }

func (c csvWriter) Write(t *record.Throughput) error {
	float := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	return c.line([]string{
		t.Run, t.Case.Update, fmt.Sprint(t.Case.N), fmt.Sprint(t.Case.Tensors), t.Case.Model, t.Case.DType, float(t.Case.Clip), t.Case.Backend,
		fmt.Sprint(t.Case.Threads), t.Case.Cache, t.Kernel, fmt.Sprint(len(t.Samples)), float(t.Median), float(t.CI95[0]), float(t.CI95[1]),
		fmt.Sprint(t.Bytes), float(t.NSPerParam), float(float64(t.Bytes) / t.Median), float(t.LimitBytesPerSecond), float(t.LimitShare),
		t.Stop, fmt.Sprint(t.Verified),
	})
}

func (c csvWriter) Close() error { return nil }

// jsonLines writes the records as they are stored.
type jsonLines struct{ *json.Encoder }

func (j jsonLines) Run(r *record.Run) error          { return j.line(r) }
func (j jsonLines) Write(t *record.Throughput) error { return j.line(t) }

func (j jsonLines) line(v any) error {
	if err := j.Encode(v); err != nil {
		return fmt.Errorf("json: %w", err)
	}
	return nil
}

func (j jsonLines) Close() error { return nil }
