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

// Columned compares the values of an axis, or devices, over the measurements of
// files: a column each, with the ratio to the first column, and the geometric mean
// of all rows that every column has. Devices choose their own backend and number of
// threads, which tell no rows apart then.
func Columned(w io.Writer, files []*record.File, by, format string) error {
	if format != "table" && format != "md" {
		return fmt.Errorf("--by makes a table, want --format table or md, got %s", format)
	}
	if !slices.Contains(Columns(), by) {
		return fmt.Errorf("--by is %q, want one of %s", by, strings.Join(Columns(), ", "))
	}
	var rowAxes []string
	for _, a := range Pivots() {
		if a != by && !(by == byDevice && (a == "backend" || a == "threads")) {
			rowAxes = append(rowAxes, a)
		}
	}
	var heads, rows []string
	cells := map[[2]string][]float64{}       // times of launches per parameter, by row and column
	cases := map[[2]string]record.Case{}     // that they are of
	inFiles := map[string]map[int]bool{}     // files of each column
	launches := map[string]map[string]bool{} // runs of each column
	for i, f := range files {
		device := map[string]string{}
		for _, r := range f.Runs {
			device[r.ID] = cmp.Or(r.Environment.CPU, r.Environment.Arch)
		}
		for _, t := range f.Throughput {
			head := device[t.Run]
			if by != byDevice {
				head = columnHead(by, pivots[by](t.Case))
			} else if head == "" {
				head = "unknown"
			}
			var words []string
			for _, a := range rowAxes {
				words = append(words, a+"="+pivots[a](t.Case))
			}
			row := strings.Join(words, " ")
			key := [2]string{row, head}
			if c, ok := cases[key]; ok && c != t.Case {
				return fmt.Errorf("%s at n=%d was measured more than once in column %s, on %s with %d threads and on %s with %d; want --by backend, or files of one of them",
					t.Case.Update, t.Case.N, head, c.Backend, c.Threads, t.Case.Backend, t.Case.Threads)
			}
			cases[key] = t.Case
			if !slices.Contains(rows, row) {
				rows = append(rows, row)
			}
			if !slices.Contains(heads, head) {
				heads = append(heads, head)
				inFiles[head], launches[head] = map[int]bool{}, map[string]bool{}
			}
			inFiles[head][i], launches[head][t.Run] = true, true
			cells[key] = append(cells[key], t.Median/float64(t.Case.N))
		}
	}
	if len(heads) < 2 {
		return fmt.Errorf("--by %s: the files have one value of it, %s; want two or more to compare", by, strings.Join(heads, ""))
	}

	// What all rows share takes no room.
	shown := func(row string) string {
		var words []string
		for k, word := range strings.Split(row, " ") {
			if k == 0 {
				words = append(words, strings.TrimPrefix(word, rowAxes[0]+"="))
			} else if slices.ContainsFunc(rows, func(o string) bool { return strings.Split(o, " ")[k] != word }) {
				words = append(words, word)
			}
		}
		return strings.Join(words, " ")
	}
	table := [][]string{append([]string{"case"}, heads...)}
	var whole []string // rows that every column has
	for _, row := range rows {
		line := []string{shown(row)}
		first := cells[[2]string{row, heads[0]}]
		complete := true
		for i, head := range heads {
			key := [2]string{row, head}
			text := ""
			if x := cells[key]; len(x) > 0 {
				text = digits(1e9 * middle(x))
				if i > 0 && len(first) > 0 {
					text += fmt.Sprintf(" (%.2f)", middle(x)/middle(first))
				}
			}
			complete = complete && text != ""
			line = append(line, text)
		}
		table = append(table, line)
		if complete {
			whole = append(whole, row)
		}
	}
	side := func(head string) [][]float64 {
		var out [][]float64
		for _, row := range whole {
			var logs []float64
			for _, x := range cells[[2]string{row, head}] {
				logs = append(logs, math.Log(x))
			}
			out = append(out, logs)
		}
		return out
	}
	if len(whole) > 0 {
		line := []string{"geometric mean", "1"}
		for _, head := range heads[1:] {
			mean, lo, hi := compare.GeometricMean(side(heads[0]), side(head), false)
			text := fmt.Sprintf("%.2f", mean)
			if lo > 0 {
				text += fmt.Sprintf(" [%.2f, %.2f]", lo, hi)
			}
			line = append(line, text)
		}
		table = append(table, line)
	}
	if err := showTable(w, table, format == "md", by); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nns/param (ratio to %s), by %s; the mean is over the %d of %d rows that all columns have\n", heads[0], by, len(whole), len(rows))
	for _, head := range heads {
		fmt.Fprintf(w, "%s: launches %d, files %d\n", head, len(launches[head]), len(inFiles[head]))
	}
	if by == byDevice {
		fmt.Fprintln(w, Wrap("n=1 machine of a kind unless files are of several: intervals hold for these machines; three of each kind or more tell of kinds", ""))
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
