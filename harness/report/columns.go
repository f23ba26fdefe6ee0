package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/sample"
)

// byDevice is the column that is no axis: the device that a run names.
const byDevice = "device"

// Columns lists what [Columned] can put side by side.
func Columns() []string { return append([]string{byDevice}, Pivots()...) }

// A grid is measurements by row and column.
type grid struct {
	by    string
	axes  []string   // that tell rows apart
	heads []string   // values of by
	rows  [][]string // values of axes
	// cells are the times per parameter of every launch, by row and column; an
	// entry per file.
	cells map[[2]int][][]float64
}

// Columned compares the values of an axis, or devices, over the measurements of
// files: a column each, with the ratio to the first column, and the geometric mean
// of all rows that every column has. Devices choose their own backend and number of
// threads, which tell no rows apart then.
//
// The mean's interval resamples launches. Where a column has several files, a file
// counts as a machine, and machines are resampled: launches of one machine say
// nothing of the next.
func Columned(w io.Writer, files []*record.File, by, format string) error {
	if format != "table" && format != "md" {
		return fmt.Errorf("--by makes a table, want --format table or md, got %s", format)
	}
	if !slices.Contains(Columns(), by) {
		return fmt.Errorf("--by is %q, want one of %s", by, strings.Join(Columns(), ", "))
	}
	if !slices.ContainsFunc(files, func(f *record.File) bool { return len(f.Throughput) > 0 }) {
		return fmt.Errorf("--by is for records of throughput, and the files have none; optbench table --by optimizer shows runs of optimizers side by side")
	}
	g, err := newGrid(files, by)
	if err != nil {
		return err
	}
	if len(g.heads) < 2 {
		return fmt.Errorf("--by %s: the files have one value of it, %s; want two or more to compare", by, strings.Join(g.heads, ""))
	}
	return g.show(w, format == "md")
}

func newGrid(files []*record.File, by string) (*grid, error) {
	g := &grid{by: by, cells: map[[2]int][][]float64{}}
	for _, a := range Columns() {
		if a != by && !(by == byDevice && (a == "backend" || a == "threads")) {
			g.axes = append(g.axes, a)
		}
	}
	cases := map[[2]int]record.Case{} // that cells are of
	for i, f := range files {
		device := map[string]string{}
		for _, r := range f.Runs {
			device[r.ID] = cmp.Or(r.Environment.CPU, r.Environment.Arch)
		}
		for _, t := range f.Throughput {
			value := func(axis string) string {
				if axis == byDevice {
					return cmp.Or(device[t.Run], "unknown")
				}
				return pivots[axis](t.Case)
			}
			var line []string
			for _, a := range g.axes {
				line = append(line, value(a))
			}
			head := columnHead(by, value(by))
			at := [2]int{slices.IndexFunc(g.rows, func(r []string) bool { return slices.Equal(r, line) }), slices.Index(g.heads, head)}
			if at[0] < 0 {
				at[0], g.rows = len(g.rows), append(g.rows, line)
			}
			if at[1] < 0 {
				at[1], g.heads = len(g.heads), append(g.heads, head)
			}
			if c, ok := cases[at]; ok && c != t.Case {
				return nil, fmt.Errorf("%s at n=%d was measured more than once in column %s, on %s with %d threads and on %s with %d; want --by backend, or files of one of them",
					t.Case.Update, t.Case.N, head, c.Backend, c.Threads, t.Case.Backend, t.Case.Threads)
			}
			cases[at] = t.Case
			if g.cells[at] == nil {
				g.cells[at] = make([][]float64, len(files))
			}
			g.cells[at][i] = append(g.cells[at][i], t.Median/float64(t.Case.N))
		}
	}
	return g, nil
}

// most returns the largest number that any row of a column gives.
func (g *grid) most(column int, number func(cell [][]float64) int) int {
	n := 0
	for row := range g.rows {
		n = max(n, number(g.cells[[2]int{row, column}]))
	}
	return n
}

func launches(cell [][]float64) int { return len(slices.Concat(cell...)) }

func machines(cell [][]float64) int {
	n := 0
	for _, x := range cell {
		n += min(1, len(x))
	}
	return n
}

