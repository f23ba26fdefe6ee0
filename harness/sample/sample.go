// Package sample decides how long to measure, and summarises what was measured.
//
// A kernel and the physical limit that it is compared with are measured
// interleaved: in each round every subject runs once, in an order drawn anew, so
// that drift and periodic load meet all of them alike and cancel in the ratio of
// a round. Sampling ends when the median is known well enough, or when a limit
// is reached, and says which.
//
// The package knows no device and reads no clock but [Config.Clock]: what it does
// is a function of what its subjects and its clock return.
package sample

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// A Subject is something that can be timed.
type Subject interface {
	// Run runs reps steps back to back and returns the time they took together,
	// on the clock of the device that ran them.
	Run(reps int) (time.Duration, error)
}

// Config says how much to measure. The zero value of a limit means that there is
// none, but sampling must be bounded by MaxSamples, MaxTime or both.
type Config struct {
	// TargetCI is the precision at which sampling stops: the half-width of the
	// 95 % interval of the median of subject 0, as a share of that median (0.01
	// is 1 %). Zero samples up to a limit.
	TargetCI float64

	MinSamples int           // converge with no fewer, and never with fewer than six
	MaxSamples int           // stop after so many
	MaxTime    time.Duration // stop after so long; with fewer than six samples, after four times as long

	// MinSampleTime is the least time that a sample should last, so that the
	// resolution of the clock and the cost of starting do not matter. Warm-up
	// doubles the steps of a sample, for each subject, until one lasts as long.
	MinSampleTime time.Duration
	MaxReps       int // most steps of a sample; zero is 2^30

	// WarmupTime is how long the subjects at least run before the first sample.
	// Warm-up goes on until the last three timings of each subject lie within
	// 5 %, and ends at four times WarmupTime whatever they do.
	WarmupTime time.Duration

	Seed  uint64                       // of the order within rounds
	Clock interface{ Now() time.Time } // paces warm-up and MaxTime; nil is real time
}

// Stop says why sampling ended.
type Stop string

const (
	Converged Stop = "converged" // the interval is as narrow as Config.TargetCI
	TimeUp    Stop = "time"      // Config.MaxTime has passed
	MaxedOut  Stop = "samples"   // Config.MaxSamples are taken
)

// Measure warms up, then samples the subjects, and returns one series for each,
// in their order. All series have the same length: entry i of each was measured in
// round i.
//
// When ctx is done, or a subject fails, Measure returns the error and, with an
// empty Stop, the rounds completed before it.
func Measure(ctx context.Context, cfg Config, subjects ...Subject) ([]Series, Stop, error) {
	if err := cfg.check(len(subjects)); err != nil {
		return nil, "", fmt.Errorf("sample: %w", err)
	}
	if cfg.MaxReps == 0 {
		cfg.MaxReps = 1 << 30
	}
	if cfg.Clock == nil {
		cfg.Clock = realTime{}
	}

	m := measurement{ctx: ctx, cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0))}
	for i, s := range subjects {
		m.lanes = append(m.lanes, lane{subject: s, reps: 1})
		m.order = append(m.order, i)
	}
	err := m.warmUp()
	var stop Stop
	if err == nil {
		stop, err = m.sample()
	}
	if err != nil {
		err = fmt.Errorf("sample: %w", err)
	}

	series := make([]Series, len(m.lanes))
	for i, l := range m.lanes {
		series[i] = Series{Seconds: l.seconds, Reps: l.reps}
	}
	return series, stop, err
}

// check refuses what could not be meant or would not end.
func (c Config) check(subjects int) error {
	switch {
	case subjects == 0:
		return fmt.Errorf("got no subject, want at least one to measure")
	case !(c.TargetCI >= 0):
		return fmt.Errorf("got a target interval of %v, want a share of the median such as 0.01", c.TargetCI)
	case min(c.MinSamples, c.MaxSamples, c.MaxReps) < 0:
		return fmt.Errorf("got a negative count (min samples %d, max samples %d, max reps %d), want zero or more",
			c.MinSamples, c.MaxSamples, c.MaxReps)
	case min(c.MaxTime, c.MinSampleTime, c.WarmupTime) < 0:
		return fmt.Errorf("got a negative time (max time %v, min sample time %v, warm-up time %v), want zero or more",
			c.MaxTime, c.MinSampleTime, c.WarmupTime)
	case c.MaxSamples == 0 && c.MaxTime == 0:
		return fmt.Errorf("got no limit on samples or time, want one, for a noisy median need not converge")
	case c.MaxSamples > 0 && c.MinSamples > c.MaxSamples:
		return fmt.Errorf("got at least %d samples and at most %d, want the least not above the most", c.MinSamples, c.MaxSamples)
	}
	return nil
}

