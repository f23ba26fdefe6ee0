// Package harness measures how fast updates run: every figure verified against
// the definition in the same process, and beside it the share of the physical
// limit that was measured in the same run.
package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/sample"
	"github.com/optbench/optbench/kernels"
)

// A Case is a point in the space of axes.
type Case = record.Case

// Cache states of a case.
const (
	Hot  = "hot"  // the same arrays step after step
	Cold = "cold" // arrays that have left the last cache since their last step
)

// A Profile says how long to measure a case.
type Profile struct {
	Name   string
	Target float64       // half-width of the 95 % interval of the median, as a share of it
	Time   time.Duration // sampling ends here at the latest
	Warmup time.Duration
}

// Profiles lists them from short to long.
var Profiles = []Profile{
	{Name: "quick", Target: 0.01, Time: 700 * time.Millisecond, Warmup: 40 * time.Millisecond},
	{Name: "standard", Target: 0.005, Time: 5 * time.Second, Warmup: 200 * time.Millisecond},
	{Name: "rigorous", Target: 0.002, Time: 30 * time.Second, Warmup: 500 * time.Millisecond},
}

// FindProfile returns the profile of that name.
func FindProfile(name string) (Profile, error) {
	for _, p := range Profiles {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, Unknown("profile", name, ProfileNames())
}

// ProfileNames lists the names of [Profiles].
func ProfileNames() []string {
	var names []string
	for _, p := range Profiles {
		names = append(names, p.Name)
	}
	return names
}

const (
	minSamples    = 10
	maxSamples    = 2000
	minSampleTime = time.Millisecond

	// A share of the limit above these, in memory and in a cache, says that
	// something is wrong: the case is measured again, and flagged if it stays.
	impossible = 1.03
	unlikely   = 1.25
	// maxSteal is the percentage of time taken by a hypervisor that is noted.
	maxSteal = 1
	// coldFactor is how many times the last cache the copies of a cold case
	// take together, so that each has left it when its turn comes.
	coldFactor = 4
	maxCopies  = 20_000
)

// ErrVerify is the error of a plan that computes another result than the
// definition.
var ErrVerify = errors.New("verification failed")

// A Meter measures cases on this machine.
type Meter struct {
	Profile Profile
	Run     string // ID of the run that the records belong to
	Seed    uint64
	// LastCache is the size in bytes of the largest cache, from which cold is
	// judged.
	LastCache int
	// Plant is more work than the update has, as a share of it: what a self-test
	// wants to find.
	Plant float64
	// Open opens a backend; tests put in one of their own.
	Open func(name string, threads int) (backend.Backend, error)
	// CoreToCore returns the latency between two cores in ns, which changes where
	// a virtual machine's cores move, and CPUTime what the machine has spent, from
	// which follows what a hypervisor took; tests put in ones of their own.
	CoreToCore func(threads int) float64
	CPUTime    func() machine.CPUTime
	// Clock paces sampling; nil is real time.
	Clock interface{ Now() time.Time }
}

// NewMeter returns a meter for the machine at hand.
func NewMeter(p Profile, run string, seed uint64, env machine.Environment) *Meter {
	return &Meter{
		Profile: p, Run: run, Seed: seed, LastCache: LastCache(env),
		Open: func(name string, threads int) (backend.Backend, error) {
			return backend.Options{Threads: threads}.Open(name)
		},
		CPUTime:    machine.Snapshot,
		CoreToCore: func(threads int) float64 { return float64(machine.CoreToCore(threads)) },
	}
}

// LastCache returns the size in bytes of the largest caches that the cores have
// together: threads hold their shares of an array each in their own. It is 32 MiB
// where it is unknown.
func LastCache(env machine.Environment) int {
	if n := max(env.Caches.L3*max(1, env.Caches.L3Instances), env.Caches.L2); n > 0 {
		return n
	}
	return 32 << 20
}

// form returns the kernel of a case over its types.
func form(c Case) (*kernels.Stored, error) {
	u, err := kernels.Parse(c.Update)
	if err != nil {
		return nil, err
	}
	s := kernels.FindStorage(c.DType)
	if s == nil {
		return nil, Unknown("dtype", c.DType, storageNames())
	}
	f, ok := u.Kernel().In(s)
	if !ok {
		return nil, fmt.Errorf("%s is not stored as %s, for it would round in the middle of a norm", u.Name(), c.DType)
	}
	return f, nil
}

// Footprint returns the bytes of all arrays of one copy of a case.
func Footprint(c Case) (int64, error) {
	f, err := form(c)
	if err != nil {
		return 0, err
	}
	elements := 0
	if c.Model == "" {
		if err := checkTensors(c); err != nil {
			return 0, err
		}
		short, long := c.N/c.Tensors, c.N%c.Tensors // the long ones have one element more
		elements = long*padded(f, short+1) + (c.Tensors-long)*padded(f, short)
	} else {
		sizes, err := Shapes(c)
		if err != nil {
			return 0, err
		}
		for _, n := range sizes {
			elements += padded(f, n)
		}
	}
	total := int64(0)
	for _, d := range f.Types {
		total += int64(d.Bytes(elements))
	}
	return total, nil
}

// Need returns the bytes that measuring a case takes: all its copies, and what
// keeps track of their tensors. It is an error if a case is too small to be cold.
func (m *Meter) Need(c Case) (int64, error) {
	const perTensor = 2 << 10
	one, err := Footprint(c)
	if err != nil {
		return 0, err
	}
	copies := m.copies(c, one)
	if copies > maxCopies {
		return 0, fmt.Errorf("%s at n=%d is too small to be cold: it takes %d copies to exceed the caches, want at most %d", c.Update, c.N, copies, maxCopies)
	}
	return int64(copies) * (one + perTensor*int64(c.Tensors)), nil
}

// copies returns how many copies of a case are stepped in turn.
func (m *Meter) copies(c Case, footprint int64) int {
	if c.Cache == Hot {
		return 1
	}
	return int(max(1, (coldFactor*int64(m.lastCache(c))+footprint-1)/footprint))
}

// lastCache returns the size in bytes of the largest cache that a case meets.
func (m *Meter) lastCache(c Case) int {
	if g := Device(c.Backend); g != nil {
		return g.L2
	}
	return m.LastCache
}

// Measure verifies, warms up and samples one case. When ctx is done it returns
// its error and no record.
func (m *Meter) Measure(ctx context.Context, c Case) (*record.Throughput, error) {
	t, err := m.measure(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%s, n=%d: %w", c.Update, c.N, err)
	}
	return t, nil
}

func (m *Meter) measure(ctx context.Context, c Case) (_ *record.Throughput, err error) {
	u, err := kernels.Parse(c.Update)
	if err != nil {
		return nil, err
	}
	sizes, err := Shapes(c)
	if err != nil {
		return nil, err
	}
	footprint, err := Footprint(c)
	if err != nil {
		return nil, err
	}
	b, err := m.Open(c.Backend, c.Threads)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	bn, err := newBench(b, u, c, sizes, m.copies(c, footprint), m.Plant)
	defer func() { err = errors.Join(err, bn.close()) }()
	if err != nil {
		return nil, err
	}
	for i := range bn.copies {
		if err := bn.verify(&bn.copies[i], c.Clip); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrVerify, err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}

	before := m.CPUTime()
	plan := bn.copies[0].plan
	t := &record.Throughput{
		Schema: record.Schema, Kind: record.KindThroughput, Run: m.Run, Case: c,
		Kernel: plan.Kernels()[0], Bytes: plan.Bytes(), Verified: true, CoreToCoreNS: m.CoreToCore(c.Threads),
	}
	most := unlikely
	if footprint*int64(len(bn.copies)) >= coldFactor*int64(m.lastCache(c)) {
		most = impossible
	}
	for attempt := 1; ; attempt++ {
		if err := m.sample(ctx, bn, c, t); err != nil {
			return nil, err
		}
		if t.LimitShare <= most {
			break
		}
		if attempt == 2 {
			t.Warnings = append(t.Warnings, fmt.Sprintf(
				"share of the limit %.3f, more than there is, twice: the machine was not steady", t.LimitShare))
			break
		}
	}
	if m.Plant > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%.3g %% more work was planted", 100*m.Plant))
	}
	if steal := machine.Steal(before, m.CPUTime()); steal > maxSteal {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%.1f %% of the time went to other virtual machines", steal))
	}
	if t.Telemetry, err = watch(bn); err != nil {
		return nil, err
	}
	if t.Telemetry != nil && len(t.Telemetry.Slowed) > 0 {
		t.Warnings = append(t.Warnings, "the device was slowed by "+strings.Join(t.Telemetry.Slowed, ", "))
	}
	if err := bn.checkFinite(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerify, err)
	}
	return t, nil
}

