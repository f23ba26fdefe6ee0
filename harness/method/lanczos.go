package method

import (
	"math"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// Lanczos descends along gradients until they are of size Eps, then looks for negative
// curvature by Hessian-vector products (Carmon, Duchi, Hinder, Sidford 2016,
// arXiv:1611.00756; Agarwal et al. 2016, arXiv:1611.01146):
//
//	|g| > Eps:  p -= lr * g
//	else:       p += 2|a|/Rho * v    with a = v'Hv <= -sqrt(Rho Eps)/2, |v| = 1, g'v <= 0
//
// where Rho is the Lipschitz constant of the Hessian. The direction v is that of the
// lowest curvature in a Krylov space from a random vector, which grows until that is low
// enough; about sqrt(L/sqrt(Rho Eps)) log d products find it. If Krylov vectors do not,
// gradients go on, and none is looked for until p is sqrt(Eps/Rho)/2 away: nearer the
// curvature cannot have fallen to -sqrt(Rho Eps). It is computed on the host in float64.
type Lanczos struct {
	Eps    float64 `json:"eps" range:"(0,inf)"`
	Rho    float64 `json:"rho" range:"(0,inf)"`
	Krylov int     `json:"krylov" range:"[1,1000]"`
}

func (Lanczos) Name() string { return "lanczos" }

func (l Lanczos) Room(s problem.Spec) (int64, error) {
	room, err := roomOfKrylov(l.Name(), s, l.Krylov)
	return room + 2*8*int64(s.Dim+1), err
}

type lanczos struct {
	Lanczos
	*krylov
	lr float64
	// convex is where no negative curvature was found last, behind a number that is
	// 0 as long as there is no such point.
	convex *state
}

func (l Lanczos) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	k, err := newKrylov(l.Name(), p, x, l.Krylov)
	if err != nil {
		return nil, err
	}
	s := &lanczos{Lanczos: l, krylov: k, lr: lr}
	s.convex, err = k.state(x.Len() + 1)
	return started(s, err)
}

func (s *lanczos) Step(st kernels.Step) error {
	if ok, err := s.begin(); !ok {
		return err
	}
	if norm(s.g) <= s.Eps && !s.known() {
		a, v, err := s.search(st)
		if err != nil {
			return err
		}
		if a < 0 {
			axpy(-math.Copysign(2*a/s.Rho, dot(s.g, v)), v, s.x)
			return s.end()
		}
		s.convex.v[0] = 1
		copy(s.convex.v[1:], s.x)
	}
	axpy(-s.lr*st.LRScale, s.g, s.x)
	return s.end()
}

// known reports whether the point is near one without negative curvature.
func (s *lanczos) known() bool {
	var square float64
	for i, x := range s.convex.v[1:] {
		square += (s.x[i] - x) * (s.x[i] - x)
	}
	return s.convex.v[0] != 0 && square <= s.Eps/s.Rho/4
}

// search returns a direction of negative curvature and that, or 0.
func (s *lanczos) search(st kernels.Step) (curvature float64, direction []float64, err error) {
	enough := -math.Sqrt(s.Rho*s.Eps) / 2
	s.toward(st, nil)
	// The pivots of the Hessian less enough, within the space, of which one is below
	// zero if an eigenvalue is below enough.
	pivot := 1.0
	for s.size() < min(s.Krylov, len(s.x)) {
		if ok, err := s.grow(st); !ok {
			return 0, nil, err
		}
		n, before := s.size(), pivot
		pivot = s.diagonal[n-1] - enough
		if n > 1 {
			pivot -= s.beside[n-2] * s.beside[n-2] / before
		}
		if pivot > 0 {
			continue
		}
		values, vectors, err := s.eigen()
		if err != nil {
			return 0, nil, err
		}
		y := make([]float64, n)
		for i := range y {
			y[i] = vectors.At(i, 0)
		}
		return values[0], s.combine(y), nil
	}
	return 0, nil, nil
}

var _ = define("gradient descent, and along negative curvature where gradients are small", "Carmon et al. 2016; Agarwal et al. 2016", 0.1,
	Lanczos{Eps: 1e-3, Rho: 1, Krylov: 100}, Lanczos{Eps: 1, Rho: 10, Krylov: 5})
