package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/measure"
)

// costs are the names of costs on axes.
var costs = map[measure.Cost]string{
	measure.Steps: "steps", measure.GradEvals: "gradient evaluations", measure.Seconds: "seconds", measure.Bytes: "bytes",
}

// Quantiles of a band round a median.
const low, top = 0.1, 0.9

// Curves draws how values fall as the cost rises: for each problem a panel, and in it
// the median of each optimizer at its best learning rate, in a band from the 10 % to
// the 90 % quantile.
func Curves(groups []measure.Group, over measure.Cost) (*Figure, error) {
	f := new(Figure)
	parts, titles, err := split(measure.Best(groups), func(g measure.Group) measure.Goal { return g.Problem() })
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		p := &panel{title: titles[i], rule: part[0].Target}
		var xs, ys []float64
		for _, g := range part {
			c := g.Curve(over, low, 0.5, top)
			if len(c.Cost) == 0 {
				return nil, fmt.Errorf("the runs of %s on %s have no trajectory, want some to draw", g.Task.Optimizer, g.Task.Objective)
			}
			l := &line{name: measure.Name(g.Task), label: measure.Name(g.Task) + ", lr " + axis.FormatFloat(g.Task.LR, 3)}
			for k, x := range c.Cost {
				l.points = append(l.points, point{x, c.Values[1][k]})
				if len(g.Runs) > 1 {
					l.low, l.high = append(l.low, point{x, c.Values[0][k]}), append(l.high, point{x, c.Values[2][k]})
				}
				xs, ys = append(xs, x), append(ys, c.Values[0][k], c.Values[1][k], c.Values[2][k])
			}
			f.add(p, l)
		}
		p.x = scale{label: costs[over], log: true}
		p.x.cover(xs, 0, math.Inf(1))
		p.y = scale{label: "value, as a share of the first", log: true}
		p.y.below = 0.2
		p.y.cover(append(ys, p.rule), 1e-18, 10) // what diverges leaves through the upper edge
		f.panels = append(f.panels, p)
	}
	return f, nil
}

// LR draws how much the learning rate matters: for each problem a panel, and in it for
// each optimizer the expected running time over the rates that were tried. Where no run
// reached the target, the line leaves through the upper edge.
func LR(sweeps []measure.Sweep, over measure.Cost) (*Figure, error) {
	return lr(sweeps, "expected "+costs[over], "target not reached", " (dec.: decades within twice the best)", func(g *measure.Group) (lo, mid, hi float64) {
		ert := g.ERT(over)
		return ert, ert, ert
	}, func(s *measure.Sweep) string {
		d, open := s.Decades(over)
		if open {
			return fmt.Sprintf("%s, ≥%.1f dec.", measure.Name(s.Task), d)
		}
		return fmt.Sprintf("%s, %.1f dec.", measure.Name(s.Task), d)
	})
}

// LRFinal is LR of the value at which runs end, its median and its quantiles. Where
// half of the runs diverged, the line leaves through the upper edge.
func LRFinal(sweeps []measure.Sweep) (*Figure, error) {
	return lr(sweeps, "final value, as a share of the first", "diverged", "", func(g *measure.Group) (lo, mid, hi float64) {
		return g.FinalShare(low), g.FinalShare(0.5), g.FinalShare(top)
	}, func(s *measure.Sweep) string { return measure.Name(s.Task) })
}

