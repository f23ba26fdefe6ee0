package plot

import (
	"cmp"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A tag is the name of a line, near its end.
type tag struct {
	text  string
	style text.Style
	end   vg.Point
	under bool // it belongs under the end, else to the right of it
	size  vg.Point
	box   vg.Rectangle // where it stands
}

func newTag(name string, end vg.Point, under bool, style text.Style, colour color.Color) *tag {
	style.Color = colour
	e := style.FontExtents()
	return &tag{text: name, style: style, end: end, under: under, size: vg.Point{X: style.Width(name), Y: e.Ascent + e.Descent}}
}

// at returns the box whose left end is at x and whose middle is at y.
func (t *tag) at(x, y vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: x, Y: y - t.size.Y/2}, Max: vg.Point{X: x + t.size.X, Y: y + t.size.Y/2}}
}

// What spoils a place, in heights of a label that the place may be farther off.
const (
	onLabel   = 60.0
	outside   = 1000.0
	onLine    = 8.0
	displaced = 2.0 // on another side of the end than where it belongs
	crossing  = 8.0 // of a leader and a label
	over      = 1.0 // of a leader and a line, or another leader
)

// place finds places for labels, near the ends of their lines and apart from each
// other and, where they can be, from lines. Those of lines that end at the right, where
// no line is in their way, stand one above the other in the order of their ends. Of the
// rest each in turn takes its best place beside the others, for as long as that changes
// something.
func place(tags []*tag, paths [][]vg.Point, room vg.Rectangle) {
	right := room.Min.X
	for _, t := range tags {
		right = max(right, t.end.X)
	}
	var last, rest []*tag
	for _, t := range tags {
		if !t.under && right-t.end.X < together {
			last = append(last, t)
		} else {
			rest = append(rest, t)
		}
	}
	stack(last, right, room)
	// Who comes first has the choice: several orders are tried.
	var best []vg.Rectangle
	least := math.Inf(1)
	for _, order := range orders(rest) {
		settle(order, tags, paths, room)
		sum := 0.0
		for _, t := range rest {
			sum += t.cost(t.box, tags, paths, room, math.Inf(1))
		}
		if sum < least {
			least, best = sum, nil
			for _, t := range rest {
				best = append(best, t.box)
			}
		}
	}
	for i, t := range rest {
		t.box = best[i]
	}
}

// orders returns labels in their own order and in those of their ends, each from either
// side.
func orders(tags []*tag) [][]*tag {
	across, up := slices.Clone(tags), slices.Clone(tags)
	slices.SortStableFunc(across, func(a, b *tag) int { return cmp.Compare(a.end.X, b.end.X) })
	slices.SortStableFunc(up, func(a, b *tag) int { return cmp.Compare(a.end.Y, b.end.Y) })
	out := [][]*tag{tags, across, up}
	for _, order := range out[:3] {
		back := slices.Clone(order)
		slices.Reverse(back)
		out = append(out, back)
	}
	return out
}

// settle gives each label in turn its best place, until none moves. They start beside
// their ends.
func settle(moving, tags []*tag, paths [][]vg.Point, room vg.Rectangle) {
	for _, t := range moving {
		t.box = t.at(t.end.X+gap, t.end.Y)
	}
	for range 20 {
		moved := false
		for _, t := range moving {
			best, least := t.box, t.cost(t.box, tags, paths, room, math.Inf(1))
			for _, box := range t.places() {
				if cost := t.cost(box, tags, paths, room, least); cost < least-1e-9 {
					best, least = box, cost
				}
			}
			moved = moved || best != t.box
			t.box = best
		}
		if !moved {
			return
		}
	}
}

const (
	together = 16      // ends no farther apart count as one
	beside   = 3 * gap // from the last end to the labels of all that end together
)

// stack sets labels one above the other, as near to the ends as that allows: those
// that would overlap share the mean of their places.
func stack(tags []*tag, right vg.Length, room vg.Rectangle) {
	if len(tags) == 0 {
		return
	}
	from, step := right+gap, tags[0].size.Y+1
	if len(tags) > 1 {
		from = right + beside
	}
	slices.SortStableFunc(tags, func(a, b *tag) int { return cmp.Compare(a.end.Y, b.end.Y) })
	// bottom is where the first of a pile stands.
	bottom := func(pile []*tag) vg.Length {
		mean := vg.Length(0)
		for i, t := range pile {
			mean += (t.end.Y - step*vg.Length(i)) / vg.Length(len(pile))
		}
		return max(min(mean, room.Max.Y-step*(vg.Length(len(pile))-0.5)), room.Min.Y+step/2)
	}
	var piles [][]*tag
	for _, t := range tags {
		piles = append(piles, []*tag{t})
		for n := len(piles); n > 1 && bottom(piles[n-2])+step*vg.Length(len(piles[n-2])) > bottom(piles[n-1]); n-- {
			piles = append(piles[:n-2], slices.Concat(piles[n-2], piles[n-1]))
		}
	}
	for _, pile := range piles {
		for i, t := range pile {
			t.box = t.at(from, bottom(pile)+step*vg.Length(i))
		}
	}
}

