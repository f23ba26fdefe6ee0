package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/sample"
)

// Show writes the records of a file in a format. Tables have one row per case,
// with the launches of a case combined, and one per task of an optimizer, over its
// seeds; the other formats have the records as they are. By makes a table with a
// column per value of an axis, and sort orders rows by a column; both may be empty.
func Show(w io.Writer, f *record.File, format, by, sort string) error {
	if len(f.Throughput)+len(f.Convergence) == 0 {
		if len(f.Claims) > 0 {
			if by != "" || sort != "" {
				return fmt.Errorf("--by and --sort are for measurements of optimizers, the records are of claims, which come in their order")
			}
			return showClaims(w, f, format)
		}
		if len(f.Comparison) > 0 {
			return fmt.Errorf("the records are of comparisons, which optbench compare shows")
		}
		if len(f.Selftest) > 0 {
			return fmt.Errorf("the records are of self-tests, which no table shows; optbench compare shows their noise beside its percentages")
		}
		return fmt.Errorf("no measurements to show")
	}
	table := format == "table" || format == "md"
	if by != "" && !table {
		return fmt.Errorf("--by makes a table, want --format table or md, got %s", format)
	}
	if format == "csv" && len(f.Throughput) > 0 && len(f.Convergence) > 0 {
		return fmt.Errorf("there are records of throughput and of convergence, and CSV has one header: want --kind to choose")
	}
	records := f.Throughput
	if table {
		records = Combine(f)
	}
	if sort != "" {
		less, ok := sortKeys[sort]
		_, known := groupKeys[sort]
		if !(ok && len(records) > 0) && !(known && table && len(f.Convergence) > 0) {
			keys := keysOf(f, table)
			if len(keys) == 0 {
				return fmt.Errorf("--sort orders the rows of a table, want --format table or md, got %s", format)
			}
			return fmt.Errorf("--sort is %q, want one of %s", sort, strings.Join(keys, ", "))
		}
		if ok {
			records = slices.Clone(records)
			slices.SortStableFunc(records, func(a, b record.Throughput) int { return less(&a, &b) })
		}
	}
	if by != "" {
		if len(records) == 0 {
			return pivotGroups(w, f.Convergence, by, format == "md")
		}
		return pivot(w, records, by, format == "md")
	}
	var cases []record.Case
	for _, t := range records {
		cases = append(cases, t.Case)
	}
	out, err := New(w, format, cases)
	if err != nil {
		return err
	}
	if r, ok := out.(*rows); ok && groupKeys[sort] != nil {
		r.sort = sort
	}
	for i := range f.Runs {
		if err := out.Run(&f.Runs[i]); err != nil {
			return err
		}
	}
	for i := range records {
		if err := out.Write(&records[i]); err != nil {
			return err
		}
	}
	for i := range f.Convergence {
		if err := out.Convergence(&f.Convergence[i]); err != nil {
			return err
		}
	}
	return out.Close()
}

// keysOf lists the columns that the records can be ordered by.
func keysOf(f *record.File, table bool) []string {
	var keys []string
	if len(f.Throughput) > 0 {
		keys = SortKeys()
	}
	if len(f.Convergence) > 0 && table {
		keys = append(keys, GroupSortKeys()...)
	}
	return keys
}

// sortKeys order records by a column.
var sortKeys = map[string]func(a, b *record.Throughput) int{
	"update":   func(a, b *record.Throughput) int { return cmp.Compare(a.Case.Update, b.Case.Update) },
	"n":        func(a, b *record.Throughput) int { return cmp.Compare(a.Case.N, b.Case.N) },
	"kernel":   func(a, b *record.Throughput) int { return cmp.Compare(a.Kernel, b.Kernel) },
	"threads":  func(a, b *record.Throughput) int { return cmp.Compare(a.Case.Threads, b.Case.Threads) },
	"ns/param": func(a, b *record.Throughput) int { return cmp.Compare(a.NSPerParam, b.NSPerParam) },
	"GB/s": func(a, b *record.Throughput) int {
		return cmp.Compare(float64(b.Bytes)/b.Median, float64(a.Bytes)/a.Median)
	},
	"limit": func(a, b *record.Throughput) int { return cmp.Compare(b.LimitShare, a.LimitShare) },
}

// SortKeys lists the columns that rows can be ordered by: names and sizes
// upwards, and the fastest first.
func SortKeys() []string {
	return []string{"update", "n", "kernel", "threads", "ns/param", "GB/s", "limit"}
}

