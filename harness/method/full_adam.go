package method

import (
	"math"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// FullAdam is Adam with the whole matrix of outer products in place of its diagonal
// (Kingma, Ba 2014, arXiv:1412.6980, Algorithm 1; the matrix as in Agarwal et al. 2018,
// arXiv:1806.02958):
//
//	m += (1-beta1) * (g - m)
//	G += (1-beta2) * (gg' - G)
//	p -= lr * (Ghat^(1/2) + eps*I)^-1 mhat
//
// with mhat = m/(1-beta1^t) and Ghat = G/(1-beta2^t). It is computed on the host in
// float64; G is decomposed every step, which takes time as the cube of the dimension, at
// most 1024.
type FullAdam struct {
	Beta1 float64 `json:"beta1" range:"[0,1)"`
	Beta2 float64 `json:"beta2" range:"[0,1)"`
	Eps   float64 `json:"eps" range:"(0,inf)"`
}

func (FullAdam) Name() string { return "full-adam" }

func (f FullAdam) Room(s problem.Spec) (int64, error) { return roomOfMatrix(f.Name(), s, 4) }

type fullAdam struct {
	FullAdam
	*fullMatrix
	m  *state
	lr float64
}

func (f FullAdam) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	matrix, err := newFullMatrix(f.Name(), p, x)
	if err != nil {
		return nil, err
	}
	s := &fullAdam{FullAdam: f, fullMatrix: matrix, lr: lr}
	s.m, err = matrix.state(x.Len())
	return started(s, err)
}

func (s *fullAdam) Step(st kernels.Step) error {
	if ok, err := s.begin(); !ok {
		return err
	}
	for i, g := range s.g {
		s.m.v[i] += (1 - s.Beta1) * (g - s.m.v[i])
	}
	s.add(s.Beta2, 1-s.Beta2)
	if err := s.decompose(); err != nil {
		return err
	}
	// 1-beta^t, to all digits.
	correction := func(beta float64) float64 {
		if beta == 0 {
			return 1
		}
		return -math.Expm1(float64(st.T) * math.Log(beta))
	}
	c2 := correction(s.Beta2)
	step := s.apply(func(l float64) float64 { return 1 / (math.Sqrt(l/c2) + s.Eps) }, s.m.v)
	axpy(-s.lr*st.LRScale/correction(s.Beta1), step, s.x)
	return s.end()
}

var _ = cubic(define("Adam with the full matrix of outer products", "Kingma, Ba 2014; Agarwal et al. 2018", 1e-3,
	FullAdam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, FullAdam{Beta1: 0, Beta2: 0.9, Eps: 1e-3}))
