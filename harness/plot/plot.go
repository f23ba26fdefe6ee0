// Package plot draws what the measures of convergence say: how values fall, how
// optimizers compare over problems, and how much the learning rate matters; and how times change
// from run to run.
//
// Pictures are to be read in print too: lines differ in dashes, weight and marks as
// well as in colour, and carry their names at their ends. The same records give the
// same bytes.
package plot

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Formats lists what a figure can be written as.
var Formats = []string{"svg", "png"}

// A Figure is one panel or a grid of them.
type Figure struct {
	panels []*panel
	names  []string // of lines, whose places are their styles in all panels
}

// A panel is a pair of axes and what is drawn between them.
type panel struct {
	title string
	x, y  scale
	lines []*line
	rule  float64 // a horizontal line, the target; 0 for none
}

// A scale is one axis.
type scale struct {
	label    string
	log      bool
	min, max float64
	empty    bool    // nothing lies on it
	below    float64 // room left for labels below min, as a share of the axis
}

// A point in the coordinates of the data.
type point struct{ x, y float64 }

// A line is drawn through its points, and named at its last or at its least.
type line struct {
	name   string // for its style
	label  string
	points []point
	low    []point // the edges of a band; nil where there is none
	high   []point
	least  *point // where it is named; nil for the end
	marked bool   // at every point; else at marks, or where there are none here and there
	marks  []point
	// apart draws the line a hair's breadth off, by its place among the others, where
	// many run along the same values.
	apart bool
	guide bool // what theory says, without a style of its own
}

// add adds a line to the panel, in the style of its name.
func (f *Figure) add(p *panel, l *line) {
	if !slices.Contains(f.names, l.name) {
		f.names = append(f.names, l.name)
	}
	p.lines = append(p.lines, l)
}

// MaxPanels is how many panels a figure has at most.
const MaxPanels = 12

// Sizes of a figure of one panel, and of each in a grid; a panel is higher where the
// names of its lines, one above the other, need more.
const (
	wide, high         = 17 * vg.Centimeter, 11 * vg.Centimeter
	tileWide, tileHigh = 13 * vg.Centimeter, 8.5 * vg.Centimeter
	around, perName    = 3 * vg.Centimeter, 0.43 * vg.Centimeter
	margin             = 0.35 * vg.Centimeter
	columns            = 2
	dpi                = 144
)

// Write writes the figure in a format of [Formats].
func (f *Figure) Write(w io.Writer, format string) error {
	size, cols, rows := vg.Point{X: wide, Y: high}, 1, 1
	if n := len(f.panels); n > 1 {
		size, cols, rows = vg.Point{X: tileWide, Y: tileHigh}, columns, (n+columns-1)/columns
	}
	for _, p := range f.panels {
		size.Y = max(size.Y, around+perName*vg.Length(len(p.lines)))
	}
	size.X *= vg.Length(cols)
	size.Y *= vg.Length(rows)
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case "svg":
		canvas = vgsvg.New(size.X, size.Y)
	case "png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(size.X, size.Y), vgimg.UseDPI(dpi))}
	default:
		return fmt.Errorf("a plot cannot be %q, want one of %v", format, Formats)
	}
	f.draw(draw.New(canvas), rows, cols)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	out := b.Bytes()
	if format == "svg" { // where the font is missing, the others named here are as wide
		out = bytes.ReplaceAll(out, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	}
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return nil
}

func (f *Figure) draw(c draw.Canvas, rows, cols int) {
	tiles := draw.Tiles{
		Rows: rows, Cols: cols, PadX: 2 * margin, PadY: 2 * margin,
		PadTop: margin, PadBottom: margin, PadLeft: margin, PadRight: margin,
	}
	grid := make([][]*plot.Plot, rows)
	for r := range grid {
		grid[r] = make([]*plot.Plot, cols)
		for k := range cols {
			if i := r*cols + k; i < len(f.panels) {
				grid[r][k] = f.panels[i].plot(f, c.Size().X/vg.Length(cols)-4*margin)
			}
		}
	}
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	for r, row := range plot.Align(grid, tiles, c) {
		for k, cell := range row {
			if grid[r][k] != nil {
				grid[r][k].Draw(cell)
			}
		}
	}
}

// plot makes the axes of the panel, so wide, and the plotter of what is between them.
func (p *panel) plot(f *Figure, width vg.Length) *plot.Plot {
	out := plot.New()
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	out.Title.TextStyle.Font = font.From(sans, 11)
	out.Title.Text = wrap(p.title, func(line string) bool { return out.Title.TextStyle.Width(line) <= width })
	out.Title.Padding = 5
	for _, a := range []struct {
		axis  *plot.Axis
		scale scale
	}{{&out.X, p.x}, {&out.Y, p.y}} {
		a.axis.Label.Text = a.scale.label
		a.axis.Label.TextStyle.Font = font.From(sans, 10)
		a.axis.Label.Padding = 4
		a.axis.Tick.Label.Font = font.From(sans, 9)
		a.axis.Tick.Length = 5
		a.axis.Padding = 0
		a.axis.Width, a.axis.Tick.Width = 0.6, 0.6
		a.axis.Min, a.axis.Max = a.scale.ends()
		a.axis.Tick.Marker = a.scale
	}
	text := out.X.Tick.Label
	text.XAlign, text.YAlign = draw.XLeft, draw.YCenter
	out.Add(&content{panel: p, figure: f, text: text})
	return out
}

// wrap breaks lines behind commas where they do not fit.
func wrap(text string, fits func(string) bool) string {
	words := strings.SplitAfter(text, ", ")
	out, line := "", words[0]
	for _, w := range words[1:] {
		if whole := line + w; fits(whole[strings.LastIndex(whole, "\n")+1:]) {
			line = whole
			continue
		}
		out, line = out+strings.TrimRight(line, " ")+"\n", w
	}
	return out + line
}

// place returns where a value lies along the axis: at itself, or at its logarithm. The
// axes of the library are linear, for it finds the middle of no others.
func (s scale) place(v float64) float64 {
	if s.log {
		return math.Log10(v)
	}
	return v
}

// ends returns the places of the ends of the axis, with a little room at either.
func (s scale) ends() (lo, hi float64) {
	lo, hi = s.place(s.min), s.place(s.max)
	room := 0.03 * (hi - lo)
	return lo - room - s.below*(hi-lo), hi + room
}

// cover makes the scale reach from the least to the greatest of what it shows.
func (s *scale) cover(values []float64, lowest, highest float64) {
	s.min, s.max = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) || s.log && v <= 0 {
			continue
		}
		v = min(max(v, lowest), highest)
		s.min, s.max = min(s.min, v), max(s.max, v)
	}
	switch {
	case s.min > s.max:
		s.min, s.max, s.empty = 1, 10, true
	case s.min == s.max && s.log:
		s.min, s.max = s.min/2, s.max*2
	case s.min == s.max:
		s.min, s.max = s.min-1, s.max+1
	}
}
