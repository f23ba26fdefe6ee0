package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// Octopus is the function that gradient descent needs exponential time to
// minimise, and perturbed gradient descent does not (Du, Jin, Lee, Jordan, Singh,
// Poczos 2017, arXiv:1705.10412, section 4). A chain of saddles leads through a
// tube; at each, the way on is the coordinate that all the earlier steps shrank.
// In terms of u = |x|,
//
//	F_i(u) = -Gamma u_i^2 + Q_{i+1}(u)                      where      u_i <= Tau
//	         g(u_i) + s(u_i) F_{i+1} + (1-s(u_i)) Q_{i+1}   where Tau <  u_i < 2Tau
//	         L (u_i - 4Tau)^2 - nu + F_{i+1}                where 2Tau <= u_i
//	Q_i(u) = L (u_i^2 + ... + u_d^2)
//
// and f = F_1. The splines g, and s from 0 to 1, make it twice differentiable; nu
// makes the pieces meet. In the tube, where the coordinate after one that is past
// Tau is not itself past it, this is the construction of the paper, with
// g_2 = L - (L+Gamma)s; beyond, where the paper invokes Whitney's extension theorem, the
// recursion is the extension. The minimum, -d nu, is at 4Tau in all coordinates;
// the first point is uniform in [-1,1]^d.
type Octopus struct {
	L     float64 `json:"l" range:"(0,inf)"`
	Gamma float64 `json:"gamma" range:"(0,inf)"`
	Tau   float64 `json:"tau" range:"[1,inf)"`
}

func (Octopus) Name() string            { return "octopus" }
func (Octopus) Dim(n int) int           { return max(n, 1) }
func (Octopus) Numbers(dim int) float64 { return 6 * float64(dim) }

func (s Octopus) nu() float64 {
	g, _, _ := s.spline(2 * s.Tau)
	return 4*s.L*s.Tau*s.Tau - g
}

// spline returns g and its derivatives.
func (s Octopus) spline(u float64) (g, slope, bend float64) {
	w := u - s.Tau
	cubic := (10*s.Gamma - 14*s.L) / (3 * s.Tau)
	quartic := (5*s.L - 3*s.Gamma) / (2 * s.Tau * s.Tau)
	return -s.Gamma*u*u + (cubic+quartic*w)*w*w*w,
		-2*s.Gamma*u + (3*cubic+4*quartic*w)*w*w,
		-2*s.Gamma + (6*cubic+12*quartic*w)*w
}

// blend returns s and its derivatives.
func (s Octopus) blend(u float64) (b, slope, bend float64) {
	w := (u - 2*s.Tau) / s.Tau
	return 1 + (10+(15+6*w)*w)*w*w*w,
		30 * (1 + w) * (1 + w) * w * w / s.Tau,
		60 * (1 + 2*w) * (1 + w) * w / (s.Tau * s.Tau)
}

type octopus[T kernels.Real] struct {
	Octopus
	whole
	way []stage
}

// A stage is what descent finds at a coordinate of the way.
type stage struct {
	slope float64 // dF_i/du_i
	share float64 // s(u_i)
	above float64 // F_{i+1} - Q_{i+1}
}

func newOctopus[T kernels.Real](s Octopus, dim int, _ uint64) Objective[T] {
	return &octopus[T]{Octopus: s, whole: whole{dim}, way: make([]stage, dim)}
}

func (o *octopus[T]) Start(x []T, seed uint64) {
	r := source(seed, forStart, 0)
	for i := range x {
		x[i] = T(float32(2*r.Float64() - 1))
	}
}

func (o *octopus[T]) Minimum() float64 { return -float64(o.dim) * o.nu() }

// Facts: along the tube, outside the splines.
func (o *octopus[T]) Facts() Facts { return Facts{Lipschitz: 2 * o.L} }

