package plot

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	white  = color.NRGBA{255, 255, 255, 255}
	veil   = color.NRGBA{255, 255, 255, 200} // behind labels
	faint  = color.NRGBA{228, 228, 228, 255} // the grid
	middle = color.NRGBA{110, 110, 110, 255} // the target, and what theory says
)

// colours that those who see fewer of them tell apart too (M. Okabe, K. Ito, Color
// universal design, 2008), but for the yellow, which is too light for a line.
var colours = []color.NRGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {0, 0, 0, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255},
	{139, 69, 19, 255},
}

// dashes and marks have other cycles than colours have, so that 280 lines differ.
var dashes = [][]vg.Length{nil, {7, 2.5}, {2, 2}, {8, 2.5, 2, 2.5}, {4, 4}}

var marks = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{},
}

// content is all that a panel has between its axes.
type content struct {
	*panel
	figure *Figure
	text   text.Style
}

// style is the place of a line among all lines of the figure.
func (p *content) style(l *line) int { return slices.Index(p.figure.names, l.name) }

func colourOf(style int) color.NRGBA { return colours[style%len(colours)] }

func lineStyle(style int) draw.LineStyle {
	return draw.LineStyle{
		Color: colourOf(style), Dashes: dashes[style%len(dashes)],
		Width: []vg.Length{1.9, 1.5, 1.2}[style%3], // what lies above lets see what is below
	}
}

// guideStyle is that of what theory says.
var guideStyle = draw.LineStyle{Color: middle, Width: 0.9, Dashes: []vg.Length{1, 2}}

func markStyle(style int) draw.GlyphStyle {
	return draw.GlyphStyle{Color: colourOf(style), Radius: 2.6, Shape: marks[style%len(marks)]}
}

// ink is the colour of a label, dark enough to be read.
func ink(style int) color.NRGBA {
	c := colourOf(style)
	dark := func(x uint8) uint8 { return uint8(0.72 * float64(x)) }
	return color.NRGBA{dark(c.R), dark(c.G), dark(c.B), 255}
}

// gap is between the end of a line and its label.
const gap = 5

// Plot implements [plot.Plotter].
func (p *content) Plot(c draw.Canvas, axes *plot.Plot) {
	at := p.position(&c, axes)
	p.grid(&c, axes)
	for _, l := range p.lines {
		p.band(&c, l, at)
	}
	if p.rule > 0 {
		y := at(point{p.x.min, p.rule}).Y
		if c.ContainsY(y) {
			c.StrokeLine2(guideStyle, c.Min.X, y, c.Max.X, y)
			style := p.text
			style.Color, style.YAlign = middle, draw.YBottom
			c.FillText(style, vg.Point{X: c.Min.X + gap, Y: y + 1}, "target")
		}
	}
	var labels []*tag
	var paths [][]vg.Point
	for _, l := range p.lines {
		style := p.style(l)
		path := p.path(l, at)
		var end *vg.Point
		for _, part := range c.ClipLinesXY(path) {
			if l.guide {
				dotted := guideStyle
				if l.label == "" {
					dotted.Color = colourOf(style)
				}
				c.StrokeLines(dotted, part)
			} else {
				c.StrokeLines(lineStyle(style), part)
			}
			end = &part[len(part)-1]
			paths = append(paths, part)
		}
		if !l.guide {
			p.mark(&c, l, path, at)
		}
		if n := len(path); n == 1 && c.Contains(path[0]) {
			end = &path[0]
		}
		if l.least != nil {
			q := at(*l.least)
			end = &q
		}
		if end != nil && l.label != "" {
			colour := middle
			if !l.guide {
				colour = ink(style)
			}
			labels = append(labels, newTag(l.label, *end, l.least != nil, p.text, colour))
		}
	}
	room := vg.Rectangle{Min: c.Min, Max: vg.Point{X: c.Max.X + p.reach(axes, c.Max.X-c.Min.X), Y: c.Max.Y}}
	place(labels, paths, room)
	for _, t := range labels {
		t.draw(&c)
	}
}

// position returns how data lie on the canvas: what is beyond an axis lies beyond its
// end, but not by far.
func (p *content) position(c *draw.Canvas, axes *plot.Plot) func(point) vg.Point {
	share := func(a *plot.Axis, s scale, v float64) float64 {
		return min(max(a.Norm(s.place(max(v, 0))), -1), 2)
	}
	return func(d point) vg.Point {
		return vg.Point{X: c.X(share(&axes.X, p.x, d.x)), Y: c.Y(share(&axes.Y, p.y, d.y))}
	}
}

