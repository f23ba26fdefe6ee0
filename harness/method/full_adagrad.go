package method

import (
	"math"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// FullAdagrad is Adagrad with the whole matrix of Duchi, Hazan, Singer 2011 (JMLR 12,
// p. 2121, Figure 1):
//
//	G += gg'
//	p -= lr * (eps*I + G^(1/2))^-1 g
//
// Unlike that of its diagonal, its path turns with the axes of the objective. It is
// computed on the host in float64; G is decomposed every step, which takes time as the
// cube of the dimension, at most 1024.
type FullAdagrad struct {
	Eps float64 `json:"eps" range:"(0,inf)"`
}

func (FullAdagrad) Name() string { return "full-adagrad" }

func (f FullAdagrad) Room(s problem.Spec) (int64, error) { return roomOfMatrix(f.Name(), s, 2) }

type fullAdagrad struct {
	FullAdagrad
	*fullMatrix
	lr float64
}

func (f FullAdagrad) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	m, err := newFullMatrix(f.Name(), p, x)
	if err != nil {
		return nil, err
	}
	return &fullAdagrad{f, m, lr}, nil
}

func (s *fullAdagrad) Step(st kernels.Step) error {
	if ok, err := s.begin(); !ok {
		return err
	}
	s.add(1, 1)
	if err := s.decompose(); err != nil {
		return err
	}
	step := s.apply(func(l float64) float64 { return 1 / (s.Eps + math.Sqrt(l)) }, s.g)
	axpy(-s.lr*st.LRScale, step, s.x)
	return s.end()
}

var _ = cubic(define("Adagrad with the full matrix of outer products", "Duchi, Hazan, Singer 2011", 1,
	FullAdagrad{Eps: 1e-10}, FullAdagrad{Eps: 1e-3}))
