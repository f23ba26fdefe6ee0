// Package pairs brings the two sides of a comparison together: in fresh processes,
// side by side, the order of each pair chosen by a coin, so that whatever else the
// machine does meets both alike; or from records, launch against launch, and runs of
// optimizers from the same seeds.
package pairs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/compare"
	"github.com/optbench/optbench/harness/record"
)

// A Launch starts a fresh process of a side, which measures what the axis settings
// span, and returns what it measured.
type Launch func(ctx context.Context, settings []string, seed uint64) ([]record.Throughput, error)

// A Session compares two sides.
type Session struct {
	A, B Launch
	// Cases are compared, each in processes of its own. Where there are none,
	// Settings are handed to every launch as they are, and the cases are what the
	// first launches measured.
	Cases    []harness.Case
	Settings []string
	// Plan makes the plan for so many cases.
	Plan func(cases int) (compare.Plan, error)
	Seed uint64
	// Identical sides are launched until the first look, to know the noise.
	Identical bool
	// Progress, where it is not nil, hears how many pairs of how many are done.
	Progress func(done, most int)

	plan compare.Plan
	rng  *rand.Rand
	seed uint64 // of the next pair
	done int    // pairs of all cases
}

// A Comparison is a case with all that was measured of it.
type Comparison struct {
	Case    harness.Case
	Result  compare.Result
	A, B    []record.Throughput // by pair
	Order   []byte              // a or b, whichever ran first
	Lacks   string              // why the case cannot be compared
	Elapsed time.Duration       // of all pairs
}

// Run launches pairs until every case is decided, or the plan ends. Where a launch
// fails or ctx is done it returns the error, with what was known at the last look.
func (s *Session) Run(ctx context.Context) (compare.Plan, []*Comparison, error) {
	s.rng = rand.New(rand.NewPCG(s.Seed, 0))
	cases, err := s.first(ctx)
	if err != nil {
		return s.plan, cases, err
	}
	open := slices.DeleteFunc(slices.Clone(cases), func(c *Comparison) bool { return c.Lacks != "" })
	family := slices.Clone(open) // all that are tested together
	var results []compare.Result
	for look, pairs := range s.plan.Looks {
		for s.least(open) < pairs {
			if err := s.round(ctx, open, look); err != nil {
				return s.plan, cases, err
			}
		}
		data := make([]compare.Data, len(family))
		for i, c := range family {
			for k := range c.A {
				data[i].Pairs = append(data[i].Pairs, math.Log(c.B[k].Median)-math.Log(c.A[k].Median))
			}
		}
		results = s.plan.Judge(data, results)
		for i, c := range family {
			c.Result = results[i]
		}
		open = slices.DeleteFunc(open, func(c *Comparison) bool { return c.Result.Verdict != compare.Inconclusive })
		if len(open) == 0 || s.Identical {
			break
		}
	}
	return s.plan, cases, nil
}

// least returns the pairs that every open case has.
func (s *Session) least(open []*Comparison) int {
	n := math.MaxInt
	for _, c := range open {
		n = min(n, len(c.A))
	}
	return n
}

// first finds out which cases there are, and makes the plan.
func (s *Session) first(ctx context.Context) ([]*Comparison, error) {
	var out []*Comparison
	var err error
	if len(s.Cases) > 0 {
		if s.plan, err = s.Plan(len(s.Cases)); err != nil {
			return nil, err
		}
		for _, c := range s.Cases {
			out = append(out, &Comparison{Case: c})
		}
		return out, s.round(ctx, out, 0)
	}
	a, b, order, took, err := s.pair(ctx, s.Settings)
	if err != nil {
		return nil, err
	}
	out = matched(a, b)
	if s.plan, err = s.Plan(len(out)); err != nil {
		return nil, err
	}
	for _, c := range out {
		if err := c.add(a, b, order, took/time.Duration(len(out))); err != nil {
			return nil, err
		}
	}
	s.progress(1, 0)
	return out, nil
}

// matched returns the cases of two launches, those that one side lacks with the
// reason.
func matched(a, b []record.Throughput) []*Comparison {
	var out []*Comparison
	known := map[harness.Case]*Comparison{}
	for _, t := range a {
		if known[t.Case] == nil {
			known[t.Case] = &Comparison{Case: t.Case, Lacks: "side b does not measure it"}
			out = append(out, known[t.Case])
		}
	}
	for _, t := range b {
		if c := known[t.Case]; c != nil {
			c.Lacks = ""
			continue
		}
		known[t.Case] = &Comparison{Case: t.Case, Lacks: "side a does not measure it"}
		out = append(out, known[t.Case])
	}
	return out
}