// path returns the line on the canvas.
func (p *content) path(l *line, at func(point) vg.Point) []vg.Point {
	var out []vg.Point
	off := vg.Length(0)
	if l.apart {
		off = 0.6 * vg.Length(float64(slices.Index(p.lines, l))-float64(len(p.lines)-1)/2)
	}
	for _, d := range l.points {
		if !p.x.log || d.x > 0 {
			q := at(d)
			out = append(out, vg.Point{X: q.X, Y: q.Y + off})
		}
	}
	return out
}

// GlyphBoxes implements [plot.GlyphBoxer]: labels may stand beyond the right end of
// the axis.
func (p *content) GlyphBoxes(axes *plot.Plot) []plot.GlyphBox {
	var out []plot.GlyphBox
	for _, l := range p.lines {
		end := l.least
		if n := len(l.points); end == nil && n > 0 {
			end = &l.points[n-1]
		}
		if end != nil && (end.x > 0 || !p.x.log) {
			x := min(max(axes.X.Norm(p.x.place(end.x)), 0), 1)
			out = append(out, plot.GlyphBox{X: x, Rectangle: vg.Rectangle{Max: vg.Point{X: beside + p.text.Width(l.label) + 2}}})
		}
	}
	return out
}

// reach returns how far labels need room beyond the axis, whose length is given.
func (p *content) reach(axes *plot.Plot, length vg.Length) vg.Length {
	most := vg.Length(0)
	for _, b := range p.GlyphBoxes(axes) {
		most = max(most, b.Max.X-length*vg.Length(1-b.X))
	}
	return most
}

func (p *content) grid(c *draw.Canvas, axes *plot.Plot) {
	style := draw.LineStyle{Color: faint, Width: 0.5}
	for _, t := range axes.Y.Tick.Marker.Ticks(axes.Y.Min, axes.Y.Max) {
		if y := c.Y(axes.Y.Norm(t.Value)); !t.IsMinor() && c.ContainsY(y) {
			c.StrokeLine2(style, c.Min.X, y, c.Max.X, y)
		}
	}
	for _, t := range axes.X.Tick.Marker.Ticks(axes.X.Min, axes.X.Max) {
		if x := c.X(axes.X.Norm(t.Value)); !t.IsMinor() && c.ContainsX(x) {
			c.StrokeLine2(style, x, c.Min.Y, x, c.Max.Y)
		}
	}
}

func (p *content) band(c *draw.Canvas, l *line, at func(point) vg.Point) {
	var low, high []vg.Point
	for i := range l.low {
		if !p.x.log || l.low[i].x > 0 {
			low, high = append(low, at(l.low[i])), append(high, at(l.high[i]))
		}
	}
	if len(low) < 2 {
		return
	}
	edge := draw.LineStyle{Color: colourOf(p.style(l)), Width: 0.35}
	for _, side := range [][]vg.Point{low, high} {
		for _, part := range c.ClipLinesXY(side) {
			c.StrokeLines(edge, part)
		}
	}
	slices.Reverse(high)
	fill := colourOf(p.style(l))
	fill.A = 32
	c.FillPolygon(fill, c.ClipPolygonXY(append(low, high...)))
}

// mark marks the points of a line, or those that it names, or places that are as far
// apart on every line, but not the same on all.
func (p *content) mark(c *draw.Canvas, l *line, path []vg.Point, at func(point) vg.Point) {
	style := p.style(l)
	glyph := markStyle(style)
	if l.marked || len(path) == 1 {
		for _, q := range path {
			c.DrawGlyph(glyph, q)
		}
		return
	}
	if l.marks != nil {
		for _, d := range l.marks {
			c.DrawGlyph(glyph, at(d))
		}
		return
	}
	const apart = 68 // points of the canvas
	next := c.Min.X + apart*vg.Length(1+style%4)/4
	for i := 1; i < len(path); i++ {
		a, b := path[i-1], path[i]
		for ; next <= b.X; next += apart {
			if next > a.X {
				c.DrawGlyph(glyph, vg.Point{X: next, Y: a.Y + (b.Y-a.Y)*(next-a.X)/(b.X-a.X)})
			}
		}
	}
}
