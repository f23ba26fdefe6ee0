// Package converge runs optimizers on problems whose minimum is known, and says how
// far each comes, in how many steps, gradients, seconds and bytes.
package converge

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/kernels"
)

// A Task is what an optimizer is set to minimise, and with what. A learning rate of
// 0 is to be chosen.
type Task = record.Task

// A Runner runs tasks. Its zero value lacks a budget.
type Runner struct {
	Run    string // ID of the run that the records belong to
	Target float64
	// A run may take Budget steps, or, where that is 0, as many as it can in Time.
	Budget int
	Time   time.Duration
	Seed   uint64 // the first of the seeds
	Seeds  int
	Tune   Tuning
	// Done are runs that are known already, which are not run again.
	Done map[Key]*record.Convergence
	// States keeps runs that were interrupted; nil to forget them.
	States *States
	// Progress is told, by any goroutine, which share of a run has been done since it
	// was last; nil to tell no one.
	Progress func(share float64)
	// Open opens a backend; tests put in one of their own.
	Open func(name string, threads int) (backend.Backend, error)

	instances problem.Instances
}

// A Key tells runs apart: the same key gives the same bits.
type Key struct {
	Task   Task
	Seed   uint64
	Tuning bool
	Budget int
	Limit  float64
}

// KeyOf returns the key of a record.
func KeyOf(c *record.Convergence) Key { return Key{c.Case, c.Seed, c.Tuning, c.Budget, c.Limit} }

// exploded is how far above the first value a run counts as diverged.
const exploded = 1e6

// steps is the budget in steps, where none is set more than any run takes.
func (r *Runner) steps() int { return cmp.Or(r.Budget, math.MaxInt32) }

// One runs a task from one seed. When ctx is done it returns its error and no
// record.
func (r *Runner) One(ctx context.Context, t Task, seed uint64, tuning bool) (*record.Convergence, error) {
	if c := r.Done[Key{t, seed, tuning, r.Budget, r.Time.Seconds()}]; c != nil {
		r.progress(1)
		return c, nil
	}
	c, err := r.one(ctx, t, seed, tuning)
	if err != nil {
		return nil, fmt.Errorf("%s on %s, seed %d: %w", t.Optimizer, t.Objective, seed, err)
	}
	return c, nil
}

func (r *Runner) progress(share float64) {
	if r.Progress != nil {
		r.Progress(share)
	}
}

func (r *Runner) one(ctx context.Context, t Task, seed uint64, tuning bool) (_ *record.Convergence, err error) {
	scale, err := findSchedule(t.Schedule)
	if err != nil {
		return nil, err
	}
	m, spec, err := parse(t)
	if err != nil {
		return nil, err
	}
	b, err := r.Open(t.Backend, t.Threads)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	p, err := problem.Open(b, spec, seed, &r.instances)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	x, err := p.Vector()
	if err != nil {
		return nil, err
	}
	if err := p.Start(x); err != nil {
		return nil, err
	}
	s, err := m.Start(p, x, t.LR)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	c := &record.Convergence{
		Schema: record.Schema, Kind: record.KindConvergence, Run: r.Run, Case: t, Seed: seed,
		Kernel: strings.Join(s.Kernels(), " "), Tuning: tuning, Budget: r.Budget, Limit: r.Time.Seconds(),
	}
	run := &running{Convergence: c, stepper: s, backend: b, x: x, scale: scale, runner: r}
	if err := run.minimise(ctx); err != nil {
		return nil, err
	}
	c.StateHash, err = hash(x.Buffer)
	return c, err
}

// running is a run under way.
type running struct {
	*record.Convergence
	stepper method.Stepper
	backend backend.Backend
	x       problem.Vector
	scale   func(t, budget int) float64
	runner  *Runner

	told float64       // share of the run that progress was told of
	cost method.Cost   // of the steps taken
	past time.Duration // spent on them
	from backend.Mark  // since when the clock runs
}

