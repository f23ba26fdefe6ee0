package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
)

// A cross is a table with a column per value of one axis and a row per combination of
// others.
type cross struct {
	by    string
	names []string // of the columns that say what a row is
	heads []string // of the others
	rows  [][]string
	index map[string]int // of the row that starts with these values
}

func newCross(by string, names []string) *cross {
	return &cross{by: by, names: names, index: map[string]int{}}
}

// add puts a cell under its head, in the row that starts with the line. It is false
// where there is one already.
func (c *cross) add(line []string, head, cell string) bool {
	key := strings.Join(line, "\x00")
	if _, ok := c.index[key]; !ok {
		c.index[key] = len(c.rows)
		c.rows = append(c.rows, line)
	}
	at := slices.Index(c.heads, head)
	if at < 0 {
		at = len(c.heads)
		c.heads = append(c.heads, head)
	}
	at += len(c.names)
	row := &c.rows[c.index[key]]
	for len(*row) <= at {
		*row = append(*row, "")
	}
	if (*row)[at] != "" {
		return false
	}
	(*row)[at] = cell
	return true
}

// write writes the table, and below it what its cells are.
func (c *cross) write(w io.Writer, markdown bool, what string) error {
	var columns []Column
	width := 0
	for i, name := range slices.Concat(c.names, c.heads) {
		column := Column{Name: name, Width: len(name) + 2, Left: i < len(c.names) && name != "n" && name != "dim"}
		for _, row := range c.rows {
			if i < len(row) {
				column.Width = max(column.Width, len(row[i])+2)
			}
		}
		columns, width = append(columns, column), width+column.Width
	}
	if width > MaxWidth && !markdown {
		return fmt.Errorf("--by %s makes a table %d wide, a terminal has %d; want --format md", c.by, width, MaxWidth)
	}
	table, err := NewTable(w, markdown, columns...)
	if err != nil {
		return err
	}
	for _, row := range c.rows {
		row = append(row, make([]string, len(columns)-len(row))...)
		if err := table.Row(row...); err != nil {
			return err
		}
	}
	if err := table.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%s\n", what)
	return err
}

// byOptimizer is the axis that can make columns of runs of optimizers.
const byOptimizer = "optimizer"

// pivotGroups writes the expected running time of tasks, with a column per optimizer
// and a row per combination of what else differs.
func pivotGroups(w io.Writer, runs []record.Convergence, by string, markdown bool) error {
	if by != byOptimizer {
		return fmt.Errorf("--by is %q, want %s: the records are of convergence", by, byOptimizer)
	}
	groups := measure.Groups(runs)
	rows, _ := rowsOf(groups, runs)
	if len(rows) == 0 {
		return fmt.Errorf("the runs served for tuning alone, want some that were made with what it chose")
	}
	var names []string
	var fields []field[groupRow]
	properties := slices.IndexFunc(groupFields, func(f field[groupRow]) bool { return f.Name == "reached" })
	for _, f := range groupFields[:properties] { // what was asked for stands before what came of it
		differs := slices.ContainsFunc(rows, func(g groupRow) bool { return f.value(&g) != f.value(&rows[0]) })
		follows := f.Name == byOptimizer || f.Name == "lr" || f.Name == "threads" && threadsFollow(rows)
		if f.Name == "objective" || differs && !follows {
			names, fields = append(names, f.Name), append(fields, f)
		}
	}
	// Records come in the order in which runs ended; columns are found by their names.
	c := newCross(by, names)
	for i := range rows {
		c.heads = append(c.heads, measure.Name(rows[i].Task))
	}
	slices.Sort(c.heads)
	c.heads = slices.Compact(c.heads)
	for i := range rows {
		g := &rows[i]
		var line []string
		for _, f := range fields {
			line = append(line, f.value(g))
		}
		if !c.add(line, measure.Name(g.Task), number(g.ERT(measure.GradEvals))) {
			return fmt.Errorf("%s on %s ran with several learning rates; --by wants one of each", g.Task.Optimizer, g.Task.Objective)
		}
	}
	return c.write(w, markdown, "gradients to the target, expected with restarts (ERT), by optimizer"+"\n"+strings.TrimSpace(shared(rows)))
}