// Combine makes one record of what several launches of one command measured of a
// case: its median is the median of theirs, its samples are their medians, and its
// interval is between them. What separate runs measured stays apart. The order is
// that of each case's first record.
func Combine(f *record.File) []record.Throughput {
	// The runs that belong together have a first one that names them.
	type command struct{ command, commit, cpu string }
	first, name := map[command]string{}, map[string]string{}
	for _, r := range f.Runs {
		name[r.ID] = r.ID
		if r.Launches > 1 {
			c := command{r.Command, r.Commit, r.Environment.CPU}
			if r.Launch == 1 || first[c] == "" {
				first[c] = r.ID
			}
			name[r.ID] = first[c]
		}
	}
	type key struct {
		c           record.Case
		kernel, run string
	}
	groups := map[key][]record.Throughput{}
	var order []key
	for _, t := range f.Throughput {
		k := key{t.Case, t.Kernel, cmp.Or(name[t.Run], t.Run)}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], t)
	}
	var out []record.Throughput
	for _, k := range order {
		out = append(out, combine(groups[k]))
	}
	return out
}

func combine(group []record.Throughput) record.Throughput {
	t := group[0]
	if len(group) == 1 {
		return t
	}
	median := func(value func(record.Throughput) float64) sample.Summary {
		var s sample.Series
		for _, g := range group {
			s.Seconds = append(s.Seconds, value(g))
		}
		return s.Summary()
	}
	t.Samples = nil
	for _, g := range group {
		t.Samples = append(t.Samples, g.Median)
	}
	m := median(func(g record.Throughput) float64 { return g.Median })
	t.Median, t.CI95 = m.Median, [2]float64{m.Lo, m.Hi}
	t.NSPerParam = 1e9 * m.Median / float64(t.Case.N)
	t.LimitShare = median(func(g record.Throughput) float64 { return g.LimitShare }).Median
	t.LimitBytesPerSecond = median(func(g record.Throughput) float64 { return g.LimitBytesPerSecond }).Median
	t.Stop = stopLaunches
	return t
}

// Combined returns a writer that holds back what it is given and, when it is
// closed, passes on the records of [Combine].
func Combined(w Writer) Writer { return &combined{Writer: w} }

type combined struct {
	Writer
	file record.File
}

func (c *combined) Run(r *record.Run) error {
	c.file.Runs = append(c.file.Runs, *r)
	return nil
}

func (c *combined) Write(t *record.Throughput) error {
	c.file.Throughput = append(c.file.Throughput, *t)
	return nil
}

func (c *combined) Close() error {
	for _, t := range Combine(&c.file) {
		if err := c.Writer.Write(&t); err != nil {
			return err
		}
	}
	return c.Writer.Close()
}

// stopLaunches is why a combined record has no more samples: so many launches
// were asked for.
const stopLaunches = "launches"

// pivots are the axes that can make columns.
var pivots = map[string]func(record.Case) string{
	"update":  update,
	"n":       size,
	"tensors": tensors,
	"dtype":   dtype,
	"backend": func(c record.Case) string { return c.Backend },
	"threads": threads,
	"cache":   cache,
	"clip":    clip,
}

// Pivots lists the axes that can make columns.
func Pivots() []string {
	return []string{"update", "n", "tensors", "dtype", "backend", "threads", "cache", "clip"}
}

// pivot writes ns/param and the share of the limit, with a column per value of
// one axis and a row per combination of the others that differ.
func pivot(w io.Writer, records []record.Throughput, by string, markdown bool) error {
	value, ok := pivots[by]
	if !ok {
		return fmt.Errorf("--by is %q, want one of %s", by, strings.Join(Pivots(), ", "))
	}
	var rowAxes []string
	for _, a := range Pivots() {
		differs := func(t record.Throughput) bool {
			// The state of the cache often follows from the size that heads a column.
			return pivots[a](t.Case) != pivots[a](records[0].Case) && !(a == "cache" && follows(records, value))
		}
		if a != by && (a == "update" || slices.ContainsFunc(records, differs)) {
			rowAxes = append(rowAxes, a)
		}
	}
	c := newCross(by, rowAxes)
	for _, t := range records {
		var line []string
		for _, a := range rowAxes {
			line = append(line, pivots[a](t.Case))
		}
		if !c.add(line, columnHead(by, value(t.Case)), fmt.Sprintf("%s (%.0f%%)", digits(t.NSPerParam), 100*t.LimitShare)) {
			return fmt.Errorf("%s at n=%d was measured more than once; --by wants one run, or the launches of one", t.Case.Update, t.Case.N)
		}
	}
	return c.write(w, markdown, "ns/param (share of the limit), by "+by)
}

// columnHead names a column by its value, and by its axis where the value is but
// a number.
func columnHead(by, value string) string {
	if value[0] >= '0' && value[0] <= '9' {
		return by + "=" + value
	}
	return value
}

// follows reports whether all records with one value of an axis have the same
// state of the cache.
func follows(records []record.Throughput, value func(record.Case) string) bool {
	state := map[string]string{}
	for _, t := range records {
		v := value(t.Case)
		if state[v] == "" {
			state[v] = t.Case.Cache
		}
		if state[v] != t.Case.Cache {
			return false
		}
	}
	return true
}