type realTime struct{}

func (realTime) Now() time.Time { return time.Now() }

type measurement struct {
	ctx   context.Context
	cfg   Config
	rng   *rand.Rand
	lanes []lane
	order []int // of the last round
}

// A lane is a subject with what is known about it.
type lane struct {
	subject Subject
	reps    int           // steps of a sample
	elapsed time.Duration // of the last round, for reps steps
	seconds []float64     // per step, of the rounds sampled
}

func (l *lane) perStep() float64 { return l.elapsed.Seconds() / float64(l.reps) }

// round runs every subject once, in a new order.
func (m *measurement) round() error {
	m.rng.Shuffle(len(m.order), func(i, j int) { m.order[i], m.order[j] = m.order[j], m.order[i] })
	for _, i := range m.order {
		if err := m.ctx.Err(); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		l := &m.lanes[i]
		var err error
		if l.elapsed, err = l.subject.Run(l.reps); err != nil {
			return fmt.Errorf("subject %d, running %d steps: %w", i, l.reps, err)
		}
	}
	return nil
}

// warmUp settles the steps of a sample and waits for steady timings.
func (m *measurement) warmUp() error {
	start := m.cfg.Clock.Now()
	recent := make([][3]float64, len(m.lanes)) // seconds per step
	for n := 1; ; n++ {
		if err := m.round(); err != nil {
			return err
		}
		calibrated, steady := true, n >= 3
		for i := range m.lanes {
			l := &m.lanes[i]
			r := recent[i][:]
			r[n%3] = l.perStep()
			steady = steady && slices.Max(r) <= 1.05*slices.Min(r)
			if l.elapsed < m.cfg.MinSampleTime && l.reps < m.cfg.MaxReps {
				l.reps = min(2*l.reps, m.cfg.MaxReps)
				calibrated = false
			}
		}
		passed, want := m.cfg.Clock.Now().Sub(start), m.cfg.WarmupTime
		if calibrated && (passed >= 4*want || passed >= want && steady) {
			return nil
		}
	}
}

// sample runs rounds until one of the three reasons to stop.
//
// An interval that is looked at again and again is sometimes narrow by luck, and
// then holds the median less often than it says: stopping at the first narrow one
// of all rounds leaves 92 %. So it must be narrow at two looks, with a quarter
// more samples at the second, which leaves 94.5 % or more (see TestCoverage) and
// keeps the sorting out of most rounds.
func (m *measurement) sample() (Stop, error) {
	start := m.cfg.Clock.Now()
	look, narrow := m.cfg.MinSamples, false
	for n := 1; ; n++ {
		if err := m.round(); err != nil {
			return "", err
		}
		for i, l := range m.lanes {
			if l.elapsed <= 0 {
				return "", fmt.Errorf("subject %d: got %v for %d steps, want a positive time: ask for more steps in a sample", i, l.elapsed, l.reps)
			}
		}
		for i := range m.lanes {
			l := &m.lanes[i]
			l.seconds = append(l.seconds, l.perStep())
		}

		passed := m.cfg.Clock.Now().Sub(start)
		timeUp := m.cfg.MaxTime > 0 && (passed >= m.cfg.MaxTime && n >= fewest || passed >= patience*m.cfg.MaxTime)
		last := timeUp || n == m.cfg.MaxSamples
		if n >= look || last && n >= m.cfg.MinSamples {
			before := narrow
			if narrow = m.narrow(); narrow && (before || last) {
				return Converged, nil
			}
			look = n + 1 + n/4
		}
		switch {
		case timeUp:
			return TimeUp, nil
		case last:
			return MaxedOut, nil
		}
	}
}

const (
	fewest   = 6 // samples have a 95 % interval of their median
	patience = 4 // times MaxTime is waited for as many
)

// narrow reports whether the interval is as narrow as the target now.
func (m *measurement) narrow() bool {
	if m.cfg.TargetCI == 0 {
		return false
	}
	s := summarize(m.lanes[0].seconds)
	return s.Confidence >= level && (s.Hi-s.Lo)/2 <= m.cfg.TargetCI*s.Median
}