// sample measures the plan and its stream, interleaved, and fills in the record.
func (m *Meter) sample(ctx context.Context, bn *bench, c Case, t *record.Throughput) error {
	cfg := sample.Config{
		TargetCI: m.Profile.Target, MaxTime: m.Profile.Time, WarmupTime: m.Profile.Warmup,
		MinSamples: minSamples, MaxSamples: maxSamples, MinSampleTime: minSampleTime,
		Seed: m.Seed, Clock: m.Clock,
	}
	if c.Cache == Cold {
		// Every step of a sample finds its arrays cold, for the copies take turns.
		cfg.MaxReps = len(bn.copies)
	}
	series, stop, err := sample.Measure(ctx, cfg, bn, limit{bn})
	if err != nil {
		return err
	}
	step, stream := series[0], series[1]
	s, l := step.Summary(), stream.Summary()
	t.Samples, t.LimitSamples = step.Seconds, stream.Seconds
	t.Median, t.CI95 = s.Median, [2]float64{s.Lo, s.Hi}
	t.LimitBytesPerSecond = float64(t.Bytes) / l.Median
	t.LimitShare, t.LimitShareCI95[0], t.LimitShareCI95[1] = sample.Ratio(stream, step)
	t.NSPerParam = 1e9 * s.Median / float64(c.N)
	t.Stop = string(stop)
	return nil
}
