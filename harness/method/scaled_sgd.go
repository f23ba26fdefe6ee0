package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// ScaledSGD is the diagonal of [PreconditionedSGD], on the backend (Staib,
// Reddi, Kale, Kumar, Sra 2019, arXiv:1901.09149):
//
//	v = beta*v + (1-beta)*g^2
//	p -= lr * g/sqrt(v + eps)
//
// with eps inside the root, unlike RMSProp. In the first BurnIn steps the point stays
// where it is, and v alone is estimated.
type ScaledSGD struct {
	Beta   float64 `json:"beta" range:"(0,1)"`
	Eps    float64 `json:"eps" range:"(0,inf)"`
	BurnIn int     `json:"burn_in" range:"[0,inf)"`
}

func (ScaledSGD) Name() string                       { return "scaled-sgd" }
func (ScaledSGD) Room(s problem.Spec) (int64, error) { return room(s, 3) }

// Start makes it of RMSProp without an eps, whose average is v + eps: it begins as eps,
// and before it decays gets so much more that it would stay there.
func (m ScaledSGD) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g, v, ones := d.vector(), d.filled(m.Eps), d.filled(1)
	d.states = append(d.states, v.Buffer)
	u := scheduled{kernels.RMSProp{LR: lr, Beta: m.Beta}, func(st kernels.Step) float64 {
		if st.T <= m.BurnIn {
			return 0
		}
		return 1
	}}
	more := adding(v, ones, (1-m.Beta)*m.Eps/m.Beta)
	return d.ready(&stepping{d, d.gradient(x, g), d.plan(more, update(u, x, g, v))})
}

var _ = define("SGD scaled by the inverse root of the diagonal of gradients' second moment", "Staib et al. 2019, arXiv:1901.09149", 1e-3,
	ScaledSGD{Beta: 0.99, Eps: 1e-8}, ScaledSGD{Beta: 0.9, Eps: 1e-3, BurnIn: 3})
