package method

import (
	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// SaddleNGD is normalized gradient descent with noise now and then (Levy 2016,
// arXiv:1611.04831, Saddle-NGD):
//
//	p -= lr * g/|g|
//	p += xi, every so many steps, uniform in the ball of that radius or N(0, radius^2/d)
//
// Near a saddle its steps are as long as anywhere; at one, where g is 0, it is the noise
// that leads away. Where |g| is not finite the step is skipped.
type SaddleNGD struct {
	Radius float64 `json:"radius" range:"[0,inf)"`
	Law    string  `json:"law" range:"ball|gaussian"`
	Every  int     `json:"every" range:"[1,inf)"`
}

func (SaddleNGD) Name() string                       { return "saddle-ngd" }
func (SaddleNGD) Room(s problem.Spec) (int64, error) { return room(s, 1) }

type saddleNGD struct {
	SaddleNGD
	stepping
	kick *plan
}

func (m SaddleNGD) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	g := d.vector()
	return d.ready(&saddleNGD{m,
		stepping{d, d.gradient(x, g), d.plan(update(kernels.NormalizedGD{LR: lr}, x, g))},
		d.plan(d.perturbing(x, m.Law, m.Radius))})
}

func (s *saddleNGD) Step(st kernels.Step) error {
	if err := s.move.Step(st); err != nil || st.T%s.Every != 0 {
		return err
	}
	return s.kick.Step(st)
}

var _ = define("normalized gradient descent with noise now and then", "Levy 2016, arXiv:1611.04831", 1e-2,
	SaddleNGD{Radius: 1e-2, Law: "ball", Every: 10}, SaddleNGD{Radius: 0.1, Law: "gaussian", Every: 1})
