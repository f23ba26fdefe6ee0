package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/plot"
	"github.com/optbench/optbench/harness/record"
)

// A History is recorded runs in order of time, with the places where cases became
// slower or faster.
type History struct {
	series []series
	runs   int
}

// A series is what the runs of one case on one device measured.
type series struct {
	name    string
	points  []point
	changes []compare.Change
}

type point struct {
	time   time.Time
	commit string
	ns     float64 // per parameter
}

// NewHistory orders the records of a file, and finds changes of level: see
// [compare.Changes].
func NewHistory(f *record.File, alpha, margin float64) *History {
	runs := map[string]*record.Run{}
	for i := range f.Runs {
		runs[f.Runs[i].ID] = &f.Runs[i]
	}
	type key struct {
		c      record.Case
		device string
	}
	h := &History{}
	at := map[key]int{}
	devices := map[string]bool{}
	commands := map[string]bool{} // runs, the launches of a command counted once
	all := Combine(f)
	var cases []record.Comparison // for labels
	for _, t := range all {
		cases = append(cases, record.Comparison{Case: t.Case})
		if r := runs[t.Run]; r != nil {
			devices[r.Environment.CPU] = true
		}
	}
	for _, t := range all {
		r := runs[t.Run]
		if r == nil {
			continue // when it ran is not known
		}
		when, err := time.Parse(time.RFC3339, r.Time)
		if err != nil {
			continue // likewise
		}
		k := key{t.Case, r.Environment.CPU}
		if _, ok := at[k]; !ok {
			at[k] = len(h.series)
			name := Label(record.Comparison{Case: t.Case}, cases)
			if len(devices) > 1 {
				name += " " + k.device
			}
			h.series = append(h.series, series{name: name})
		}
		commands[t.Run] = true
		s := &h.series[at[k]]
		s.points = append(s.points, point{when, r.Commit, t.NSPerParam})
	}
	h.runs = len(commands)
	for i := range h.series {
		s := &h.series[i]
		slices.SortStableFunc(s.points, func(a, b point) int {
			return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.commit, b.commit), cmp.Compare(a.ns, b.ns))
		})
		logs := make([]float64, len(s.points))
		for k, p := range s.points {
			logs[k] = math.Log(p.ns)
		}
		s.changes = compare.Changes(logs, alpha, margin)
	}
	return h
}

// sparks draw a series in one line, as high as its values are.
const sparks = "▁▂▃▄▅▆▇█"

func (s *series) spark() string {
	const width = 24
	points := s.points[max(0, len(s.points)-width):]
	lo, hi := math.Inf(1), 0.0
	for _, p := range points {
		lo, hi = min(lo, p.ns), max(hi, p.ns)
	}
	levels := []rune(sparks)
	var b strings.Builder
	for _, p := range points {
		k := 0
		if hi > lo {
			k = int((p.ns - lo) / (hi - lo) * float64(len(levels)-1))
		}
		b.WriteRune(levels[k])
	}
	return b.String()
}

// Show writes a table with a row per series and, below it, one per change.
func (h *History) Show(w io.Writer, markdown bool) error {
	lines := [][]string{{"case", "runs", "first", "last", "changes", "course"}}
	changes := [][]string{{"case", "change", "p", "since", "commit"}}
	for i := range h.series {
		s := &h.series[i]
		n := len(s.points)
		lines = append(lines, []string{s.name, strconv.Itoa(n), digits(s.points[0].ns), digits(s.points[n-1].ns), strconv.Itoa(len(s.changes)), s.spark()})
		for _, c := range s.changes {
			p := s.points[c.At]
			changes = append(changes, []string{s.name, change(c.Ratio), fmt.Sprintf("%.2g", c.P), p.time.Format("2006-01-02 15:04"), p.commit[:min(12, len(p.commit))]})
		}
	}
	if err := historyTable(w, lines, markdown); err != nil {
		return err
	}
	margin := " "
	if markdown {
		margin = ""
	}
	fmt.Fprintf(w, "\n%sns/param; runs: %d; changes of level: %d\n", margin, h.runs, len(changes)-1)
	if len(changes) == 1 {
		return nil
	}
	fmt.Fprintln(w)
	return historyTable(w, changes, markdown)
}

// historyTable shows lines of which the first are the heads; names that make the
// table too wide for a terminal are cut.
func historyTable(w io.Writer, lines [][]string, markdown bool) error {
	widths, total := columnWidths(lines)
	widths[0] -= min(max(0, total-MaxWidth), widths[0]-10)
	var columns []Column
	for i, name := range lines[0] {
		columns = append(columns, Column{name, widths[i], i == 0 || name == "course" || name == "commit"})
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

// columnWidths returns the room that the cells of each column take, and all
// together.
func columnWidths(lines [][]string) (widths []int, total int) {
	widths = make([]int, len(lines[0]))
	for i := range widths {
		for _, line := range lines {
			widths[i] = max(widths[i], len([]rune(line[i]))+2)
		}
		total += widths[i]
	}
	return widths, total
}

// Figure draws the series, each relative to its first run, with marks where it changed.
func (h *History) Figure() *plot.Figure {
	var courses []plot.Course
	for _, s := range h.series {
		c := plot.Course{Name: s.name}
		for _, p := range s.points {
			c.Values = append(c.Values, p.ns)
		}
		for _, change := range s.changes {
			c.Changes = append(c.Changes, change.At)
		}
		courses = append(courses, c)
	}
	return plot.Courses(courses, "ns/param")
}
