package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// SGDAverage is stochastic gradient descent that gives out the average of its points
// (Polyak, Juditsky 1992, SIAM J. Control Optim. 30, p. 838; Ruppert 1988), but for those
// of the first Burn steps. Its values are those at the average.
type SGDAverage struct {
	Burn int `json:"burn" range:"[0,inf)"`
}

func (SGDAverage) Name() string                         { return "sgd-average" }
func (SGDAverage) Room(s problem.Spec) (int64, error)   { return room(s, 2) }
func (m SGDAverage) weight(st kernels.Step) (w float64) { return 1 / float64(max(1, st.T-m.Burn)) }

func (m SGDAverage) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g, mean := d.vector(), d.keptCopy()
	return d.ready(&aside{
		device: d,
		at:     d.gradient(x, g),
		out:    d.exact(mean, g),
		move:   d.plan(d.descent(x, g), averaging(mean, x, m.weight)),
	})
}

var _ = define("gradient descent, the average of whose points counts", "Polyak, Juditsky 1992", 1e-2,
	SGDAverage{}, SGDAverage{Burn: 10})
