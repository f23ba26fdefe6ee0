package method

import (
	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// SGDRestart is stochastic gradient descent that begins anew whenever it has left a ball
// about its start, and else gives out the average of its points (Fang, Lin, Zhang 2019,
// arXiv:1902.00247):
//
//	p -= lr * (g + xi)
//	if p is more than radius from the start: the start is p
//	after so many steps from the same start: the average of p before them is given out
//
// with lr of order eps^1.5, a radius of order sqrt(eps) and steps of order eps^-2. The
// noise xi, uniform in a ball of radius Noise, is for gradients whose own is not
// dispersive; 0 is for none. The paper ends with the average; a run goes on, and takes it
// for the next start. Values are those at the average of the points since the start. Each
// step waits for the distance.
type SGDRestart struct {
	Radius float64 `json:"radius" range:"(0,inf)"`
	Steps  int     `json:"steps" range:"[1,inf)"`
	Noise  float64 `json:"noise" range:"[0,inf)"`
}

func (SGDRestart) Name() string                       { return "sgd-restart" }
func (SGDRestart) Room(s problem.Spec) (int64, error) { return room(s, 3) }

type sgdRestart struct {
	SGDRestart
	aside
	begun    *counter // the steps before the start
	before   int      // the same, as the step at hand has it
	distance *number  // its square
	leave    *plan    // makes the point the start
	settle   *plan    // makes the average the point
}

func (m SGDRestart) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g, way, mean := d.vector(), d.kept(), d.keptCopy()
	s := &sgdRestart{SGDRestart: m, begun: d.counter(), distance: d.number()}
	s.aside = aside{device: d, at: d.gradient(x, g), out: d.exact(mean, g)}
	weight := func(st kernels.Step) float64 { return 1 / float64(st.T-s.before) }
	ops := []backend.Op{averaging(mean, x, weight), d.descent(x, g), d.descent(way, g), squaredNorm(way, s.distance)}
	if m.Noise > 0 {
		ops = append([]backend.Op{d.perturbing(g, "ball", m.Noise)}, ops...)
	}
	s.move = d.plan(ops...)
	s.leave = d.plan(mixing(way, x, func(kernels.Step) (float64, float64) { return 0, 0 }))
	s.settle = d.plan(copying(x, mean))
	return d.ready(s)
}

func (s *sgdRestart) Step(st kernels.Step) (err error) {
	if s.before, err = s.begun.get(); err != nil {
		return err
	}
	if err := s.aside.Step(st); err != nil {
		return err
	}
	square, err := s.distance.read()
	if err != nil {
		return err
	}
	left := square > s.Radius*s.Radius
	if !left && st.T-s.before < s.Steps {
		return nil
	}
	if !left {
		if err := s.settle.Step(st); err != nil {
			return err
		}
	}
	if err := s.leave.Step(st); err != nil {
		return err
	}
	return s.begun.set(st.T)
}

var _ = define("gradient descent, restarted outside a ball, and averaged in one", "Fang, Lin, Zhang 2019, arXiv:1902.00247", 1e-2,
	SGDRestart{Radius: 0.1, Steps: 1000}, SGDRestart{Radius: 0.5, Steps: 20, Noise: 0.1})
