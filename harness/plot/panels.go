package plot

import (
	"fmt"
	"math"
)

// A Panel is a pair of axes, logarithmic if nothing else is said, and measured lines.
type Panel struct {
	Title            string
	X, Y             string // labels
	LinearX, LinearY bool
	Lines            []Line
}

// A Line is measured points, in the order in which they are joined.
type Line struct {
	Name  string
	X, Y  []float64
	Guide *Guide // what theory says of it; nil for nothing
}

// A Guide is how a line should run: as x to the power of an exponent, through the middle
// of what was measured. Both axes are logarithmic.
type Guide struct {
	Name     string
	Exponent float64
}

// Panels draws lines, and their guides in grey below them.
func Panels(panels ...Panel) (*Figure, error) {
	if n := len(panels); n == 0 || n > MaxPanels {
		return nil, fmt.Errorf("there are %d panels, want 1 to %d", n, MaxPanels)
	}
	f := new(Figure)
	for _, in := range panels {
		p := &panel{title: in.Title}
		var xs, ys []float64
		for _, m := range in.Lines {
			if len(m.X) == 0 || len(m.X) != len(m.Y) {
				return nil, fmt.Errorf("%s, line %q: %d x and %d y, want as many and one at least", in.Title, m.Name, len(m.X), len(m.Y))
			}
			xs, ys = append(xs, m.X...), append(ys, m.Y...)
			if m.Guide != nil {
				p.lines = append(p.lines, m.guide())
			}
			l := &line{name: m.Name, label: m.Name, marked: len(m.X) <= 12}
			for i := range m.X {
				l.points = append(l.points, point{m.X[i], m.Y[i]})
			}
			f.add(p, l)
		}
		p.x = scale{label: in.X, log: !in.LinearX}
		p.x.cover(xs, math.Inf(-1), math.Inf(1))
		p.y = scale{label: in.Y, log: !in.LinearY}
		p.y.cover(ys, math.Inf(-1), math.Inf(1))
		f.panels = append(f.panels, p)
	}
	return f, nil
}

// guide is the line of theory, over the breadth of the measured one.
func (m *Line) guide() *line {
	var x, y float64 // logarithms of the middle
	first, last := m.X[0], m.X[0]
	for i := range m.X {
		x, y = x+math.Log(m.X[i]), y+math.Log(m.Y[i])
		first, last = min(first, m.X[i]), max(last, m.X[i])
	}
	n := float64(len(m.X))
	at := func(v float64) point { return point{v, math.Exp(y/n + m.Guide.Exponent*(math.Log(v)-x/n))} }
	return &line{label: m.Guide.Name, points: []point{at(first), at(last)}, guide: true}
}