func lr(sweeps []measure.Sweep, label, failed, remark string, value func(*measure.Group) (lo, mid, hi float64), name func(*measure.Sweep) string) (*Figure, error) {
	sweeps = slices.DeleteFunc(slices.Clone(sweeps), func(s measure.Sweep) bool { return len(s.Rates) < 2 })
	if len(sweeps) == 0 {
		return nil, fmt.Errorf("every optimizer was run with one learning rate, want several: optbench converge -a lr=... or --tune")
	}
	some := func(s measure.Sweep) bool {
		return slices.ContainsFunc(s.Rates, func(g measure.Group) bool {
			_, mid, _ := value(&g)
			return !math.IsInf(mid, 1)
		})
	}
	if !slices.ContainsFunc(sweeps, some) {
		return nil, fmt.Errorf("%s at any learning rate, so that there is nothing to draw; want --value final, or runs with another target", failed)
	}
	f := new(Figure)
	parts, titles, err := split(sweeps, func(s measure.Sweep) measure.Goal { return s.Problem() })
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		p := &panel{title: titles[i]}
		var xs, ys []float64
		var never []string // reached the target
		for _, s := range part {
			l := &line{name: measure.Name(s.Task), label: name(&s), marked: true}
			for k := range s.Rates {
				x := s.Rates[k].Task.LR
				lo, mid, hi := value(&s.Rates[k])
				ys = append(ys, lo, mid, hi)
				l.points = append(l.points, point{x, mid})
				if lo != hi {
					l.low, l.high = append(l.low, point{x, lo}), append(l.high, point{x, hi})
				}
				if !math.IsInf(mid, 1) { // with the next rates, to which the line goes
					xs = append(xs, s.Rates[max(k-1, 0)].Task.LR, x, s.Rates[min(k+1, len(s.Rates)-1)].Task.LR)
				}
			}
			f.add(p, l)
			best := slices.MinFunc(l.points, func(a, b point) int { return cmp.Compare(a.y, b.y) })
			if math.IsInf(best.y, 1) {
				never = append(never, l.name)
			} else {
				l.least = &best
			}
		}
		if len(never) > 0 {
			p.title += "\n" + failed + " at any rate: " + several(never)
		}
		p.x = scale{label: "learning rate" + remark, log: true}
		p.x.cover(xs, 0, math.Inf(1))
		p.y = scale{label: label, log: true, below: 0.15}
		p.y.cover(ys, 0, math.Inf(1))
		f.panels = append(f.panels, p)
	}
	return f, nil
}

// split parts what is to be drawn by problems, in their order, and gives each a title.
func split[T any](items []T, problem func(T) measure.Goal) (parts [][]T, titles []string, err error) {
	var goals []measure.Goal
	for _, item := range items {
		g := problem(item)
		at := slices.Index(goals, g)
		if at < 0 {
			at = len(goals)
			goals, parts = append(goals, g), append(parts, nil)
		}
		parts[at] = append(parts[at], item)
	}
	if len(goals) > MaxPanels {
		return nil, nil, fmt.Errorf("there are %d problems, want at most %d in a figure: choose with --where, such as --where objective=%s", len(goals), MaxPanels, goals[0].Task.Objective)
	}
	for _, g := range goals {
		titles = append(titles, title(g, goals))
	}
	return parts, titles, nil
}

// title names a problem: by its objective, dimension and noise, and by whatever else
// tells it from others.
func title(g measure.Goal, all []measure.Goal) string {
	text := g.Task.Objective + ", dim " + axis.FormatInt(int64(g.Task.Dim))
	if g.Task.Noise != "" {
		text += ", noise " + g.Task.Noise
	}
	for _, property := range []func(measure.Goal) string{
		func(g measure.Goal) string { return fmt.Sprintf("batch %d", g.Task.Batch) },
		func(g measure.Goal) string { return g.Task.DType },
		func(g measure.Goal) string { return g.Task.Backend },
		func(g measure.Goal) string { return count(g.Task.Threads, "thread") },
		func(g measure.Goal) string { return "target " + axis.FormatFloat(g.Target, 3) },
		func(g measure.Goal) string {
			if g.Budget == 0 {
				return axis.FormatFloat(g.Limit, 3) + " s"
			}
			return count(g.Budget, "step")
		},
	} {
		if slices.ContainsFunc(all, func(o measure.Goal) bool { return property(o) != property(g) }) {
			text += ", " + property(g)
		}
	}
	return text
}

