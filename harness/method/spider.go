package method

import (
	"fmt"
	"math"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// Spider is SPIDER-SFO (Fang, Li, Lin, Zhang 2018, arXiv:1807.01695): an estimate of the
// gradient that is kept up by differences between two points of gradients of the same
// samples.
//
//	every q steps  v  = g(p), over S1 samples
//	else           v += g(p) - g(p of the step before), over the same S2 samples
//	p -= min(lr, 2*Eps*lr/|v|) * v
//
// With lr = 1/(2*L*N0), and for gradients of size Eps from ones with noise of variance
// Sigma^2, the theorem asks for
//
//	S1 = 2*Sigma^2/Eps^2    S2 = 2*Sigma/(Eps*N0)    q = Sigma*N0/Eps
//
// rounded up; N0 is from 1 to 2*Sigma/Eps. Batches are its own, not those of the task,
// and every sample's gradient counts. The same samples at both points are possible
// because noise and batches follow from seed and step. Where |v| is not finite the step
// is skipped.
type Spider struct {
	Eps   float64 `json:"eps" range:"(0,inf)"`
	Sigma float64 `json:"sigma" range:"(0,inf)"`
	N0    float64 `json:"n0" range:"[1,inf)"`
}

func (Spider) Name() string { return "spider" }

// sizes returns both sizes of batches, and the period.
func (m Spider) sizes() (large, small, period int, err error) {
	ratio := m.Sigma / m.Eps
	if ratio > 1e4 {
		return 0, 0, 0, fmt.Errorf("sigma/eps is %.3g, which takes batches of %.2g samples, want at most 1e4", ratio, 2*ratio*ratio)
	}
	if m.N0 > 2*ratio {
		return 0, 0, 0, fmt.Errorf("n0 is %v, want at most 2*sigma/eps, %v", m.N0, 2*ratio)
	}
	return int(math.Ceil(2 * ratio * ratio)), int(math.Ceil(2 * ratio / m.N0)), int(math.Ceil(ratio * m.N0)), nil
}

func (m Spider) Room(s problem.Spec) (int64, error) {
	large, _, _, err := m.sizes()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", m.Name(), err)
	}
	if s.Noise != "" {
		s.Batch = large
		if err := problem.Check(s); err != nil {
			return 0, fmt.Errorf("%s: %w", m.Name(), err)
		}
	}
	return room(s, 4)
}

type spider struct {
	*device
	period             int
	whole, here, there *gradient
	update, move       *plan
	at                 *gradient // of the last evaluation
}

func (m Spider) Start(p *problem.Problem, x problem.Vector, lr float64) (Stepper, error) {
	d := newDevice(m, p, x, lr)
	large, small, period, _ := m.sizes() // newDevice keeps the error
	v, g, h, last := d.kept(), d.vector(), d.vector(), d.keptCopy()
	return d.ready(&spider{
		device: d,
		period: period,
		whole:  d.batched(x, v, large),
		here:   d.batched(x, g, small),
		there:  d.batched(last, h, small),
		update: d.plan(adding(g, h, -1), adding(v, g, 1)),
		move:   d.plan(copying(last, x), update(kernels.ClippedGD{LR: lr, MaxNorm: 2 * m.Eps}, x, v)),
	})
}

// Evaluate replaces v only where the step begins with a new one.
func (s *spider) Evaluate(st kernels.Step) error {
	s.at = s.here
	if (st.T-1)%s.period == 0 {
		s.at = s.whole
	}
	return s.at.Step(st)
}

func (s *spider) Value() (float64, error) { return s.at.Value() }

func (s *spider) Step(st kernels.Step) error {
	if s.at == s.here {
		if err := s.there.Step(st); err != nil {
			return err
		}
		if err := s.update.Step(st); err != nil {
			return err
		}
	}
	return s.move.Step(st)
}

var _ = define("SPIDER: gradients kept up by differences over the same samples", "Fang, Li, Lin, Zhang 2018, arXiv:1807.01695", 1e-2,
	Spider{Eps: 0.1, Sigma: 1, N0: 1}, Spider{Eps: 0.5, Sigma: 1, N0: 2})
