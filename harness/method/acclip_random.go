package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// ACClipRandom is ACClip with the output that its paper gives a method for objectives
// that are not convex: one of the points reached, drawn at random (Zhang et al. 2020,
// arXiv:1912.03194, Algorithm 2). Values are those at the point drawn among all so far.
type ACClipRandom struct {
	Beta1 float64 `json:"beta1" range:"[0,1)"`
	Beta2 float64 `json:"beta2" range:"[0,1)"`
	Eps   float64 `json:"eps" range:"[0,inf)"`
	Alpha float64 `json:"alpha" range:"[1,2]"`
}

func (ACClipRandom) Name() string                       { return "acclip-random" }
func (ACClipRandom) Room(s problem.Spec) (int64, error) { return room(s, 4) }

type acclipRandom struct {
	aside
	seed uint64
	take *plan
}

func (m ACClipRandom) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g, first, ta, drawn := d.vector(), d.kept(), d.kept(), d.keptCopy()
	u := kernels.ACClip{LR: lr, Beta1: m.Beta1, Beta2: m.Beta2, Eps: m.Eps, Alpha: m.Alpha}
	return d.ready(&acclipRandom{
		aside{
			device: d,
			at:     d.gradient(x, g),
			out:    d.exact(drawn, g),
			move:   d.plan(update(u, x, g, first, ta)),
		},
		p.OwnSeed(),
		d.plan(copying(drawn, x)),
	})
}

// Step takes the point in place of the one drawn before with the probability that makes
// each as likely as another.
func (s *acclipRandom) Step(st kernels.Step) error {
	if err := s.aside.Step(st); err != nil || !drawn(s.seed, st.T) {
		return err
	}
	return s.take.Step(st)
}

// drawn is true with probability 1/t, independently of other t.
func drawn(seed uint64, t int) bool {
	w := kernels.Philox([4]uint32{uint32(t), uint32(uint64(t) >> 32)}, [2]uint32{uint32(seed), uint32(seed >> 32)})
	return (uint64(w[0])<<32|uint64(w[1]))%uint64(t) == 0
}

var _ = define("ACClip, a random one of whose points counts", "Zhang et al. 2020, arXiv:1912.03194", 1e-4,
	ACClipRandom{Beta1: 0.9, Beta2: 0.99, Eps: 1e-5, Alpha: 1.5}, ACClipRandom{Beta1: 0.5, Beta2: 0.9, Eps: 1e-5, Alpha: 1})
