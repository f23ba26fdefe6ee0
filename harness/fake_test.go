package harness

import (
	"errors"
	"fmt"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/kernels"
)

// A fakeBackend computes by the definition and keeps time by a clock of its
// own, which moves only when a plan steps: what a meter makes of it is exact.
type fakeBackend struct {
	backend.Backend // cpu:go, for memory
	clock           *fakeClock
	step, stream    time.Duration     // of one step of a plan, of its stream
	wrong           func(p []float32) // what a step does to the parameters of a tensor besides
	tensor          int               // which one that is
	fail            error             // of every step
	allocs          int               // the one that fails, counted from 1; 0 for none
	bound, open     int               // plans
	touched         []int             // steps of each plan and its stream, in the order bound
	closed          bool
}

type fakeClock struct{ now time.Time }

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) advance(d time.Duration) { c.now = c.now.Add(d) }

func newFake(step, stream time.Duration) (*fakeBackend, error) {
	b, err := backend.Options{Threads: 1}.Open("cpu:go")
	return &fakeBackend{Backend: b, clock: &fakeClock{now: time.Unix(0, 0)}, step: step, stream: stream}, err
}

func (b *fakeBackend) Bind(ops ...backend.Op) (backend.Plan, error) {
	p, err := b.Backend.Bind(ops...)
	if err != nil {
		return nil, err
	}
	b.open++
	b.bound++
	b.touched = append(b.touched, 0)
	group := ops[len(ops)-1].(backend.Group)
	return &fakePlan{Plan: p, b: b, index: b.bound - 1, parameter: group.Tensors[b.tensor].Slots[0]}, nil
}

func (b *fakeBackend) Alloc(d kernels.DType, n int) (backend.Buffer, error) {
	if b.allocs--; b.allocs == 0 {
		return nil, backend.ErrMemory
	}
	return b.Backend.Alloc(d, n)
}

func (b *fakeBackend) Mark() (backend.Mark, error) { return fakeMark(b.clock.now), nil }

func (b *fakeBackend) Close() error {
	b.closed = true
	return b.Backend.Close()
}

type fakeMark time.Time

func (m fakeMark) Since(earlier backend.Mark) (time.Duration, error) {
	return time.Time(m).Sub(time.Time(earlier.(fakeMark))), nil
}

type fakePlan struct {
	backend.Plan
	b         *fakeBackend
	index     int
	parameter backend.Buffer
	isStream  bool
}

func (p *fakePlan) Step(st kernels.Step) error {
	p.b.touched[p.index]++
	if p.isStream {
		p.b.clock.advance(p.b.stream)
		return p.Plan.Step(st)
	}
	p.b.clock.advance(p.b.step)
	if p.b.fail != nil {
		return p.b.fail
	}
	if err := p.Plan.Step(st); err != nil || p.b.wrong == nil {
		return err
	}
	x := make([]float32, p.parameter.Len())
	err := backend.Get(p.parameter, x)
	p.b.wrong(x)
	return errors.Join(err, backend.Put(p.parameter, x))
}

func (p *fakePlan) Stream() (backend.Plan, error) {
	s, err := p.Plan.Stream()
	if err != nil {
		return nil, err
	}
	p.b.open++
	return &fakePlan{Plan: s, b: p.b, index: p.index, isStream: true}, nil
}

func (p *fakePlan) Close() error {
	p.b.open--
	return p.Plan.Close()
}

// meter returns a meter whose backend is the fake.
func (b *fakeBackend) meter(lastCache int) *Meter {
	return &Meter{
		Profile:    Profile{Name: "test", Target: 0.01, Time: time.Second, Warmup: 10 * time.Millisecond},
		Run:        "run",
		Seed:       1,
		LastCache:  lastCache,
		CoreToCore: func(int) float64 { return 25 },
		CPUTime:    func() machine.CPUTime { return machine.CPUTime{} },
		Clock:      b.clock,
		Open: func(name string, threads int) (backend.Backend, error) {
			if name != "fake" || threads != 1 {
				return nil, fmt.Errorf("open %s with %d threads", name, threads)
			}
			return b, nil
		},
	}
}
