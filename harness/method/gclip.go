package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// GClip is gradient descent clipped by the norm under noise with a finite moment of
// order Alpha alone, by the schedules that its theorems ask for (Zhang, Karimireddy,
// Veit, Kim, Reddi, Kumar, Sra 2020, arXiv:1912.03194):
//
//	p -= eta_k * min(tau_k/|g|, 1) * g
//
//	strongly-convex    eta_k = 4*lr/(k+1)                      tau_k = Tau*k^(1/Alpha)
//	nonconvex          eta   = lr*K^(-Alpha/(3*Alpha-2))       tau   = Tau*K^(1/(3*Alpha-2))
//
// Where the objective is strongly convex, lr is 1/mu, Tau is of the order of the noise,
// and what counts is the average of the points that gradients were taken at, with the
// weight k for that of step k: values are those at the average. Else K is Horizon, the
// steps that the run will have. A norm of 0 moves nothing; with one that is not finite
// the step is skipped.
type GClip struct {
	Tau     float64 `json:"tau" range:"(0,inf)"`
	Alpha   float64 `json:"alpha" range:"(1,2]"`
	Case    string  `json:"case" range:"strongly-convex|nonconvex"`
	Horizon int     `json:"horizon" range:"[1,inf)"`
}

func (GClip) Name() string { return "gclip" }

func (m GClip) Room(s problem.Spec) (int64, error) {
	if m.Case == "nonconvex" {
		return room(s, 1)
	}
	return room(s, 2)
}

func (m GClip) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g := d.vector()
	if m.Case == "nonconvex" {
		power := kernels.StepPow(m.Horizon, 1/(3*m.Alpha-2))
		eta := lr / kernels.StepPow(m.Horizon, m.Alpha/(3*m.Alpha-2))
		u := kernels.ClippedGD{LR: eta, MaxNorm: m.Tau * power}
		return d.ready(&stepping{d, d.gradient(x, g), d.plan(update(u, x, g))})
	}
	mean := d.keptCopy()
	u := growing{scheduled{kernels.SGD{LR: lr}, inverse}, threshold{kernels.ClipNorm{Max: m.Tau}, m.Alpha}}
	return d.ready(&aside{
		device: d,
		at:     d.gradient(x, g),
		out:    d.exact(mean, g),
		move:   d.plan(averaging(mean, x, rising), update(u, x, g)),
	})
}

// inverse multiplies the learning rate 1/mu of strongly convex objectives.
func inverse(st kernels.Step) float64 { return 4 / float64(st.T+1) }

// rising is the weight of the point of step k in an average in which it counts k
// times.
func rising(st kernels.Step) float64 { return 2 / float64(st.T+1) }

// growing is an update whose gradients a growing threshold clips.
type growing struct {
	kernels.Update
	Threshold threshold
}

func (u growing) Scale() kernels.Map { return u.Threshold }

// threshold clips to a norm of Max*t^(1/Alpha) at step t.
type threshold struct {
	kernels.ClipNorm
	Alpha float64
}

func (m threshold) Coef(st kernels.Step) kernels.Coef {
	m.Max *= kernels.StepPow(st.T, 1/m.Alpha)
	return m.ClipNorm.Coef(st)
}

var _ = define("gradient clipping by the norm, on the schedules of its theorems", "Zhang et al. 2020, arXiv:1912.03194", 1,
	GClip{Tau: 1, Alpha: 1.5, Case: "strongly-convex", Horizon: 1000}, GClip{Tau: 1, Alpha: 1.2, Case: "nonconvex", Horizon: 500})
