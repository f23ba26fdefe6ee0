package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// dims are those at which objectives are looked at; each skips what it cannot have.
var dims = []int{1, 2, 3, 4, 16, 36, 64, 100, 1000}

// eachObjective calls f for every case of every objective in every dimension that it has.
func eachObjective(t *testing.T, f func(t *testing.T, o Objective, n int, facts Facts)) {
	for _, d := range Objectives() {
		for _, o := range d.Cases {
			t.Run(FormatObjective(o), func(t *testing.T) {
				has := 0
				for _, n := range dims {
					facts, err := o.Facts(n)
					if err != nil {
						continue
					}
					has++
					t.Run(fmt.Sprint(n), func(t *testing.T) { f(t, o, n, facts) })
				}
				if has < 3 {
					t.Errorf("%d of the dimensions %v, want more", has, dims)
				}
			})
		}
	}
}

// lay returns the slots of an objective about a point, and a function that lays
// the ends anew when the point has changed.
func lay[T Real](o Objective, facts Facts, p []T) (slots [][]T, ends func()) {
	n, pad := len(p), 0
	for _, r := range facts.Reach {
		pad = max(pad, r, -r)
	}
	all := make([]T, pad+n+pad)
	ends = func() {
		for i := range all {
			j := i - pad
			switch {
			case j >= 0 && j < n:
				all[i] = p[j]
			case facts.Periodic:
				all[i] = p[((j%n)+n)%n]
			default:
				all[i] = T(facts.Boundary)
			}
		}
	}
	ends()
	reach, data := 0, 0
	for _, s := range o.Kernel().Slots {
		switch {
		case s.Role == Output:
			slots = append(slots, make([]T, n))
		case s.Role == Neighbour:
			from := pad + facts.Reach[reach]
			slots = append(slots, all[from:from+n])
			reach++
		case len(slots) == 0:
			slots = append(slots, all[pad:pad+n])
		default:
			x := make([]T, n)
			for i := range x {
				x[i] = T(facts.Data(data, i))
			}
			slots = append(slots, x)
			data++
		}
	}
	return slots, ends
}

func startOf[T Real](facts Facts, n int, seed uint64) []T {
	p := make([]T, n)
	for i := range p {
		p[i] = T(facts.StartAt(seed, i))
	}
	return p
}

// TestGradients compares gradients with differences of values, in float64.
func TestGradients(t *testing.T) {
	eachObjective(t, func(t *testing.T, o Objective, n int, facts Facts) {
		for seed := range uint64(3) {
			p := startOf[float64](facts, n, seed)
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			for i := range p {
				p[i] += 0.3 * rng.NormFloat64()
			}
			slots, ends := lay(o, facts, p)
			s := At(3)
			Evaluate(o, s, slots)
			g := slices.Clone(slots[1])
			for range 5 {
				i := rng.IntN(n)
				const h = 1e-5
				at := p[i]
				value := func(x float64) float64 {
					p[i] = x
					ends()
					return Evaluate(o, s, slots)
				}
				// Four points: the error is of order h^4.
				d := (8*(value(at+h)-value(at-h)) - (value(at+2*h) - value(at-2*h))) / (12 * h)
				p[i] = at
				ends()
				scale := math.Abs(Evaluate(o, s, slots))*1e-15/h + 1e-7*(1+math.Abs(d))
				if math.Abs(d-g[i]) > 10*scale {
					t.Fatalf("seed %d: gradient %d is %v, differences give %v", seed, i, g[i], d)
				}
			}
		}
	})
}

// TestMinimum descends from the first point and looks for a value below the
// minimum that is known.
func TestMinimum(t *testing.T) {
	eachObjective(t, func(t *testing.T, o Objective, n int, facts Facts) {
		p := startOf[float64](facts, n, 1)
		slots, ends := lay(o, facts, p)
		u := Adam{LR: 0.05, Beta1: 0.9, Beta2: 0.999, Eps: 1e-12}
		m, v := make([]float64, n), make([]float64, n)
		first := Evaluate(o, At(1), slots)
		last := first
		for k := 1; k <= 400; k++ {
			last = Evaluate(o, At(k), slots)
			if slack := 1e-9 * (1 + math.Abs(first)); last < facts.Minimum-slack || math.IsNaN(last) {
				t.Fatalf("the value after %d steps is %v, below the minimum, %v", k, last, facts.Minimum)
			}
			Reference(u, Step{T: k, LRScale: 1 / (1 + float64(k)/100), GradScale: 1}, 1, [][][]float64{{p, slots[1], m, v}})
			ends()
		}
		if last-facts.Minimum > 0.9*(first-facts.Minimum) && first-facts.Minimum > 1e-9 {
			t.Errorf("400 steps went from %v to %v above the minimum, want less", first-facts.Minimum, last-facts.Minimum)
		}
	})
}

