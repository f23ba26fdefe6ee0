package plot

import (
	"fmt"
	"math"
	"slices"
)

// A Panel is a pair of axes, logarithmic if nothing else is said, and what was measured.
type Panel struct {
	Title            string
	X, Y             string // labels
	LinearX, LinearY bool
	Lines            []Line
	// Guides say how lines should run: dotted, in grey, or as what bounds a line that
	// has their name in its colour, without a name of their own.
	Guides []Line
}

// A Line is points in the order in which they are joined.
type Line struct {
	Name string
	X, Y []float64
}

// Power returns a guide: x to the power of an exponent, over the breadth of the line and
// through the middle of its points on logarithmic axes.
func (l Line) Power(name string, exponent float64) Line {
	var x, y float64 // logarithms of the middle
	first, last := math.Inf(1), math.Inf(-1)
	for i := range l.X {
		x, y = x+math.Log(l.X[i]), y+math.Log(l.Y[i])
		first, last = min(first, l.X[i]), max(last, l.X[i])
	}
	n := float64(len(l.X))
	at := func(v float64) float64 { return math.Exp(y/n + exponent*(math.Log(v)-x/n)) }
	return Line{name, []float64{first, last}, []float64{at(first), at(last)}}
}

// Panels draws panels side by side.
func Panels(panels ...Panel) (*Figure, error) {
	if n := len(panels); n == 0 || n > MaxPanels {
		return nil, fmt.Errorf("there are %d panels, want 1 to %d", n, MaxPanels)
	}
	f := new(Figure)
	for _, in := range panels {
		p := &panel{title: in.Title}
		var xs, ys []float64
		for i, m := range append(in.Guides[:len(in.Guides):len(in.Guides)], in.Lines...) {
			if len(m.X) == 0 || len(m.X) != len(m.Y) {
				return nil, fmt.Errorf("%s, line %q: %d x and %d y, want as many and one at least", in.Title, m.Name, len(m.X), len(m.Y))
			}
			l := &line{name: m.Name, label: m.Name, marked: len(m.X) <= mostMarked}
			for k := range m.X {
				l.points = append(l.points, point{m.X[k], m.Y[k]})
			}
			if i < len(in.Guides) {
				l.guide = true
				if slices.ContainsFunc(in.Lines, func(o Line) bool { return o.Name == m.Name }) {
					l.label = ""
				}
				p.lines = append(p.lines, l)
				continue
			}
			f.add(p, l)
			xs, ys = append(xs, m.X...), append(ys, m.Y...)
		}
		p.x = scale{label: in.X, log: !in.LinearX}
		p.x.cover(xs, math.Inf(-1), math.Inf(1))
		p.y = scale{label: in.Y, log: !in.LinearY}
		p.y.cover(ys, math.Inf(-1), math.Inf(1))
		f.panels = append(f.panels, p)
	}
	return f, nil
}

// mostMarked is how many points of a line are marked at most, before marks stand for
// more than themselves.
const mostMarked = 24
