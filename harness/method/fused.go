package method

import (
	"errors"
	"fmt"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// Fused is the method that takes the steps of an update of package kernels.
type Fused struct {
	Update  kernels.Update
	Storage *kernels.Storage // of states; nil for that of points
	// Threshold is what the slots of that role hold, of every coordinate.
	Threshold float64
}

func (f Fused) Name() string { return f.Update.Name() }

// fused is Fused at work.
type fused struct {
	*problem.Evaluator
	plan   backend.Plan
	states []backend.Buffer
	cost   Cost
}

// stateAlign is where the states of tensors start within their array, in elements.
const stateAlign = 16

// form is the update's kernel in the storage that a problem asks for.
func (f Fused) form(s problem.Spec) (*kernels.Stored, error) {
	stored := f.Storage
	if stored == nil {
		stored = kernels.FindStorage(s.DType.String())
	}
	form, ok := f.Update.Kernel().In(stored)
	if !ok {
		return nil, fmt.Errorf("%s is not stored as %s, for it would round in the middle of a norm", f.Name(), stored.Name)
	}
	if form.Types[0] != s.DType || form.Types[1] != s.DType || form.HasMaster() {
		return nil, fmt.Errorf("%s does not minimise with arrays stored as %s: objectives are computed of parameters and gradients in %v",
			f.Name(), stored.Name, s.DType)
	}
	return form, nil
}

func (f Fused) Room(s problem.Spec) (int64, error) {
	form, err := f.form(s)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, d := range form.Types[1:] {
		total += int64(d.Bytes(s.Dim))
	}
	return total, nil
}

func (f Fused) Start(p *problem.Problem, x problem.Vector, lr float64) (_ Stepper, err error) {
	u, err := kernels.With(f.Update, "lr", lr)
	if err != nil {
		return nil, err
	}
	form, err := f.form(p.Spec)
	if err != nil {
		return nil, err
	}
	s := &fused{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	g, err := p.Vector()
	if err != nil {
		return nil, err
	}
	if s.Evaluator, err = p.Evaluator(x, g); err != nil {
		return nil, err
	}
	align := max(stateAlign, form.Grain())
	total := 0
	for _, n := range p.Sizes {
		total += (n + align - 1) / align * align
	}
	for k := 2; k < len(form.Types); k++ {
		b, err := p.Backend.Alloc(form.Types[k], total)
		if err != nil {
			return nil, err
		}
		s.states = append(s.states, b)
		if form.ArrayRole(k) == kernels.Threshold {
			if err := problem.Fill(b, func(int) float64 { return f.Threshold }); err != nil {
				return nil, err
			}
		}
	}
	tensors := make([]backend.Tensor, len(p.Sizes))
	from, at := 0, 0
	for i, n := range p.Sizes {
		tensors[i].Slots = []backend.Buffer{x.Slice(from, from+n), g.Slice(from, from+n)}
		for _, b := range s.states {
			tensors[i].Slots = append(tensors[i].Slots, b.Slice(at, at+n))
		}
		from += n
		at += (n + align - 1) / align * align
	}
	s.plan, err = p.Backend.Bind(backend.Group{Update: u, Tensors: tensors})
	return s, err
}

func (s *fused) Evaluate(st kernels.Step) error {
	s.cost.GradEvals += s.Samples()
	s.cost.Bytes += s.Evaluator.Bytes()
	return s.Evaluator.Step(st)
}

func (s *fused) Step(st kernels.Step) error {
	s.cost.Bytes += s.plan.Bytes()
	return s.plan.Step(st)
}

func (s *fused) Cost() Cost                      { return s.cost }
func (s *fused) State() ([]backend.Buffer, bool) { return s.states, true }
func (s *fused) Kernels() []string               { return append(s.Evaluator.Kernels(), s.plan.Kernels()...) }

func (s *fused) Close() error {
	var errs []error
	if s.plan != nil {
		errs = append(errs, s.plan.Close())
	}
	if s.Evaluator != nil {
		errs = append(errs, s.Evaluator.Close())
	}
	for _, b := range s.states {
		errs = append(errs, b.Free())
	}
	return errors.Join(errs...)
}