// minimise takes steps until the target is reached, the run diverges, or the budget
// is spent. The value is looked at after every one of the first steps, then ever
// more rarely: see [looks].
func (r *running) minimise(ctx context.Context) error {
	resumed, err := r.resume()
	if err != nil {
		return err
	}
	earlier := r.cost // of steps before this process
	saved := time.Now()
	for step := r.Steps; ; step++ {
		st := kernels.At(step + 1)
		st.LRScale = r.scale(st.T, r.runner.steps())
		if err := r.clock(); err != nil {
			return err
		}
		spent := r.stepper.Cost()
		if err := r.stepper.Evaluate(st); err != nil {
			return err
		}
		if (looks(step, 6) || step == r.runner.steps()) && !resumed {
			if err := r.pause(); err != nil {
				return err
			}
			r.Steps = step
			r.cost = method.Cost{GradEvals: earlier.GradEvals + spent.GradEvals, Bytes: earlier.Bytes + spent.Bytes}
			done, err := r.look(step)
			if err != nil {
				return err
			}
			if done {
				return r.forget()
			}
			if err := ctx.Err(); err != nil {
				return errors.Join(err, r.save())
			}
			if time.Since(saved) > saveEvery {
				if err := r.save(); err != nil {
					return err
				}
				saved = time.Now()
			}
			if err := r.clock(); err != nil {
				return err
			}
		}
		resumed = false
		if err := r.stepper.Step(st); err != nil {
			return err
		}
	}
}

// looks reports whether the value is looked at after a number of steps: up to
// 2^digits always, then at those with as many leading binary digits and zeros
// behind, so that the step to the target is known to within a share of it.
func looks(step, digits int) bool {
	rest := bits.Len(uint(step)) - digits
	return rest <= 0 || step&(1<<rest-1) == 0
}

// clock lets the time run.
func (r *running) clock() (err error) {
	if r.from == nil {
		r.from, err = r.backend.Mark()
	}
	return err
}

// pause stops it.
func (r *running) pause() error {
	to, err := r.backend.Mark()
	if err != nil {
		return err
	}
	d, err := to.Since(r.from)
	r.from = nil
	r.past += d
	return err
}

// look notes the value after a number of steps, and reports whether the run ends.
func (r *running) look(step int) (done bool, err error) {
	v, err := r.stepper.Value()
	if err != nil && !errors.Is(err, problem.ErrNotFinite) {
		return false, err
	}
	r.GradEvals, r.Bytes, r.Seconds = r.cost.GradEvals, r.cost.Bytes, r.past.Seconds()
	if step == 0 {
		if err != nil {
			return false, fmt.Errorf("at the first point %w", err)
		}
		r.Start, r.Final = v, v
		r.Target = r.runner.Target * v
	}
	r.Diverged = err != nil || v > exploded*r.Start
	if err == nil {
		r.Final = v
		r.Reached = v <= r.Target
	}
	done = r.Reached || r.Diverged || step >= r.runner.steps() ||
		r.runner.Time > 0 && r.past >= r.runner.Time
	if err == nil && (done || !r.Tuning && looks(step, 3) || step == 0) {
		r.Trajectory = append(r.Trajectory, record.Point{Step: step, GradEvals: r.GradEvals, Value: round(v), Seconds: round(r.Seconds)})
	}
	r.tell(done)
	return done, nil
}

// tell tells progress how far the run is.
func (r *running) tell(done bool) {
	share := float64(r.Steps) / float64(r.runner.steps())
	if r.runner.Time > 0 {
		share = r.Seconds / r.runner.Time.Seconds()
	}
	if done || share > 1 {
		share = 1
	}
	r.runner.progress(share - r.told)
	r.told = share
}

// round keeps six digits: trajectories are for the eye.
func round(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		return x
	}
	return y
}

// hash returns the first 64 bits of the SHA-256 of what a buffer holds.
func hash(b backend.Buffer) (string, error) {
	h := sha256.New()
	err := eachPart(b, func(b backend.Buffer, raw []byte) error {
		if err := b.Read(raw); err != nil {
			return err
		}
		_, err := h.Write(raw)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}
