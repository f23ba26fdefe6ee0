package plot

import (
	"fmt"
	"slices"

	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/record"
)

// Speed draws the time per parameter over the number of parameters: a line for each
// update, dots for its limit, and a panel for whatever else tells measurements apart.
// Of a case that was measured more than once it has the first.
func Speed(measured []record.Throughput) (*Figure, error) {
	var cases []record.Case // but for update and n
	for _, t := range measured {
		if c := setting(t.Case); !slices.Contains(cases, c) {
			cases = append(cases, c)
		}
	}
	if len(cases) > MaxPanels {
		return nil, fmt.Errorf("measurements differ in %d ways besides update and n, want at most %d in a figure: choose with --where, such as --where threads=%d", len(cases), MaxPanels, cases[0].Threads)
	}
	var panels []Panel
	for _, c := range cases {
		p := Panel{Title: name(c, cases) + " (dots: the limit)", X: "parameters", Y: "ns per parameter"}
		own := slices.DeleteFunc(slices.Clone(measured), func(t record.Throughput) bool { return setting(t.Case) != c })
		slices.SortStableFunc(own, func(a, b record.Throughput) int { return a.Case.N - b.Case.N })
		for _, t := range own {
			l, limit := lineOf(&p.Lines, t.Case.Update), lineOf(&p.Guides, t.Case.Update)
			n := float64(t.Case.N)
			if len(l.X) > 0 && l.X[len(l.X)-1] == n {
				continue
			}
			l.X, l.Y = append(l.X, n), append(l.Y, t.NSPerParam)
			limit.X, limit.Y = append(limit.X, n), append(limit.Y, 1e9*float64(t.Bytes)/t.LimitBytesPerSecond/n)
		}
		panels = append(panels, p)
	}
	return Panels(panels...)
}

// setting is a case without what a panel has all of.
func setting(c record.Case) record.Case {
	c.Update, c.N, c.Cache = "", 0, "" // which follows n
	return c
}

func lineOf(lines *[]Line, name string) *Line {
	at := slices.IndexFunc(*lines, func(l Line) bool { return l.Name == name })
	if at < 0 {
		at = len(*lines)
		*lines = append(*lines, Line{Name: name})
	}
	return &(*lines)[at]
}

// name tells a setting from the others, by its backend and threads at least.
func name(c record.Case, all []record.Case) string {
	text := c.Backend + ", " + count(c.Threads, "thread")
	for _, property := range []func(record.Case) string{
		func(c record.Case) string { return c.DType },
		func(c record.Case) string { return count(c.Tensors, "tensor") },
		func(c record.Case) string { return c.Model },
		func(c record.Case) string { return "clip " + axis.FormatFloat(c.Clip, 3) },
	} {
		if slices.ContainsFunc(all, func(o record.Case) bool { return property(o) != property(c) }) {
			text += ", " + property(c)
		}
	}
	return text
}
