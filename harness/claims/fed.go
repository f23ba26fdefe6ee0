package claims

import (
	"errors"
	"fmt"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/kernels"
)

// A Fed is an update that is given its gradients, of a parameter that starts at zero.
type Fed struct {
	T int // steps taken

	dtype   kernels.DType
	backend backend.Backend
	plan    backend.Plan
	slots   []backend.Buffer // parameter, gradient, states
}

// Feed binds an update, as method.Parse reads it, over n parameters in float64 or
// float32.
func (l *Lab) Feed(optimizer string, lr float64, n int, d kernels.DType) (_ *Fed, err error) {
	m, err := method.Parse(optimizer)
	if err != nil {
		return nil, err
	}
	fused, ok := m.(method.Fused)
	if !ok {
		return nil, fmt.Errorf("%s takes its gradients itself, want a fused update", optimizer)
	}
	u, err := kernels.With(fused.Update, "lr", lr)
	if err != nil {
		return nil, err
	}
	f := &Fed{dtype: d}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if f.backend, err = l.Backend(d); err != nil {
		return nil, err
	}
	for range u.Kernel().Slots {
		b, err := f.backend.Alloc(d, n)
		if err != nil {
			return nil, err
		}
		f.slots = append(f.slots, b)
	}
	return f, f.bind(u)
}

// bind has the steps that follow taken by another update with the same slots.
func (f *Fed) bind(u kernels.Update) (err error) {
	if f.plan != nil {
		if err := f.plan.Close(); err != nil {
			return err
		}
	}
	f.plan, err = f.backend.Bind(backend.Group{Update: u, Tensors: []backend.Tensor{{Slots: f.slots}}})
	return err
}

// Slots of every update; its states follow.
const (
	parameter = 0
	gradient  = 1
)

// Step takes a step by gradient g, and returns the parameters.
func (f *Fed) Step(g ...float64) ([]float64, error) {
	if err := f.Set(gradient, g); err != nil {
		return nil, err
	}
	f.T++
	if err := f.plan.Step(kernels.At(f.T)); err != nil {
		return nil, err
	}
	return f.Slot(parameter)
}

// Slot returns what a slot holds.
func (f *Fed) Slot(k int) ([]float64, error) {
	out := make([]float64, f.slots[k].Len())
	if f.dtype == kernels.F64 {
		return out, backend.Get(f.slots[k], out)
	}
	single := make([]float32, len(out))
	err := backend.Get(f.slots[k], single)
	for i, v := range single {
		out[i] = float64(v)
	}
	return out, err
}

// Set writes to a slot.
func (f *Fed) Set(k int, x []float64) error {
	if f.dtype == kernels.F64 {
		return backend.Put(f.slots[k], x)
	}
	single := make([]float32, len(x))
	for i, v := range x {
		single[i] = float32(v)
	}
	return backend.Put(f.slots[k], single)
}

// Close gives back what the update holds.
func (f *Fed) Close() error {
	var errs []error
	if f.plan != nil {
		errs = append(errs, f.plan.Close())
	}
	if f.backend != nil {
		errs = append(errs, f.backend.Close())
	}
	return errors.Join(errs...)
}

// path feeds an update the same gradient for some steps, and returns the parameter
// after each.
func (l *Lab) path(optimizer string, lr, g float64, steps int) ([]float64, error) {
	f, err := l.Feed(optimizer, lr, 1, kernels.F64)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := make([]float64, steps)
	for t := range out {
		p, err := f.Step(g)
		if err != nil {
			return nil, err
		}
		out[t] = p[0]
	}
	return out, nil
}

// lengths are the lengths of the steps of a path from zero.
func lengths(path []float64) []float64 {
	out, last := make([]float64, len(path)), 0.0
	for t, p := range path {
		out[t], last = math.Abs(p-last), p
	}
	return out
}
