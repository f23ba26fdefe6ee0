// Package method holds the optimizers that converge: every fused update, and the
// methods that are made of several gradients, updates and decisions per step.
package method

import (
	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// A Method is an optimizer with its hyperparameters but for the learning rate.
type Method interface {
	kernels.Named
	// Start makes the method ready to minimise p from x, which it moves.
	Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error)
}

// A Stepper is a method at work.
type Stepper interface {
	// Evaluate computes what the next step goes by, and the value at the point that
	// the last one reached.
	Evaluate(kernels.Step) error
	// Value returns that value, above the minimum. It waits for it.
	Value() (float64, error)
	// Step moves the point.
	Step(kernels.Step) error
	// Cost is what all steps so far have cost.
	Cost() Cost
	// Kernels names what runs.
	Kernels() []string
	// State is what the next steps depend on besides the point, and whether that is
	// all: a method that keeps more cannot be taken up in the middle.
	State() ([]backend.Buffer, bool)
	Close() error
}

// Cost is what a run has spent.
type Cost struct {
	GradEvals int64 `json:"grad_evals"`
	Bytes     int64 `json:"bytes"` // least memory traffic
}