// TestCurvature holds the curvatures along random directions, and along that to which
// power iteration leads, to those that an objective says are the largest and the
// smallest; of quadratics also that these are reached.
func TestCurvature(t *testing.T) {
	eachObjective(t, func(t *testing.T, o Objective, n int, facts Facts) {
		if facts.L == 0 {
			return
		}
		p := startOf[float64](facts, n, 1)
		base := slices.Clone(p)
		slots, ends := lay(o, facts, p)
		s, rng := At(1), rand.New(rand.NewPCG(1, 2))
		product := func(d []float64) []float64 { // the Hessian times d
			const h = 1e-5
			out := make([]float64, n)
			for _, sign := range []float64{1, -1} {
				for i := range p {
					p[i] = base[i] + sign*h*d[i]
				}
				ends()
				Evaluate(o, s, slots)
				for i, g := range slots[1] {
					out[i] += sign * g / (2 * h)
				}
			}
			return out
		}
		d := make([]float64, n)
		for i := range d {
			d[i] = rng.NormFloat64()
		}
		var along float64
		for range 60 {
			unit(d)
			h := product(d)
			along = 0
			for i := range d {
				along += d[i] * h[i]
			}
			if along > facts.L*(1+1e-4) {
				t.Fatalf("curvature %v, above L = %v", along, facts.L)
			}
			if facts.Mu > 0 && along < facts.Mu*(1-1e-4) {
				t.Fatalf("curvature %v, below mu = %v", along, facts.Mu)
			}
			d = h
		}
		quadratics := []string{"diagonal", "nesterov-chain", "layered", "drift"}
		if !slices.Contains(quadratics, o.Name()) {
			return
		}
		if n > 2 && along < 0.8*facts.L { // of a chain, which comes near it as it grows
			t.Errorf("the largest curvature is %v, and L is %v", along, facts.L)
		}
		if n < 2 || n > 4 {
			return
		}
		for i := range d {
			d[i] = rng.NormFloat64()
		}
		for range 20_000 { // of L - H, whose largest is that of the smallest curvature
			unit(d)
			h := product(d)
			along = 0
			for i := range d {
				along += d[i] * h[i]
				h[i] = facts.L*d[i] - h[i]
			}
			d = h
		}
		if facts.Mu > 0 && along > 1.01*facts.Mu {
			t.Errorf("the smallest curvature is %v, and mu is %v", along, facts.Mu)
		}
	})
}

func unit(x []float64) {
	var s float64
	for _, v := range x {
		s += v * v
	}
	s = 1 / math.Sqrt(s)
	for i := range x {
		x[i] *= s
	}
}

// TestStart holds first points to their range and to their seed.
func TestStart(t *testing.T) {
	f := Facts{Start: 2, Spread: 0.5}
	var sum, squares float64
	const n = 100_000
	for i := range n {
		x := f.StartAt(7, i)
		if x < 1.5 || x >= 2.5 {
			t.Fatalf("coordinate %d is %v", i, x)
		}
		sum, squares = sum+x-2, squares+(x-2)*(x-2)
	}
	if math.Abs(sum/n) > 5e-3 || math.Abs(squares/n-0.25/3) > 2e-3 {
		t.Errorf("mean %v, variance %v, want 0 and 1/12", sum/n, squares/n)
	}
	if f.StartAt(7, 1) == f.StartAt(8, 1) || f.StartAt(7, 1) == f.StartAt(7, 2) || f.StartAt(7, 1) != f.StartAt(7, 1) {
		t.Error("a coordinate does not depend on seed and index alone")
	}
	scaled := Facts{Start: 2, Spread: 0.5, Scale: func(i int) float64 { return float64(i) }}
	if got, want := scaled.StartAt(7, 3), 3*f.StartAt(7, 3); got != want {
		t.Errorf("scaled by 3 coordinate 3 is %v, want %v", got, want)
	}
}

func TestParseObjective(t *testing.T) {
	for _, d := range Objectives() {
		for _, o := range d.Cases {
			got, err := ParseObjective(FormatObjective(o))
			if err != nil || got != o {
				t.Errorf("%s: parsed as %v, %v", FormatObjective(o), got, err)
			}
		}
		if FindObjective(d.Name) != d || d.Title == "" || d.Source == "" {
			t.Errorf("%s is not found, or lacks a title or a source", d.Name)
		}
	}
	for text, want := range map[string]string{
		"diagonl":                    `unknown objective "diagonl"`,
		"diagonal:spectrum=flat":     `spectrum is flat, want one of log, clusters, power`,
		"diagonal:condition=0.5":     "condition is 0.5, want [1,inf)",
		"diagonal:condition=steep":   `condition is "steep", want a number`,
		"nesterov-chain:condition=1": `no hyperparameter "condition"`,
	} {
		if _, err := ParseObjective(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