// places are where a label may stand.
func (t *tag) places() []vg.Rectangle {
	h := t.size.Y
	var out []vg.Rectangle
	for k := range 120 { // 0, 1, -1, 2, -2 ... quarters of a height
		dy := h / 4 * vg.Length((k+1)/2)
		if k%2 == 0 {
			dy = -dy
		}
		for _, dx := range []vg.Length{gap, gap + 2.5*h, gap + 5*h} {
			out = append(out, t.at(t.end.X+dx, t.end.Y+dy), t.at(t.end.X-dx-t.size.X, t.end.Y+dy))
		}
		out = append(out, t.at(t.end.X-t.size.X/2, t.end.Y+dy))
	}
	return out
}

// cost is what speaks against a place. It need not look on once that reaches enough.
func (t *tag) cost(box vg.Rectangle, tags []*tag, paths [][]vg.Point, room vg.Rectangle, enough float64) float64 {
	from := foot(box, t.end)
	cost := float64(distance(from, t.end) / t.size.Y)
	if t.under && box.Max.Y > t.end.Y || !t.under && box.Min.X < t.end.X {
		cost += displaced
	}
	if inside(box, t.end) {
		cost += 3 // it hides the end
	}
	if box.Min.X < room.Min.X || box.Min.Y < room.Min.Y || box.Max.X > room.Max.X+0.5 || box.Max.Y > room.Max.Y {
		cost += outside
	}
	for _, o := range tags {
		if o == t {
			continue
		}
		if overlap(grown(box, gap, 1), o.box) {
			cost += onLabel
		}
		if crosses(o.box, from, t.end) || crosses(box, foot(o.box, o.end), o.end) {
			cost += crossing
		}
		if meet(from, t.end, foot(o.box, o.end), o.end) {
			cost += over
		}
	}
	for _, path := range paths {
		if cost >= enough {
			break
		}
		on, under := false, false
		for i := 1; i < len(path); i++ {
			on = on || crosses(box, path[i-1], path[i])
			under = under || meet(from, t.end, path[i-1], path[i])
		}
		if on {
			cost += onLine
		}
		if under {
			cost += over
		}
	}
	return cost
}

// draw draws the label and, where it is off the end of its line, a leader to it.
func (t *tag) draw(c *draw.Canvas) {
	c.SetColor(veil)
	c.Fill(t.box.Path())
	from := foot(t.box, t.end)
	if distance(from, t.end) > gap+1 {
		c.StrokeLine2(draw.LineStyle{Color: t.style.Color, Width: 0.4}, from.X, from.Y, t.end.X, t.end.Y)
	}
	c.FillText(t.style, vg.Point{X: t.box.Min.X, Y: (t.box.Min.Y + t.box.Max.Y) / 2}, t.text)
}

func distance(a, b vg.Point) vg.Length {
	return vg.Length(math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)))
}

// nearest returns the point of a box that is the nearest to another.
func nearest(box vg.Rectangle, p vg.Point) vg.Point {
	return vg.Point{X: min(max(p.X, box.Min.X), box.Max.X), Y: min(max(p.Y, box.Min.Y), box.Max.Y)}
}

// foot returns where a leader from a point meets a label: at the middle of its side
// where it comes from there.
func foot(box vg.Rectangle, p vg.Point) vg.Point {
	f := nearest(grown(box, 1.5, 0), p)
	if f.X != p.X {
		f.Y = (box.Min.Y + box.Max.Y) / 2
	}
	return f
}

func inside(box vg.Rectangle, p vg.Point) bool { return nearest(box, p) == p }

func grown(box vg.Rectangle, x, y vg.Length) vg.Rectangle {
	d := vg.Point{X: x, Y: y}
	return vg.Rectangle{Min: box.Min.Sub(d), Max: box.Max.Add(d)}
}

func overlap(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

// crosses reports whether a segment has a point in a box.
func crosses(box vg.Rectangle, a, b vg.Point) bool {
	if inside(box, a) || inside(box, b) {
		return true
	}
	corners := []vg.Point{box.Min, {X: box.Max.X, Y: box.Min.Y}, box.Max, {X: box.Min.X, Y: box.Max.Y}}
	return meet(a, b, corners[0], corners[2]) || meet(a, b, corners[1], corners[3])
}

// meet reports whether two segments cross.
func meet(a, b, c, d vg.Point) bool {
	side := func(p, q, r vg.Point) bool { return (q.X-p.X)*(r.Y-p.Y) > (q.Y-p.Y)*(r.X-p.X) }
	return side(a, b, c) != side(a, b, d) && side(c, d, a) != side(c, d, b)
}