// descend returns the value and the length of the way: the number of coordinates
// before the first that is not past Tau.
func (o *octopus[T]) descend(x []T) (value float64, way int) {
	for way < len(x) && math.Abs(float64(x[way])) > o.Tau {
		way++
	}
	f, q := 0.0, 0.0 // of the coordinates that follow
	if way < len(x) {
		rest := x[way+1:]
		u := float64(x[way])
		q = o.L * product(rest, rest)
		f = q - o.Gamma*u*u
		q += o.L * u * u
	}
	nu := o.nu()
	for i := way - 1; i >= 0; i-- {
		u := math.Abs(float64(x[i]))
		if u >= 2*o.Tau {
			o.way[i] = stage{2 * o.L * (u - 4*o.Tau), 1, f - q}
			f += o.L*(u-4*o.Tau)*(u-4*o.Tau) - nu
		} else {
			g, dg, _ := o.spline(u)
			s, ds, _ := o.blend(u)
			o.way[i] = stage{dg + ds*(f-q), s, f - q}
			f = g + s*f + (1-s)*q
		}
		q += o.L * u * u
	}
	return f, way
}

func (o *octopus[T]) Value(x []T) float64 {
	value, _ := o.descend(x)
	return value
}

func (o *octopus[T]) Gradient(x, g []T, _ Sample) float64 {
	value, way := o.descend(x)
	weight := 1.0 // of F_i in f; that of Q_i is the rest
	for i, at := range o.way[:way] {
		slope := weight*at.slope + (1-weight)*2*o.L*math.Abs(float64(x[i]))
		g[i] = T(sign(x[i]) * slope)
		weight *= at.share
	}
	if way < len(x) {
		g[way] = T(2 * o.end(weight) * float64(x[way]))
		o.double(x[way+1:], g[way+1:])
	}
	return value
}

func sign[T kernels.Real](x T) float64 { return math.Copysign(1, float64(x)) }

// end returns the coefficient of the square of the coordinate where the way ends.
func (o *octopus[T]) end(weight float64) float64 { return (1-weight)*o.L - weight*o.Gamma }

// double sets out to 2Lx.
func (o *octopus[T]) double(x, out []T) {
	split(len(x), grain, func(_, lo, hi int) float64 {
		for i, v := range x[lo:hi] {
			out[lo+i] = T(2 * o.L * float64(v))
		}
		return 0
	})
}

// HessianVector is the derivative of descend and Gradient along d, term by term.
func (o *octopus[T]) HessianVector(x, d, out []T, _ Sample) {
	_, way := o.descend(x)
	df, dq := 0.0, 0.0
	if way < len(x) {
		along := 2 * float64(x[way]) * float64(d[way])
		dq = 2 * o.L * product(x[way+1:], d[way+1:])
		df = dq - o.Gamma*along
		dq += o.L * along
	}
	moves := make([]stage, way) // how the stages change; above is not needed
	for i := way - 1; i >= 0; i-- {
		at, u, du := o.way[i], math.Abs(float64(x[i])), sign(x[i])*float64(d[i])
		if u >= 2*o.Tau {
			moves[i].slope = 2 * o.L * du
			df += at.slope * du
		} else {
			_, _, ddg := o.spline(u)
			_, ds, dds := o.blend(u)
			moves[i].slope = (ddg+dds*at.above)*du + ds*(df-dq)
			moves[i].share = ds * du
			df = at.slope*du + at.share*df + (1-at.share)*dq
		}
		dq += 2 * o.L * u * du
	}
	weight, change := 1.0, 0.0
	for i, at := range o.way[:way] {
		u, du := math.Abs(float64(x[i])), sign(x[i])*float64(d[i])
		out[i] = T(sign(x[i]) * (change*(at.slope-2*o.L*u) + weight*moves[i].slope + (1-weight)*2*o.L*du))
		weight, change = weight*at.share, change*at.share+weight*moves[i].share
	}
	if way < len(x) {
		out[way] = T(2 * (o.end(weight)*float64(d[way]) - change*(o.L+o.Gamma)*float64(x[way])))
		o.double(d[way+1:], out[way+1:])
	}
}

var _ = define("chain of saddles through a tube", "Du et al. 2017, arXiv:1705.10412", alone,
	newOctopus[float32], newOctopus[float64],
	Octopus{L: math.E, Gamma: 1, Tau: math.E}, Octopus{L: 2, Gamma: 2, Tau: 1})
