package method

import (
	"math"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// PreconditionedSGD multiplies gradients by the inverse root of their second moment, so
// that the noise of a step is the same in all directions, those out of a saddle among
// them (Staib, Reddi, Kale, Kumar, Sra 2019, arXiv:1901.09149: full-matrix RMSProp):
//
//	G += (1-beta) * (gg' - G)
//	p -= lr * (G + eps*I)^(-1/2) g
//
// In the first BurnIn steps G is estimated and p stays. It is computed on the host in
// float64; G is decomposed every step, which takes time as the cube of the dimension, at
// most 1024.
type PreconditionedSGD struct {
	Beta   float64 `json:"beta" range:"[0,1)"`
	Eps    float64 `json:"eps" range:"(0,inf)"`
	BurnIn int     `json:"burn_in" range:"[0,inf)"`
}

func (PreconditionedSGD) Name() string { return "preconditioned-sgd" }

func (f PreconditionedSGD) Room(s problem.Spec) (int64, error) { return roomOfMatrix(f.Name(), s, 2) }

type preconditionedSGD struct {
	PreconditionedSGD
	*fullMatrix
	lr float64
}

func (f PreconditionedSGD) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	m, err := newFullMatrix(f.Name(), p, x)
	if err != nil {
		return nil, err
	}
	return &preconditionedSGD{f, m, lr}, nil
}

func (s *preconditionedSGD) Step(st kernels.Step) error {
	if ok, err := s.begin(); !ok {
		return err
	}
	s.add(s.Beta, 1-s.Beta)
	if st.T > s.BurnIn {
		if err := s.decompose(); err != nil {
			return err
		}
		step := s.apply(func(l float64) float64 { return 1 / math.Sqrt(l+s.Eps) }, s.g)
		axpy(-s.lr*st.LRScale, step, s.x)
	}
	return s.end()
}

var _ = cubic(define("SGD preconditioned by the inverse root of gradients' second moment", "Staib et al. 2019, arXiv:1901.09149", 1e-3,
	PreconditionedSGD{Beta: 0.99, Eps: 1e-8}, PreconditionedSGD{Beta: 0.9, Eps: 1e-3, BurnIn: 3}))
