package claims

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// A Lab is where a claim is run: in a profile, with seeds, on some workers.
type Lab struct {
	// Quick asks for the smaller of a claim's two designs.
	Quick bool

	ctx       context.Context
	id        string
	set       uint64
	workers   chan struct{} // a place for each
	busy      *atomic.Int64 // nanoseconds of work
	instances *problem.Instances
	shared    *sync.Map // of what Once keeps
}

// NewLab returns a lab for the claim of an ID.
func NewLab(ctx context.Context, id string, quick bool, seedSet uint64, workers int) *Lab {
	return &Lab{
		Quick: quick, ctx: ctx, id: id, set: seedSet,
		workers: make(chan struct{}, max(1, workers)), busy: new(atomic.Int64), instances: new(problem.Instances), shared: new(sync.Map),
	}
}

// of is the lab for another claim, with the same workers.
func (l *Lab) of(c *Claim) *Lab {
	other := *l
	other.id, other.busy = c.ID, new(atomic.Int64)
	return &other
}

// Pick returns the value of the profile.
func Pick[T any](l *Lab, quick, full T) T {
	if l.Quick {
		return quick
	}
	return full
}

// Seed returns seed i: a hash of the claim, the set of seeds and i. Sets have none in
// common but by an accident of 64 bits.
func (l *Lab) Seed(i int) uint64 {
	text := fmt.Sprintf("optbench claim %s, seed set %d, seed %d", l.id, l.set, i)
	sum := sha256.Sum256([]byte(text))
	return binary.LittleEndian.Uint64(sum[:])
}

// Stopped returns an error when the lab is to close. What takes long asks for it now
// and then.
func (l *Lab) Stopped() error { return l.ctx.Err() }