// round launches one more pair of every open case, in an order drawn anew.
func (s *Session) round(ctx context.Context, open []*Comparison, look int) error {
	rest := func() int { return s.plan.Looks[look] - s.least(open) }
	if len(s.Cases) == 0 {
		a, b, order, took, err := s.pair(ctx, s.Settings)
		if err != nil {
			return err
		}
		for _, c := range open {
			if err := c.add(a, b, order, took/time.Duration(len(open))); err != nil {
				return err
			}
		}
		s.progress(1, rest())
		return nil
	}
	order := slices.Clone(open)
	s.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, c := range order {
		if c.Lacks != "" {
			continue
		}
		a, b, first, took, err := s.pair(ctx, harness.Settings(c.Case))
		if err == nil {
			err = c.add(a, b, first, took)
		}
		if lacks := (*lacking)(nil); errors.As(err, &lacks) && len(c.A) == 0 {
			c.Lacks = lacks.Error()
		} else if err != nil {
			return err
		}
		s.progress(1, rest()*len(open))
	}
	return nil
}

// lacking is the error of a side that does not have a case.
type lacking struct {
	side string
	err  error
}

func (l *lacking) Error() string { return "side " + l.side + " " + l.err.Error() }
func (l *lacking) Unwrap() error { return l.err }

// pair launches both sides, in an order that a coin chooses.
func (s *Session) pair(ctx context.Context, settings []string) (a, b []record.Throughput, first byte, took time.Duration, err error) {
	s.seed++
	start := time.Now()
	order := []byte("ab")
	if s.rng.IntN(2) == 1 {
		order = []byte("ba")
	}
	for _, side := range order {
		launch, out := s.A, &a
		if side == 'b' {
			launch, out = s.B, &b
		}
		if *out, err = launch(ctx, settings, s.seed); err != nil {
			if errors.Is(err, errLacks) {
				err = &lacking{string(side), err}
			}
			return nil, nil, 0, 0, err
		}
	}
	return a, b, order[0], time.Since(start), nil
}

// add takes what a pair measured of the case.
func (c *Comparison) add(a, b []record.Throughput, first byte, took time.Duration) error {
	if c.Lacks != "" {
		return nil
	}
	find := func(side string, ts []record.Throughput) (record.Throughput, error) {
		i := slices.IndexFunc(ts, func(t record.Throughput) bool { return t.Case == c.Case })
		if i < 0 {
			return record.Throughput{}, &lacking{side, fmt.Errorf("%w: it measured another, or left it out: %s, n=%d", errLacks, c.Case.Update, c.Case.N)}
		}
		return ts[i], nil
	}
	x, err := find("a", a)
	if err != nil {
		return err
	}
	y, err := find("b", b)
	if err != nil {
		return err
	}
	c.A, c.B, c.Order = append(c.A, x), append(c.B, y), append(c.Order, first)
	c.Elapsed += took
	return nil
}

func (s *Session) progress(done, rest int) {
	s.done += done
	if s.Progress != nil {
		s.Progress(s.done, s.done+max(0, rest))
	}
}

// Record returns the comparison as it is stored. Where a session ended early, the
// launches since the last look are in it, but were not tested.
func (c *Comparison) Record(run string, identical bool) *record.Comparison {
	r := &record.Comparison{
		Schema: record.Schema, Kind: record.KindComparison, Run: run, Case: c.Case, Design: record.Paired,
		Verdict: string(c.Result.Verdict), Ratio: c.Result.Ratio, CI95: c.Result.CI95, P: c.Result.P, PHolm: c.Result.PHolm,
		Pairs: c.Result.N, MDE: c.Result.MDE, MorePairs: c.Result.MoreN, Order: string(c.Order),
	}
	if c.Lacks != "" {
		r.Verdict = string(compare.NotComparable)
		r.Notes = append(r.Notes, c.Lacks)
		return r
	}
	if identical {
		r.Verdict, r.MorePairs = string(compare.Identical), 0
	}
	if untested := len(c.A) - c.Result.N; c.Result.N == 0 {
		r.Verdict = string(compare.Inconclusive)
		r.Notes = append(r.Notes, fmt.Sprintf("ended after %d pairs, before the first look: not tested", untested))
	} else if untested > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("ended %d pairs after the last look: those were not tested", untested))
	}
	for i := range c.A {
		r.A, r.B = append(r.A, c.A[i].Median), append(r.B, c.B[i].Median)
		r.LimitA = append(r.LimitA, float64(c.A[i].Bytes)/c.A[i].LimitBytesPerSecond)
		r.LimitB = append(r.LimitB, float64(c.B[i].Bytes)/c.B[i].LimitBytesPerSecond)
	}
	if n := len(c.A); n > 0 {
		r.KernelA, r.KernelB = c.A[0].Kernel, c.B[0].Kernel
		if c.Result.MoreN > 0 {
			r.MoreSeconds = (c.Elapsed / time.Duration(n) * time.Duration(c.Result.MoreN)).Seconds()
		}
		if !c.A[0].Verified || !c.B[0].Verified {
			r.Notes = append(r.Notes, "a side did not verify what it measured")
		}
	}
	if r.KernelA != r.KernelB {
		r.Notes = append(r.Notes, fmt.Sprintf("the sides run different kernels, %s and %s", r.KernelA, r.KernelB))
	}
	return r
}
