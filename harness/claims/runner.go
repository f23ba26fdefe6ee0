package claims

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/record"
)

// Profiles are the sizes of experiments, the smaller first.
var Profiles = []string{"quick", "full"}

// A Runner runs claims.
type Runner struct {
	Run     string // ID of the run that the records belong to
	Profile string // one of Profiles
	SeedSet uint64
	Workers int
	// Done are claims that are known already, by ID, which are not run again.
	Done map[string]*record.Claim
}

// An Outcome is what came of a claim: its record, or what went wrong.
type Outcome struct {
	Claim  *Claim
	Record *record.Claim
	Err    error
}

// Interrupted reports whether an outcome was cut short from outside.
func (o *Outcome) Interrupted() bool { return errors.Is(o.Err, context.Canceled) }

// Matches reports whether a record is what the runner would find out again.
func (r *Runner) Matches(c *Claim, rec *record.Claim) bool {
	return rec.ID == c.ID && rec.Profile == r.Profile && rec.SeedSet == r.SeedSet &&
		rec.Statement == c.Statement && rec.Theory == c.Theory && rec.Rule == c.Rule.String()
}

// All runs claims and passes their outcomes to emit in the order of the claims, each
// as soon as those before it are there. Claims share the workers. When ctx is done,
// what was finished until then is still emitted, and its error returned. An error of
// emit ends everything.
func (r *Runner) All(ctx context.Context, list []*Claim, emit func(Outcome) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	shared := NewLab(ctx, "", r.Profile == Profiles[0], r.SeedSet, r.Workers)
	outcomes := make([]chan Outcome, len(list))
	for i := range outcomes {
		outcomes[i] = make(chan Outcome, 1)
	}
	go func() {
		// One claim more than there are workers leaves none idle at the end of another.
		open := make(chan struct{}, max(1, r.Workers)+1)
		for i, c := range list {
			open <- struct{}{}
			go func() {
				outcomes[i] <- r.one(shared.of(c), c)
				<-open
			}()
		}
	}()
	return harness.InOrder(ctx, cancel, outcomes, emit)
}

func (r *Runner) one(l *Lab, c *Claim) Outcome {
	if rec := r.Done[c.ID]; rec != nil {
		return Outcome{Claim: c, Record: rec}
	}
	m, err := measured(l, c)
	if err != nil {
		return Outcome{Claim: c, Err: fmt.Errorf("claim %s: %w", c.ID, err)}
	}
	rec := &record.Claim{
		Schema: record.Schema, Kind: record.KindClaim, Run: r.Run,
		ID: c.ID, Statement: c.Statement, Source: c.Source, Theory: c.Theory,
		Measured: m.Value, CI95: m.CI, Verdict: string(c.Rule.Judge(m)), Rule: c.Rule.String(),
		SeedSet: r.SeedSet, Seeds: m.Seeds, Params: m.Params, Seconds: time.Duration(l.busy.Load()).Seconds(),
		Profile: r.Profile, NotShown: c.NotShown, Notes: m.Notes,
	}
	for _, s := range m.Series {
		rec.Series = append(rec.Series, record.Series(s))
	}
	return Outcome{Claim: c, Record: rec}
}

// measured runs a claim, and refuses what is no number.
func measured(l *Lab, c *Claim) (Measured, error) {
	if err := l.Stopped(); err != nil {
		return Measured{}, err
	}
	m, err := c.Run(l)
	if err != nil {
		return m, err
	}
	for _, x := range []float64{m.Value, m.CI[0], m.CI[1]} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return m, fmt.Errorf("measured %v in [%v, %v], want finite numbers", m.Value, m.CI[0], m.CI[1])
		}
	}
	return m, nil
}