// Profile draws performance profiles; labels have the score in brackets.
func Profile(c measure.Comparison, over measure.Cost) (*Figure, error) {
	if err := comparable(c); err != nil {
		return nil, err
	}
	f := &Figure{panels: []*panel{{title: fmt.Sprintf("Performance profile over %s (score: area up to ratio %d)", count(len(c.Problems), "problem"), measure.MaxRatio)}}}
	p := f.panels[0]
	profiles := c.Profile(over)
	if !slices.ContainsFunc(profiles, func(d measure.Distribution) bool {
		return slices.ContainsFunc(d.At, func(r float64) bool { return !math.IsInf(r, 1) })
	}) {
		return nil, fmt.Errorf("no run reached its target, so that there is nothing to draw; want runs with another target, or plot curves")
	}
	widest := float64(measure.MaxRatio)
	for _, d := range profiles {
		for _, r := range d.At {
			widest = max(widest, min(1.05*r, 1000))
		}
	}
	f.names = c.Optimizers
	for _, i := range rising(profiles, measure.Distribution.Score) {
		name := c.Optimizers[i]
		f.add(p, &line{name: name, label: fmt.Sprintf("%s (%.2f)", name, profiles[i].Score()), points: staircase(profiles[i], 1, widest), apart: true})
	}
	p.x = scale{label: "expected " + costs[over] + ", as a multiple of the least", log: true, min: 1, max: widest}
	p.y = scale{label: "share of problems", max: 1}
	return f, nil
}

// ECDF draws the shares of runs and targets reached at a cost.
func ECDF(c measure.Comparison, over measure.Cost) (*Figure, error) {
	if err := comparable(c); err != nil {
		return nil, err
	}
	f := &Figure{panels: []*panel{{title: fmt.Sprintf("Targets reached, %d on each of %s", measure.Targets, count(len(c.Problems), "problem"))}}}
	p := f.panels[0]
	shares := c.ECDF(over)
	var all []float64
	for _, d := range shares {
		all = append(all, d.At...)
	}
	p.x = scale{label: costs[over], log: true}
	p.x.cover(all, 0, math.Inf(1))
	f.names = c.Optimizers
	for _, i := range rising(shares, func(d measure.Distribution) float64 { return d.Share(p.x.max) }) {
		name := c.Optimizers[i]
		f.add(p, &line{name: name, label: name, points: staircase(shares[i], p.x.min, p.x.max), apart: true})
	}
	p.y = scale{label: "share of runs and targets", max: 1}
	return f, nil
}

// A Course is what one case took, run after run, and the places at which it went over
// to another level.
type Course struct {
	Name    string
	Values  []float64
	Changes []int
}

// Courses draws each course relative to its first value, with marks at its changes.
func Courses(courses []Course, unit string) *Figure {
	f := &Figure{}
	p := &panel{x: scale{label: "run"}, y: scale{label: unit + ", relative to the first run"}}
	longest, values := 1, []float64{}
	for _, c := range courses {
		l := &line{name: c.Name, label: c.Name, marks: []point{}}
		for i, v := range c.Values {
			l.points = append(l.points, point{float64(i + 1), v / c.Values[0]})
			values = append(values, v/c.Values[0])
		}
		for _, at := range c.Changes {
			l.marks = append(l.marks, l.points[at])
		}
		longest = max(longest, len(c.Values))
		f.add(p, l)
	}
	p.x.cover([]float64{1, float64(longest)}, 1, math.Inf(1))
	p.y.cover(values, 0, math.Inf(1))
	f.panels = append(f.panels, p)
	return f
}

func comparable(c measure.Comparison) error {
	if len(c.Problems) == 0 {
		return fmt.Errorf("no problem was given to all of the %s, want one at least: choose with --where optimizer=NAME,NAME", count(len(c.Optimizers), "optimizer"))
	}
	return nil
}

// rising returns the places of distributions in the order of what is said of them, so
// that the best lies above the others.
func rising(ds []measure.Distribution, value func(measure.Distribution) float64) []int {
	order := make([]int, len(ds))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(value(ds[a]), value(ds[b])) })
	return order
}

// staircase returns the corners of a distribution between two bounds.
func staircase(d measure.Distribution, from, to float64) []point {
	out := []point{{from, d.Share(from)}}
	for _, x := range d.At {
		if last := out[len(out)-1]; x > last.x && x <= to {
			out = append(out, point{x, last.y}, point{x, d.Share(x)})
		}
	}
	return append(out, point{to, out[len(out)-1].y})
}

// several names as many as fit below a title, and how many more there are.
func several(names []string) string {
	text := names[0]
	for i, n := range names[1:] {
		if len(text)+len(n) > 20 {
			return fmt.Sprintf("%s and %d more", text, len(names)-1-i)
		}
		text += ", " + n
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
