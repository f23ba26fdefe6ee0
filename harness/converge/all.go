package converge

import (
	"context"
	"errors"
	"sync"

	"github.com/optbench/optbench/harness"
	"github.com/optbench/optbench/harness/record"
)

// An Outcome is what came of a task: its records, trials first, and what ended it
// early, if anything did.
type Outcome struct {
	Task    Task // with the learning rate that was chosen
	Records []*record.Convergence
	Err     error
}

// All runs tasks and passes their outcomes to emit in the order of the tasks, each as
// soon as those before it are there. Tasks of one thread run side by side, as many
// as threads may be used; the others one by one. When ctx is done, what was finished
// until then is still emitted, and its error returned. An error of emit ends
// everything.
func (r *Runner) All(ctx context.Context, tasks []Task, threads int, emit func(Outcome) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	outcomes := make([]chan Outcome, len(tasks))
	for i := range outcomes {
		outcomes[i] = make(chan Outcome, 1)
	}
	go func() {
		var room sync.RWMutex // held for reading by tasks that share the machine
		narrow := make(chan struct{}, max(1, threads))
		for i, t := range tasks {
			narrow <- struct{}{}
			if t.Threads > 1 {
				room.Lock()
				outcomes[i] <- r.task(ctx, t)
				room.Unlock()
				<-narrow
				continue
			}
			room.RLock()
			go func() {
				outcomes[i] <- r.task(ctx, t)
				room.RUnlock()
				<-narrow
			}()
		}
	}()
	return harness.InOrder(ctx, cancel, outcomes, emit)
}

// task chooses a learning rate and runs the task from every seed, or once where no seed
// matters.
func (r *Runner) task(ctx context.Context, t Task) Outcome {
	one := func(t Task, seed uint64, tuning bool) (*record.Convergence, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return r.One(ctx, t, seed, tuning)
	}
	kept := func(t Task, seed uint64, tuning bool) (*record.Convergence, error) {
		c, err := one(t, seed, tuning)
		if err != nil {
			return nil, err
		}
		return c, r.keep(c)
	}
	o := Outcome{Task: t}
	if o.Task, o.Records, o.Err = r.choose(t, kept); o.Err != nil {
		return o
	}
	first := len(o.Records)
	for i := range r.Seeds {
		c, err := one(o.Task, r.Seed+uint64(i), false)
		if err != nil {
			o.Err = err
			return o
		}
		if i == 1 && repeats(c, o.Records[first]) {
			r.progress(float64(r.Seeds - 2))
			o.Err = r.forget(KeyOf(c))
			return o
		}
		if err := r.keep(c); err != nil {
			o.Err = err
			return o
		}
		o.Records = append(o.Records, c)
	}
	return o
}

// keep records a run, unless it is known, and forgets its state.
func (r *Runner) keep(c *record.Convergence) error {
	k := KeyOf(c)
	if r.Record != nil && r.Done[k] == nil {
		r.recording.Lock()
		err := r.Record(c)
		r.recording.Unlock()
		if err != nil {
			return err
		}
	}
	return r.forget(k)
}

// repeats reports whether a run is that of another seed: then no seed has any
// influence on the task, and more runs would only look like more evidence.
func repeats(c, other *record.Convergence) bool {
	return c.Start == other.Start && c.Steps == other.Steps && c.Final == other.Final && c.StateHash == other.StateHash
}

// Runs is how many runs a task takes.
func (r *Runner) Runs(t Task) int {
	if t.LR != 0 {
		return r.Seeds
	}
	return r.Seeds + r.Tune.Trials*r.Tune.Seeds
}

// Interrupted reports whether an outcome was cut short from outside.
func (o *Outcome) Interrupted() bool { return errors.Is(o.Err, context.Canceled) }
