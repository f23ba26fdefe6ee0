package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/optbench/optbench/harness/measure"
	"github.com/optbench/optbench/harness/record"
)

var optimizers = []string{"sgd", "momentum", "adam", "lion"}

// runs has each optimizer tuned and run on each objective.
var runs = sync.OnceValue(func() []record.Convergence {
	var out []record.Convergence
	for _, o := range objectives {
		for _, optimizer := range optimizers {
			for _, lr := range []float64{1e-3, 1e-2, 1e-1, 1} {
				r := minimise(o, optimizer, lr, 0.1, 100, 400)
				r.Tuning = true
				out = append(out, r)
			}
			for seed := range uint64(4) {
				out = append(out, minimise(o, optimizer, 1e-2, 0.1, seed, 400))
			}
		}
	}
	return out
})

// figures are all kinds, by name.
func figures(t *testing.T, runs []record.Convergence) map[string]*Figure {
	t.Helper()
	out := map[string]*Figure{}
	made := func(name string, f *Figure, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = f
	}
	groups, sweeps := measure.Groups(runs), measure.Sweeps(runs)
	c := measure.Compare(groups)
	for _, cost := range measure.Costs {
		f, err := Curves(groups, cost)
		made("curves over "+string(cost), f, err)
		f, err = Profile(c, cost)
		made("profile over "+string(cost), f, err)
		f, err = ECDF(c, cost)
		made("ecdf over "+string(cost), f, err)
		f, err = LR(sweeps, cost)
		made("lr in "+string(cost), f, err)
	}
	f, err := LRFinal(sweeps)
	made("final over lr", f, err)
	return out
}

func written(t *testing.T, f *Figure, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// texts returns what an SVG says, and fails where it is no XML.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var out []string
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if chars, ok := token.(xml.CharData); ok && len(bytes.TrimSpace(chars)) > 0 {
			out = append(out, string(chars))
		}
	}
}

// TestSVG: every figure is well-formed, names its problems and optimizers, has
// numbers only, and the same bytes each time.
func TestSVG(t *testing.T) {
	for name, f := range figures(t, runs()) {
		svg := written(t, f, "svg")
		if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
			t.Errorf("%s: has a number that is none", name)
		}
		if !bytes.Contains(svg, []byte("'Liberation Sans',Arial")) {
			t.Errorf("%s: names no other font where its own is missing", name)
		}
		all := strings.Join(texts(t, svg), "\n")
		for _, want := range optimizers {
			if !strings.Contains(all, want) {
				t.Errorf("%s: does not name %s:\n%s", name, want, all)
			}
		}
		if !strings.Contains(all, "rosenbrock, dim 32, noise gauss:sigma=0.1") && !strings.Contains(all, "3 problems") {
			t.Errorf("%s: does not say what problem it is of:\n%s", name, all)
		}
		if strings.Contains(name, "steps") && !bytes.Equal(svg, written(t, f, "svg")) {
			t.Errorf("%s: other bytes the second time", name)
		}
	}
}

// TestShuffled: the order of runs within a task changes nothing.
func TestShuffled(t *testing.T) {
	f, err := Curves(measure.Groups(runs()), measure.Steps)
	if err != nil {
		t.Fatal(err)
	}
	groups := measure.Groups(runs())
	for _, g := range groups {
		slices.Reverse(g.Runs)
	}
	other, err := Curves(groups, measure.Steps)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written(t, f, "svg"), written(t, other, "svg")) {
		t.Error("another order of runs makes another figure")
	}
}

func TestPNG(t *testing.T) {
	f, err := Curves(measure.Groups(runs()), measure.Steps)
	if err != nil {
		t.Fatal(err)
	}
	image, err := png.Decode(bytes.NewReader(written(t, f, "png")))
	if err != nil {
		t.Fatal(err)
	}
	// Three panels in a grid of two columns: the last quarter is empty.
	size := image.Bounds().Size()
	if size.X < 1200 || size.Y < 800 {
		t.Errorf("the picture has %v points", size)
	}
	dark := func(x0, y0, x1, y1 int) (n int) {
		for x := x0; x < x1; x += 3 {
			for y := y0; y < y1; y += 3 {
				if color.GrayModel.Convert(image.At(x, y)).(color.Gray).Y < 128 {
					n++
				}
			}
		}
		return n
	}
	if n := dark(size.X/2+10, size.Y/2+10, size.X, size.Y); n > 0 {
		t.Errorf("%d dark points where nothing is drawn", n)
	}
	if n := dark(0, 0, size.X/2, size.Y/2); n < 100 {
		t.Errorf("%d dark points in the first panel", n)
	}
}

