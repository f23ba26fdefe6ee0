package method

import (
	"math"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// StochasticCubic is cubic regularisation by gradients and Hessian-vector products of
// batches alone (Tripuraneni, Stern, Jin, Regier, Jordan 2017, arXiv:1711.02838,
// Algorithms 1 and 2): the cubic model is descended along its gradient,
//
//	s -= lr * (g + sigma*u + Hs + Rho/2 |s|s)    Steps times, from s = 0
//
// with u uniform on the sphere, or, where |g| is at least l^2/Rho with l = 1/(20 lr), in
// one step along g to its minimum. Products are over the batch of the gradient. The
// paper ends where the model promises little; a run goes on. It is computed on the host
// in float64.
type StochasticCubic struct {
	Rho   float64 `json:"rho" range:"(0,inf)"`
	Sigma float64 `json:"sigma" range:"[0,inf)"`
	Steps int     `json:"steps" range:"[1,100000]"`
}

func (StochasticCubic) Name() string { return "stochastic-cubic" }

func (c StochasticCubic) Room(s problem.Spec) (int64, error) { return roomOfKrylov(c.Name(), s, 0) }

type stochasticCubic struct {
	StochasticCubic
	*krylov
	lr        float64
	s, hs, gu []float64
}

func (c StochasticCubic) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	k, err := newKrylov(c.Name(), p, x, 0)
	if err != nil {
		return nil, err
	}
	n := x.Len()
	return &stochasticCubic{c, k, lr, make([]float64, n), make([]float64, n), make([]float64, n)}, nil
}

func (s *stochasticCubic) Step(st kernels.Step) error {
	if ok, err := s.begin(); !ok {
		return err
	}
	lr, size := s.lr*st.LRScale, norm(s.g)
	if lr == 0 {
		return nil // a schedule has come to its end
	}
	descend := s.descend
	if l := 1 / (20 * lr); size >= l*l/s.Rho {
		descend = s.cauchy
	}
	if err := descend(st, lr, size); err != nil {
		return err
	}
	if !finite(s.s) {
		return s.diverge()
	}
	axpy(1, s.s, s.x)
	return s.end()
}

// cauchy sets s to the minimum of the model along the gradient.
func (s *stochasticCubic) cauchy(st kernels.Step, _, size float64) error {
	if err := s.multiply(st, s.g, s.hs); err != nil {
		return err
	}
	bend := dot(s.g, s.hs) / (s.Rho * size * size)
	copy(s.s, s.g)
	scale((bend-math.Sqrt(bend*bend+2*size/s.Rho))/size, s.s)
	return nil
}

// descend sets s to where gradient descent on the model leads.
func (s *stochasticCubic) descend(st kernels.Step, lr, _ float64) error {
	s.toward(st, nil)
	copy(s.gu, s.g)
	axpy(s.Sigma, s.next, s.gu)
	clear(s.s)
	for i := range s.Steps {
		clear(s.hs)
		if i > 0 { // the first product is 0
			if err := s.multiply(st, s.s, s.hs); err != nil {
				return err
			}
		}
		bend := s.Rho / 2 * norm(s.s)
		for j := range s.s {
			s.s[j] -= lr * (s.gu[j] + s.hs[j] + bend*s.s[j])
		}
	}
	return nil
}

var _ = define("cubic regularisation by stochastic gradients and Hessian-vector products", "Tripuraneni et al. 2017, arXiv:1711.02838", 0.05,
	StochasticCubic{Rho: 1, Sigma: 1e-3, Steps: 10}, StochasticCubic{Rho: 10, Sigma: 0.1, Steps: 3})
