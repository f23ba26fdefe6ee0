package claims

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/kernels"
)

// Profiles are what a run may be: quick takes less than a minute on two processors,
// full some minutes.
var Profiles = []string{"quick", "full"}

// A Runner tests claims.
type Runner struct {
	Run     string // ID of the run that the records belong to
	Profile string // one of [Profiles]
	Seed    uint64 // which set of seeds; no two sets share any
	Workers int    // runs side by side: no bit depends on it
	// Done are claims that are known already, which are not tested again.
	Done map[Key]*record.Claim
	// Swap replaces updates and noise laws. Tests put in wrong ones, which rules must
	// notice; nil for none.
	Swap func(kernels.Named) kernels.Named
}

// A Key tells tests apart: the same key gives the same bits but for the time.
type Key struct {
	ID, Profile string
	Set         uint64
}

// KeyOf returns the key of a record.
func KeyOf(c *record.Claim) Key { return Key{c.ID, c.Profile, c.SeedSet} }

// A Trial is a claim under test.
type Trial struct {
	ctx    context.Context
	claim  *Claim
	runner *Runner
	slots  chan struct{}

	mu     sync.Mutex
	seeds  int
	params map[string]string
}

// Seed returns the i-th seed of the claim.
func (t *Trial) Seed(i int) uint64 {
	t.mu.Lock()
	t.seeds = max(t.seeds, i+1)
	t.mu.Unlock()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", t.claim.ID, t.runner.Seed, i))
	return binary.LittleEndian.Uint64(sum[:])
}

// pick returns a parameter's value in the profile at hand, and notes it.
func pick[V any](t *Trial, name string, quick, full V) V {
	v := quick
	if t.runner.Profile == "full" {
		v = full
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.params[name] = fmt.Sprint(v)
	return v
}

// Each calls f for 0 to n-1, as many at a time as there are workers, and returns the
// first error by number. What f computes goes to a place of its own.
func (t *Trial) Each(n int, f func(i int) error) error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		select {
		case t.slots <- struct{}{}:
		case <-t.ctx.Done():
			errs[i] = t.ctx.Err()
			continue
		}
		group.Go(func() {
			defer func() { <-t.slots }()
			errs[i] = f(i)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// An Outcome is what came of a claim.
type Outcome struct {
	Claim  *Claim
	Record *record.Claim // nil where Err is not
	Err    error
}

// All tests claims, begun in their order, and passes what came of each to emit as soon as
// it is there. When ctx is done, its error is returned after what was finished. An error
// of emit ends everything.
func (r *Runner) All(ctx context.Context, claims []*Claim, emit func(Outcome) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots, turns := make(chan struct{}, max(1, r.Workers)), make(chan struct{}, max(1, r.Workers))
	outcomes := make(chan Outcome)
	go func() {
		var group sync.WaitGroup
		for _, c := range claims {
			turns <- struct{}{}
			group.Go(func() {
				o := Outcome{Claim: c}
				o.Record, o.Err = r.one(ctx, c, slots)
				<-turns
				outcomes <- o
			})
		}
		group.Wait()
		close(outcomes)
	}()
	var failed error
	for o := range outcomes {
		if failed != nil || errors.Is(o.Err, context.Canceled) {
			continue
		}
		if err := emit(o); err != nil {
			failed = err
			cancel(err)
		}
	}
	if failed == nil && ctx.Err() != nil {
		failed = context.Cause(ctx)
	}
	return failed
}

// one tests a claim.
func (r *Runner) one(ctx context.Context, c *Claim, slots chan struct{}) (*record.Claim, error) {
	if known := r.Done[Key{c.ID, r.Profile, r.Seed}]; known != nil {
		return known, nil
	}
	t := &Trial{ctx: ctx, claim: c, runner: r, slots: slots, params: map[string]string{}}
	out := &record.Claim{
		Schema: record.Schema, Kind: record.KindClaim, Run: r.Run, ID: c.ID, Profile: r.Profile, SeedSet: r.Seed,
		Statement: c.Statement, Source: c.Source, Theory: c.Theory, Limits: c.Limits,
		Verdict: string(BoundOnly), Rule: "nothing to decide by", Params: t.params,
	}
	if c.Measure == nil {
		return out, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	from := time.Now()
	estimates, err := c.Measure(t)
	if err == nil && len(estimates) != len(c.Quantities) {
		err = fmt.Errorf("%d numbers measured, want %d", len(estimates), len(c.Quantities))
	}
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", c.ID, err)
	}
	out.Seconds = time.Since(from).Seconds()
	out.Seeds = t.seeds
	for i, q := range c.Quantities {
		e := estimates[i].known()
		v := q.Rule.Verdict(e)
		out.Quantities = append(out.Quantities, record.Quantity{
			Name: q.Name, Rule: q.Rule.String(), Measured: e.Value, CI95: [2]float64{e.Lo, e.Hi}, Verdict: string(v),
		})
		if i == 0 || weaker(v, Verdict(out.Verdict)) {
			p := &out.Quantities[i]
			out.Verdict, out.Quantity, out.Rule, out.Measured, out.CI95 = p.Verdict, p.Name, p.Rule, p.Measured, p.CI95
		}
	}
	return out, nil
}
