package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// CClipAverage is GClip coordinate by coordinate, on the schedule for strongly convex
// objectives (Zhang et al. 2020, arXiv:1912.03194):
//
//	p -= 4*lr/(k+1) * min(tau_k/|g|, 1) * g    tau_k = Tau*k^(1/Alpha), of every coordinate
//
// Values are those at the average of the points, as with [GClip].
type CClipAverage struct {
	Tau   float64 `json:"tau" range:"[0,inf)"`
	Alpha float64 `json:"alpha" range:"(1,2]"`
}

func (CClipAverage) Name() string                       { return "cclip-average" }
func (CClipAverage) Room(s problem.Spec) (int64, error) { return room(s, 3) }

func (m CClipAverage) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g, tau, mean := d.vector(), d.filled(m.Tau), d.keptCopy()
	u := scheduled{kernels.CClip{LR: lr, Alpha: m.Alpha}, inverse}
	return d.ready(&aside{
		device: d,
		at:     d.gradient(x, g),
		out:    d.exact(mean, g),
		move:   d.plan(averaging(mean, x, rising), update(u, x, g, tau)),
	})
}

var _ = define("clipping per coordinate, on the schedule of its theorem", "Zhang et al. 2020, arXiv:1912.03194", 1,
	CClipAverage{Tau: 1, Alpha: 1.5}, CClipAverage{Tau: 0.1, Alpha: 2})
