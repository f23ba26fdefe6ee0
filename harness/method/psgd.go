package method

import (
	"math"

	"github.com/optbench/optbench/harness/problem"
)

// PSGD is stochastic gradient descent with noise of its own in every step (Jin,
// Netrapalli, Ge, Kakade, Jordan 2019, arXiv:1902.04811):
//
//	p -= lr * (g + xi)    xi of N(0, radius^2/d), radius = Eps*sqrt(N)
//	N = 1 + min(Sigma^2/Eps^2 + K^2/(L*sqrt(Rho*Eps)), Sigma^2*d/Eps^2)
//
// for gradients of size Eps from ones with noise of variance Sigma^2, an objective whose
// gradient and Hessian have the Lipschitz constants L and Rho, and samples whose
// gradients have the constant K, or 0 where they have none. The rate is to be of order
// 1/(L*N). Logarithms and constants that the theorem leaves open are 1.
type PSGD struct {
	Eps   float64 `json:"eps" range:"(0,inf)"`
	Sigma float64 `json:"sigma" range:"[0,inf)"`
	L     float64 `json:"l" range:"(0,inf)"`
	Rho   float64 `json:"rho" range:"(0,inf)"`
	K     float64 `json:"k" range:"[0,inf)"`
}

func (PSGD) Name() string                       { return "psgd" }
func (PSGD) Room(s problem.Spec) (int64, error) { return room(s, 1) }

// radius is that of the noise in dimension n.
func (m PSGD) radius(n int) float64 {
	variance := m.Sigma * m.Sigma / (m.Eps * m.Eps)
	more := variance * float64(n)
	if m.K > 0 {
		more = min(more, variance+m.K*m.K/(m.L*math.Sqrt(m.Rho*m.Eps)))
	}
	return m.Eps * math.Sqrt(1+more)
}

func (m PSGD) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g := d.vector()
	noise := d.perturbing(g, "gaussian", m.radius(p.Spec.Dim))
	return d.ready(&stepping{d, d.gradient(x, g), d.plan(noise, d.descent(x, g))})
}

var _ = define("stochastic gradient descent with noise of its own", "Jin et al. 2019, arXiv:1902.04811", 1e-2,
	PSGD{Eps: 1e-2, Sigma: 0, L: 1, Rho: 1, K: 1}, PSGD{Eps: 0.1, Sigma: 0.01, L: 10, Rho: 1})