// units returns the independent values of a cell: the medians of machines where its
// column has several, else launches.
func (g *grid) units(row, column int) []float64 {
	cell := g.cells[[2]int{row, column}]
	if g.most(column, machines) < 2 {
		return slices.Concat(cell...)
	}
	var out []float64
	for _, x := range cell {
		if len(x) > 0 {
			out = append(out, middle(x))
		}
	}
	return out
}

// logs returns the logarithms of the units of rows.
func (g *grid) logs(rows []int, column int) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		for _, x := range g.units(row, column) {
			out[i] = append(out[i], math.Log(x))
		}
	}
	return out
}

func (g *grid) show(w io.Writer, markdown bool) error {
	shared := func(axis int) bool {
		return !slices.ContainsFunc(g.rows, func(r []string) bool { return r[axis] != g.rows[0][axis] })
	}
	table := [][]string{append([]string{"case"}, g.heads...)}
	var whole []int // rows that every column has
	for i, row := range g.rows {
		var words []string
		for k, a := range g.axes {
			if a == "update" || !shared(k) {
				words = append(words, strings.TrimPrefix(a+"="+row[k], "update="))
			}
		}
		line := []string{cmp.Or(strings.Join(words, " "), "all")}
		first := g.units(i, 0)
		complete := true
		for j := range g.heads {
			text := ""
			if x := g.units(i, j); len(x) > 0 {
				text = digits(1e9 * middle(x))
				if j > 0 && len(first) > 0 {
					text += fmt.Sprintf(" (%.2f)", middle(x)/middle(first))
				}
			}
			complete = complete && text != ""
			line = append(line, text)
		}
		table = append(table, line)
		if complete {
			whole = append(whole, i)
		}
	}
	if len(whole) > 0 {
		line := []string{"geometric mean", "1"}
		for j := range g.heads[1:] {
			mean, lo, hi := compare.GeometricMean(g.logs(whole, 0), g.logs(whole, j+1), false)
			text := fmt.Sprintf("%.2f", mean)
			if lo > 0 {
				text += fmt.Sprintf(" [%.2f, %.2f]", lo, hi)
			}
			line = append(line, text)
		}
		table = append(table, line)
	}
	if err := showTable(w, table, markdown, g.by); err != nil {
		return err
	}
	var common []string
	for k, a := range g.axes {
		if a != "update" && shared(k) {
			common = append(common, a+"="+g.rows[0][k])
		}
	}
	notes := []string{fmt.Sprintf("ns/param (ratio to %s), by %s; %s; the mean is over the %d of %d rows that all columns have",
		g.heads[0], g.by, strings.Join(common, " "), len(whole), len(g.rows))}
	for j, head := range g.heads {
		notes = append(notes, fmt.Sprintf("%s: n=%d, launches %d", head, g.most(j, machines), g.most(j, launches)))
	}
	notes = append(notes, "n counts files, each taken for a machine: what holds for one of a kind may not hold for the next, three or more tell")
	for _, n := range notes {
		if markdown {
			fmt.Fprintf(w, "\n%s\n", plain(n))
		} else {
			fmt.Fprintf(w, "\n %s", Wrap(n, "   "))
		}
	}
	if !markdown {
		fmt.Fprintln(w)
	}
	return nil
}

func middle(seconds []float64) float64 { return sample.Series{Seconds: seconds}.Summary().Median }

// showTable shows lines of which the first are the heads of columns, the first
// column of names.
func showTable(w io.Writer, lines [][]string, markdown bool, by string) error {
	widths, width := columnWidths(lines)
	var columns []Column
	for i, name := range lines[0] {
		columns = append(columns, Column{Name: name, Width: widths[i], Left: i == 0})
	}
	if width > MaxWidth && !markdown {
		return fmt.Errorf("--by %s makes a table %d wide, a terminal has %d; want --format md", by, width, MaxWidth)
	}
	t, err := NewTable(w, markdown, columns...)
	if err != nil {
		return err
	}
	for _, line := range lines[1:] {
		if err := t.Row(line...); err != nil {
			return err
		}
	}
	return t.Close()
}