// TestCurvesShowTheMedian holds a line and its band to the measure.
func TestCurvesShowTheMedian(t *testing.T) {
	groups := measure.Groups(runs())
	f, err := Curves(groups, measure.Steps)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.panels) != 3 || len(f.panels[0].lines) != len(optimizers) {
		t.Fatalf("%d panels, %d lines in the first; want one for each objective and optimizer", len(f.panels), len(f.panels[0].lines))
	}
	l, want := f.panels[0].lines[2], groups[2].Curve(measure.Steps, 0.1, 0.5, 0.9)
	if l.label != "adam, lr 0.01" || len(l.points) != len(want.Cost) {
		t.Fatalf("line %q of %d points, want adam and %d", l.label, len(l.points), len(want.Cost))
	}
	for i, x := range want.Cost {
		if l.points[i] != (point{x, want.Values[1][i]}) || l.low[i].y != want.Values[0][i] || l.high[i].y != want.Values[2][i] {
			t.Fatalf("point %d is %v in %v to %v", i, l.points[i], l.low[i], l.high[i])
		}
	}
}

// TestWrap breaks long titles only.
func TestWrap(t *testing.T) {
	fits := func(line string) bool { return len(line) <= 10 }
	for text, want := range map[string]string{
		"short, one": "short, one", "longer, than, that": "longer,\nthan, that", "nowhere to break": "nowhere to break", "a, b\ncccccc, dddddd": "a, b\ncccccc,\ndddddd", "": "",
	} {
		if got := wrap(text, fits); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestStaircase: two jumps, and a bound between them.
func TestStaircase(t *testing.T) {
	d := measure.Distribution{At: []float64{1, 2, 2, 9}, N: 5}
	want := []point{{1, 0.2}, {2, 0.2}, {2, 0.6}, {4, 0.6}}
	if got := staircase(d, 1, 4); !slices.Equal(got, want) {
		t.Errorf("corners %v, want %v", got, want)
	}
}

// TestCourses draws values relative to the first, and marks where they change alone.
func TestCourses(t *testing.T) {
	f := Courses([]Course{{Name: "a", Values: []float64{2, 2, 3}, Changes: []int{2}}, {Name: "b", Values: []float64{4, 5}}}, "ns")
	a, b := f.panels[0].lines[0], f.panels[0].lines[1]
	if want := []point{{1, 1}, {2, 1}, {3, 1.5}}; !slices.Equal(a.points, want) || !slices.Equal(a.marks, want[2:]) {
		t.Errorf("points %v, marks %v, want %v and the last", a.points, a.marks, want)
	}
	if want := []point{{1, 1}, {2, 1.25}}; !slices.Equal(b.points, want) || len(b.marks) != 0 || b.marks == nil {
		t.Errorf("points %v, marks %v, want %v and none", b.points, b.marks, want)
	}
	for _, format := range Formats {
		if err := f.Write(io.Discard, format); err != nil {
			t.Error(err)
		}
	}
}

// TestHardValues draws what has no logarithm or no bound: a minimum that is hit, runs
// that diverge, a run without steps, a single run.
func TestHardValues(t *testing.T) {
	task := func(optimizer string) record.Convergence {
		return record.Convergence{
			Case: record.Task{Objective: "o<&>", Dim: 1, Optimizer: optimizer, LR: 1, DType: "f32", Backend: "cpu:go", Threads: 1}, Start: 1, Budget: 10,
		}
	}
	hit, lost, idle := task("hit"), task("lost"), task("idle")
	hit.Reached, hit.Steps, hit.GradEvals = true, 3, 3
	hit.Trajectory = []record.Point{{Step: 0, Value: 1}, {Step: 2, Value: 1e-300}, {Step: 3, Value: 0}}
	lost.Diverged, lost.Steps, lost.GradEvals, lost.Final = true, 5, 5, 1e300
	lost.Trajectory = []record.Point{{Step: 0, Value: 1}, {Step: 1, Value: 1e300}}
	idle.Trajectory = []record.Point{{Step: 0, Value: 1}}
	all := []record.Convergence{hit, lost, idle}
	for i, lr := range []float64{0, 2} {
		for _, r := range []record.Convergence{hit, lost, idle} {
			r.Case.LR, r.Seed = lr, uint64(i)
			all = append(all, r)
		}
	}
	for name, f := range figures(t, all) {
		if svg := written(t, f, "svg"); bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) || len(texts(t, svg)) == 0 {
			t.Errorf("%s: not a figure:\n%s", name, svg)
		}
	}
}

// TestLabelsApart: labels neither overlap nor leave their room, wherever lines end.
func TestLabelsApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	room := vg.Rectangle{Max: vg.Point{X: 480, Y: 240}}
	style := new(panel).plot(new(Figure), wide).X.Tick.Label
	style.XAlign, style.YAlign = draw.XLeft, draw.YCenter
	for trial := range 16 {
		var tags []*tag
		var paths [][]vg.Point
		for i := range 1 + rng.IntN(10) {
			end := vg.Point{X: 400 * vg.Length(rng.Float64()), Y: 240 * vg.Length(rng.Float64())}
			switch trial % 4 {
			case 1: // all at the right
				end.X = 400
			case 2: // all at one place
				end = vg.Point{X: 400, Y: 240}
			case 3: // all on a line at the bottom
				end.Y = 40
			}
			tags = append(tags, newTag(fmt.Sprintf("optimizer %d", i), end, false, style, ink(i)))
			paths = append(paths, []vg.Point{{X: 0, Y: 240}, end})
		}
		place(tags, paths, room)
		for i, a := range tags {
			if a.box.Min.X < room.Min.X || a.box.Max.X > room.Max.X || a.box.Min.Y < room.Min.Y || a.box.Max.Y > room.Max.Y {
				t.Errorf("trial %d: %s leaves the room: %v", trial, a.text, a.box)
			}
			for _, b := range tags[:i] {
				if overlap(a.box, b.box) {
					t.Errorf("trial %d: %s and %s overlap: %v, %v", trial, a.text, b.text, a.box, b.box)
				}
			}
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		s    scale
		want string // of the labels
	}{
		{scale{log: true, min: 1, max: 1000}, "1 10 100 1000"},
		{scale{log: true, min: 1e-3, max: 2}, "0.001 0.01 0.1 1"},
		{scale{log: true, min: 1e-18, max: 1}, "1e-18 1e-15 1e-12 1e-9 1e-6 0.001 1"},
		{scale{log: true, min: 1, max: 20}, "1 2 5 10 20"},
		{scale{log: true, min: 100, max: 110}, "100 102 104 106 108 110"},
		{scale{min: 0, max: 1}, "0 0.2 0.4 0.6 0.8 1"},
		{scale{min: -30, max: 70}, "-20 0 20 40 60"},
		{scale{log: true, min: 1, max: 10, empty: true}, ""},
	} {
		var got []string
		for _, tick := range c.s.Ticks(c.s.ends()) {
			if !tick.IsMinor() {
				got = append(got, tick.Label)
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("from %v to %v: %s, want %s", c.s.min, c.s.max, text, c.want)
		}
	}
}

// TestTicksAnyRange: few labels but two at least, in their order, within the axis.
func TestTicksAnyRange(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		s := scale{log: rng.IntN(2) == 0, min: math.Pow(10, 40*rng.Float64()-20)}
		s.max = s.min * (1 + math.Pow(10, 30*rng.Float64()-2))
		lo, hi := s.ends()
		labels, last := 0, math.Inf(-1)
		for _, tick := range s.Ticks(lo, hi) {
			if slack := 1e-6 * (hi - lo); tick.Value <= last || tick.Value < lo-slack || tick.Value > hi+slack {
				t.Fatalf("%+v: a tick at %v, after %v, from %v to %v", s, tick.Value, last, lo, hi)
			}
			if last = tick.Value; !tick.IsMinor() {
				labels++
			}
		}
		if labels < 2 || labels > mostTicks+1 {
			t.Fatalf("%+v: %d labels", s, labels)
		}
	}
}

func TestRefuses(t *testing.T) {
	groups := measure.Groups(runs())
	many := []measure.Group{}
	for i := range MaxPanels + 1 {
		g := groups[0]
		g.Task.Dim = 1 + i
		many = append(many, g)
	}
	bare := groups[0]
	r := *bare.Runs[0]
	r.Trajectory = nil
	bare.Runs = []*record.Convergence{&r}
	for name, c := range map[string]struct {
		make func() (*Figure, error)
		want string
	}{
		"too many panels": {func() (*Figure, error) { return Curves(many, measure.Steps) }, "13 problems, want at most 12"},
		"no trajectory":   {func() (*Figure, error) { return Curves([]measure.Group{bare}, measure.Steps) }, "no trajectory"},
		"one rate":        {func() (*Figure, error) { return LR(measure.Sweeps(runs()[4:8]), measure.Steps) }, "one learning rate"},
		"nothing common": {func() (*Figure, error) {
			return Profile(measure.Compare([]measure.Group{groups[0], groups[5]}), measure.Steps)
		}, "no problem was given to all of the 2 optimizers"},
	} {
		if _, err := c.make(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	f, err := Curves(groups, measure.Steps)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(io.Discard, "pdf"); err == nil || !strings.Contains(err.Error(), "svg png") {
		t.Errorf("a format that is not known: %v", err)
	}
}

// TestPanels: guides run through the middle of what was measured, below it, and lines
// that are none are refused.
func TestPanels(t *testing.T) {
	l := Line{Name: "a", X: []float64{1, 10, 100}, Y: []float64{2, 30, 200}}
	f, err := Panels(Panel{Title: "t", Lines: []Line{l}, Guides: []Line{l.Power("x", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	g := f.panels[0].lines[0]
	middle := math.Cbrt(2 * 30 * 200)
	for i, want := range []point{{1, middle / 10}, {100, middle * 10}} {
		if p := g.points[i]; !g.guide || p.x != want.x || math.Abs(p.y/want.y-1) > 1e-12 {
			t.Errorf("the guide goes through %v, want %v", p, want)
		}
	}
	for _, p := range [][]Panel{nil, {{Lines: []Line{{Name: "a"}}}}, {{Lines: []Line{{Name: "a", X: []float64{1}}}}}} {
		if _, err := Panels(p...); err == nil {
			t.Errorf("%v is drawn, want an error", p)
		}
	}
}

// TestSpeed: a panel for each number of threads, and in it for each update the time per
// parameter in the order of sizes, above its limit.
func TestSpeed(t *testing.T) {
	var measured []record.Throughput
	for _, n := range []int{1000, 10} {
		for _, threads := range []int{1, 2} {
			for i, update := range []string{"adam", "sgd"} {
				c := record.Case{Update: update, N: n, Backend: "cpu:go", Threads: threads}
				measured = append(measured, record.Throughput{Case: c, NSPerParam: float64(i + 2), Bytes: int64(4 * n), LimitBytesPerSecond: 4e9})
			}
		}
	}
	f, err := Speed(append(measured, measured[0]))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.panels) != 2 || f.panels[1].title != "cpu:go, 2 threads (dots: the limit)" {
		t.Fatalf("%d panels, the last %q, want one for each number of threads", len(f.panels), f.panels[len(f.panels)-1].title)
	}
	var got []string
	for _, l := range f.panels[0].lines {
		got = append(got, fmt.Sprint(l.name, l.label, l.guide, l.points))
	}
	want := []string{"adamtrue [{10 1} {1000 1}]", "sgdtrue [{10 1} {1000 1}]", "adamadamfalse [{10 2} {1000 2}]", "sgdsgdfalse [{10 3} {1000 3}]"}
	if !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}
