package method

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// device is what methods share that compute where the point is: gradients, and plans
// over vectors, which queue. The first error of what a method asks for is kept, and
// [device.ready] returns it.
type device struct {
	problem *problem.Problem
	x       problem.Vector // the point
	lr      float64
	states  []backend.Buffer
	cost    Cost
	names   []string
	closers []func() error
	err     error
}

func newDevice(m Method, p *problem.Problem, x problem.Vector, lr float64) *device {
	d := &device{problem: p, x: x, lr: lr}
	_, room := m.Room(p.Spec)
	d.err = errors.Join(kernels.Check(m), room)
	if d.err == nil && !(lr > 0 && lr <= math.MaxFloat64) {
		d.err = fmt.Errorf("the learning rate is %v, want a finite number above 0", lr)
	}
	return d
}

// ready returns s, which has what it asked for of d, or says what it did not get.
func (d *device) ready(s Stepper) (Stepper, error) {
	if d.err != nil {
		return nil, errors.Join(fmt.Errorf("%w", d.err), d.Close())
	}
	return s, nil
}

// room is what that many vectors take.
func room(s problem.Spec, vectors int) (int64, error) {
	return int64(vectors) * int64(s.DType.Bytes(s.Dim)), nil
}

// vector returns zeros.
func (d *device) vector() (v problem.Vector) {
	if d.err == nil {
		v, d.err = d.problem.Vector()
	}
	return v
}

// kept returns zeros that steps depend on.
func (d *device) kept() problem.Vector {
	v := d.vector()
	d.states = append(d.states, v.Buffer)
	return v
}

// filled returns a vector whose coordinates are all x.
func (d *device) filled(x float64) problem.Vector {
	v := d.vector()
	if d.err == nil {
		d.err = problem.Fill(v.Buffer, func(int) float64 { return x })
	}
	return v
}

// copied returns a copy of the point, at which gradients can be computed as well.
func (d *device) copied() problem.Vector {
	v := d.vector()
	if d.err == nil { // the first point also sets what is around it
		d.err = d.problem.Start(v)
	}
	if p := d.plan(copying(v, d.x)); d.err == nil {
		d.err = p.Plan.Step(kernels.At(1))
	}
	return v
}

// keptCopy is such a copy that steps depend on.
func (d *device) keptCopy() problem.Vector {
	v := d.copied()
	d.states = append(d.states, v.Buffer)
	return v
}

// scalar returns a number on the device.
func (d *device) scalar() backend.Buffer {
	if d.err != nil {
		return nil
	}
	var b backend.Buffer
	if b, d.err = d.problem.Backend.Alloc(kernels.F64, 1); d.err != nil {
		return nil
	}
	d.closers = append(d.closers, b.Free)
	return b
}

// A number is what a plan has written to a scalar, on the host.
type number struct {
	backend.Buffer
	got [1]float64
}

func (d *device) number() *number { return &number{Buffer: d.scalar()} }

// read waits for it.
func (n *number) read() (float64, error) {
	err := backend.Get(n.Buffer, n.got[:])
	return n.got[0], err
}

// A counter is a number of the host that steps depend on: 0 at first. It lies on the
// backend as well, where a run that is taken up again finds it.
type counter struct {
	number
	known bool
	n     int
}

func (d *device) counter() *counter {
	c := &counter{number: number{Buffer: d.scalar()}}
	d.states = append(d.states, c.Buffer)
	return c
}

func (c *counter) get() (int, error) {
	if c.known {
		return c.n, nil
	}
	x, err := c.read()
	c.n, c.known = int(x), err == nil
	return c.n, err
}

func (c *counter) set(n int) error {
	c.n, c.known = n, true
	c.got[0] = float64(n)
	return backend.Put(c.Buffer, c.got[:])
}

// A plan is a plan whose memory traffic is counted.
type plan struct {
	backend.Plan
	cost *Cost
}

func (p *plan) Step(st kernels.Step) error {
	p.cost.Bytes += p.Bytes()
	return p.Plan.Step(st)
}

func (d *device) plan(ops ...backend.Op) *plan {
	if d.err != nil {
		return nil
	}
	p, err := d.problem.Backend.Bind(ops...)
	if err != nil {
		d.err = err
		return nil
	}
	d.closers = append(d.closers, p.Close)
	d.ran(p.Kernels())
	return &plan{p, &d.cost}
}

// ran notes what runs, each kernel once.
func (d *device) ran(names []string) {
	for _, n := range names {
		if !slices.Contains(d.names, n) {
			d.names = append(d.names, n)
		}
	}
}

// A gradient is an evaluator whose gradients are counted.
type gradient struct {
	*problem.Evaluator
	cost *Cost
}

func (g *gradient) Step(st kernels.Step) error {
	g.cost.GradEvals += g.Samples()
	g.cost.Bytes += g.Bytes()
	return g.Evaluator.Step(st)
}

// look returns the value where g is evaluated, at no cost.
func (g *gradient) look(st kernels.Step) (float64, error) {
	if err := g.Evaluator.Step(st); err != nil {
		return 0, err
	}
	return g.Value()
}

// valueOrNaN passes a value that is not finite for what it is: nothing is less or more.
func valueOrNaN(value float64, err error) (float64, error) {
	if errors.Is(err, problem.ErrNotFinite) {
		return math.NaN(), nil
	}
	return value, err
}