// Map calls f for 0 to n-1, as many at a time as the lab has workers, and returns what
// they gave in that order, or the first error. All that takes time goes through it, but
// f does not call it.
func Map[T any](l *Lab, n int, f func(i int) (T, error)) ([]T, error) {
	out, errs := make([]T, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		l.workers <- struct{}{}
		if err := l.Stopped(); err != nil {
			<-l.workers
			all.Wait()
			return nil, err
		}
		all.Go(func() {
			defer func() { <-l.workers }()
			start := time.Now()
			out[i], errs[i] = f(i)
			l.busy.Add(int64(time.Since(start)))
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Once measures what several claims share, and has no seeds: whichever comes first does,
// and the others take what it found. The key says all that it depends on but for the
// profile.
func Once[T any](l *Lab, key string, measure func() (T, error)) (T, error) {
	found, _ := l.shared.LoadOrStore(key, sync.OnceValues(measure))
	return found.(func() (T, error))()
}

// Backend opens the backend for arithmetic in a type, on one thread: in float32 the
// fastest, for all have the same bits, in float64 the one that has it.
func (l *Lab) Backend(d kernels.DType) (backend.Backend, error) {
	if d == kernels.F32 {
		return backend.Options{Threads: 1}.Open("cpu")
	}
	return backend.Options{Threads: 1}.Open("cpu:go")
}

// A Setup is an optimizer and a problem, in float64 if nothing else is said.
type Setup struct {
	Objective string
	Dim       int
	Noise     string
	Batch     int
	Optimizer string // as method.Parse reads it
	LR        float64
	At        []float64 // the first point; nil for that of the objective
	Threshold float64   // of clipping per coordinate; 0 for 1
	Single    bool      // arithmetic in float32
}

// A Run is an optimizer at work.
type Run struct {
	T int // steps taken

	lab     *Lab
	backend backend.Backend
	problem *problem.Problem
	x, g    problem.Vector
	exact   *problem.Evaluator
	sample  *problem.Evaluator // nil as long as none was asked for
	stepper method.Stepper
	host    []float64
	single  []float32
}

// Start sets an optimizer to work. The problem and its noise follow from seed.
func (l *Lab) Start(s Setup, seed uint64) (_ *Run, err error) {
	r := &Run{lab: l}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s on %s: %w", s.Optimizer, s.Objective, err), r.Close())
		}
	}()
	m, err := method.Parse(s.Optimizer)
	if err != nil {
		return nil, err
	}
	if f, ok := m.(method.Fused); ok && s.Threshold > 0 {
		f.Threshold = s.Threshold
		m = f
	}
	dtype := kernels.F64
	if s.Single {
		dtype = kernels.F32
	}
	if r.backend, err = l.Backend(dtype); err != nil {
		return nil, err
	}
	spec := problem.Spec{Objective: s.Objective, Dim: s.Dim, DType: dtype, Noise: s.Noise, Batch: s.Batch}
	if r.problem, err = problem.Open(r.backend, spec, seed, l.instances); err != nil {
		return nil, err
	}
	if r.x, err = r.problem.Vector(); err != nil {
		return nil, err
	}
	if r.g, err = r.problem.Vector(); err != nil {
		return nil, err
	}
	if err = r.problem.Start(r.x); err != nil {
		return nil, err
	}
	r.host = make([]float64, s.Dim)
	if s.Single {
		r.single = make([]float32, s.Dim)
	}
	if s.At != nil {
		if len(s.At) != s.Dim {
			return nil, fmt.Errorf("a first point of %d coordinates, want %d", len(s.At), s.Dim)
		}
		if err = problem.Fill(r.x.Buffer, func(i int) float64 { return s.At[i] }); err != nil {
			return nil, err
		}
	}
	if r.exact, err = r.problem.Exact(r.x, r.g); err != nil {
		return nil, err
	}
	r.stepper, err = m.Start(r.problem, r.x, s.LR)
	return r, err
}

// Along starts a run, and returns what look finds after each of rising numbers of steps.
func (l *Lab) Along(s Setup, seed uint64, times []float64, look func(r *Run, t float64) (float64, error)) ([]float64, error) {
	r, err := l.Start(s, seed)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []float64
	for _, t := range times {
		if err := r.Steps(int(t) - r.T); err != nil {
			return nil, err
		}
		found, err := look(r, t)
		if err != nil {
			return nil, err
		}
		out = append(out, found)
	}
	return out, nil
}

// Step takes a step, whose learning rate is multiplied by scale.
func (r *Run) Step(scale float64) error {
	if r.T%4096 == 0 {
		if err := r.lab.Stopped(); err != nil {
			return err
		}
	}
	st := kernels.At(r.T + 1)
	st.LRScale = scale
	if err := r.stepper.Evaluate(st); err != nil {
		return err
	}
	r.T++
	return r.stepper.Step(st)
}

// Steps takes n steps.
func (r *Run) Steps(n int) error {
	for range n {
		if err := r.Step(1); err != nil {
			return err
		}
	}
	return nil
}

// Point returns where the run is. It stays valid until the next call of a method.
func (r *Run) Point() ([]float64, error) { return r.read(r.x.Buffer) }

func (r *Run) read(b backend.Buffer) ([]float64, error) {
	if r.single == nil {
		return r.host, backend.Get(b, r.host)
	}
	err := backend.Get(b, r.single)
	for i, v := range r.single {
		r.host[i] = float64(v)
	}
	return r.host, err
}

// First returns the first coordinate alone.
func (r *Run) First() (float64, error) {
	x, one := r.x.Slice(0, 1), r.host[:1]
	if r.single == nil {
		err := backend.Get(x, one)
		return one[0], err
	}
	err := backend.Get(x, r.single[:1])
	return float64(r.single[0]), err
}

// Look returns the value above the minimum and the norm of the gradient, both without
// noise, at the point that the run is at.
func (r *Run) Look() (value, norm float64, err error) {
	if err := r.exact.Step(kernels.At(r.T + 1)); err != nil {
		return 0, 0, err
	}
	if value, err = r.exact.Value(); err != nil && !errors.Is(err, problem.ErrNotFinite) {
		return 0, 0, err
	}
	g, err := r.read(r.g.Buffer)
	var sum float64
	for _, v := range g {
		sum += v * v
	}
	return value, math.Sqrt(sum), err
}

// Value is that of the point that the method gives out, an average for some: above the
// minimum and without noise.
func (r *Run) Value() (float64, error) {
	if err := r.stepper.Evaluate(kernels.At(r.T + 1)); err != nil {
		return 0, err
	}
	return r.stepper.Value()
}

// Slopes returns the gradient, without noise, where the run is. It stays valid until the
// next call of a method.
func (r *Run) Slopes() ([]float64, error) {
	if err := r.exact.Step(kernels.At(r.T + 1)); err != nil {
		return nil, err
	}
	return r.read(r.g.Buffer)
}

// Sample returns the gradient of sample i, with its noise, where the run is. It stays
// valid until the next call of a method.
func (r *Run) Sample(i int) ([]float64, error) {
	if r.sample == nil {
		var err error
		if r.sample, err = r.problem.Evaluator(r.x, r.g); err != nil {
			return nil, err
		}
	}
	if err := r.sample.Step(kernels.At(i)); err != nil {
		return nil, err
	}
	return r.read(r.g.Buffer)
}

// Until steps until done is true of what Look returns, or most steps are taken, and
// reports which. It looks after every step first, then after every 256th part of those
// taken: the count is too large by a share of 1/256 at most.
func (r *Run) Until(most int, done func(value, norm float64) bool) (bool, error) {
	for {
		value, norm, err := r.Look()
		switch {
		case err != nil:
			return false, err
		case done(value, norm):
			return true, nil
		case r.T >= most || math.IsNaN(value) || math.IsInf(value, 0):
			return false, nil
		}
		if err := r.Steps(min(max(1, r.T/256), most-r.T)); err != nil {
			return false, err
		}
	}
}

// Grads is how many gradients the steps have cost.
func (r *Run) Grads() int64 { return r.stepper.Cost().GradEvals }

// Close gives back what the run holds.
func (r *Run) Close() error {
	var errs []error
	if r.stepper != nil {
		errs = append(errs, r.stepper.Close())
	}
	if r.sample != nil {
		errs = append(errs, r.sample.Close())
	}
	if r.exact != nil {
		errs = append(errs, r.exact.Close())
	}
	if r.problem != nil {
		errs = append(errs, r.problem.Close())
	}
	if r.backend != nil {
		errs = append(errs, r.backend.Close())
	}
	return errors.Join(errs...)
}