// gradient returns what writes the problem's gradient at x to g.
func (d *device) gradient(x, g problem.Vector) *gradient {
	return d.evaluator(func() (*problem.Evaluator, error) { return d.problem.Evaluator(x, g) })
}

// exact is [device.gradient] of the whole objective, without noise.
func (d *device) exact(x, g problem.Vector) *gradient {
	return d.evaluator(func() (*problem.Evaluator, error) { return d.problem.Exact(x, g) })
}

// batched is [device.gradient] over batches of that size.
func (d *device) batched(x, g problem.Vector, batch int) *gradient {
	return d.evaluator(func() (*problem.Evaluator, error) { return d.problem.Batched(x, g, batch) })
}

func (d *device) evaluator(open func() (*problem.Evaluator, error)) *gradient {
	if d.err != nil {
		return nil
	}
	e, err := open()
	if err != nil {
		d.err = err
		return nil
	}
	d.closers = append(d.closers, e.Close)
	d.ran(e.Kernels())
	return &gradient{e, &d.cost}
}

func (d *device) Cost() Cost                      { return d.cost }
func (d *device) Kernels() []string               { return slices.Clone(d.names) }
func (d *device) State() ([]backend.Buffer, bool) { return d.states, true }

func (d *device) Close() error {
	var errs []error
	for _, f := range slices.Backward(d.closers) {
		errs = append(errs, f())
	}
	d.closers = nil
	return errors.Join(errs...)
}

// update is one of whole vectors, in the order of its slots.
func update(u kernels.Update, vectors ...problem.Vector) backend.Group {
	var t backend.Tensor
	for _, v := range vectors {
		t.Slots = append(t.Slots, v.Buffer)
	}
	return backend.Group{Update: u, Tensors: []backend.Tensor{t}}
}

// descent is x -= lr*g.
func (d *device) descent(x, g problem.Vector) backend.Op {
	return update(kernels.SGD{LR: d.lr}, x, g)
}

// copying is y = x.
func copying(y, x problem.Vector) backend.Op { return backend.Copy{To: y.Buffer, From: x.Buffer} }

// mixing is y = a*y + b*x with factors that the step makes.
func mixing(y, x problem.Vector, factors func(kernels.Step) (a, b float64)) backend.Op {
	return update(mix{factors}, y, x)
}

// adding is y = y + b*x.
func adding(y, x problem.Vector, b float64) backend.Op {
	return mixing(y, x, func(kernels.Step) (float64, float64) { return 1, b })
}

// averaging is y = y + w*(x-y).
func averaging(y, x problem.Vector, weight func(kernels.Step) float64) backend.Op {
	return mixing(y, x, func(st kernels.Step) (float64, float64) {
		w := weight(st)
		return 1 - w, w
	})
}

type mix struct {
	Factors func(kernels.Step) (a, b float64)
}

func (mix) Name() string            { return "mix" }
func (mix) Kernel() *kernels.Kernel { return kernels.Combination }

func (m mix) Coef(st kernels.Step) kernels.Coef {
	a, b := m.Factors(st)
	return kernels.Coef{1: a, 2: b}
}

// scheduled is an update whose learning rate Rate multiplies.
type scheduled struct {
	kernels.Update
	Rate func(kernels.Step) float64
}

func (s scheduled) Coef(st kernels.Step) kernels.Coef {
	st.LRScale *= s.Rate(st)
	return s.Update.Coef(st)
}

// squaredNorm writes the square of a vector's norm.
func squaredNorm(v problem.Vector, to *number) backend.Op {
	return backend.SquaredNorm{X: []backend.Buffer{v.Buffer}, Out: to.Buffer}
}

// perturbing adds a sample of that law to v: the uniform one in a ball, or the normal
// one of the same mean square in high dimensions, N(0, radius^2/d).
func (d *device) perturbing(v problem.Vector, law string, radius float64) backend.Op {
	var l kernels.Noise = kernels.Ball{Radius: radius}
	if law == "gaussian" {
		l = kernels.Gaussian{Scale: radius / math.Sqrt(float64(d.problem.Spec.Dim)), Batch: 1}
	}
	return backend.Noise{Law: l, Seed: d.problem.OwnSeed(), X: v.Buffer}
}

// stepping is a method that takes a gradient where it is, and then a step.
type stepping struct {
	*device
	at   *gradient
	move *plan
}

func (s *stepping) Evaluate(st kernels.Step) error { return s.at.Step(st) }
func (s *stepping) Value() (float64, error)        { return s.at.Value() }
func (s *stepping) Step(st kernels.Step) error     { return s.move.Step(st) }

// aside is a method that would give out another point than the one it moves. The
// gradient there, which nobody needs, takes the place of the one that a step goes by:
// that is computed by the step itself.
type aside struct {
	*device
	at, out *gradient
	move    *plan
	st      kernels.Step
}

func (s *aside) Evaluate(st kernels.Step) error {
	s.st = st
	return nil
}

func (s *aside) Value() (float64, error) { return s.out.look(s.st) }

func (s *aside) Step(st kernels.Step) error {
	if err := s.at.Step(st); err != nil {
		return err
	}
	return s.move.Step(st)
}
