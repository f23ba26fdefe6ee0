package harness

import (
	"errors"
	"fmt"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/kernels"
)

// Device returns what is known of the device of a backend that has one of its own,
// or nil.
func Device(name string) *backend.GPU {
	l, _ := backend.Lookup(name)
	return l.GPU
}

// Devices returns what is known of the devices of cases, by the names of their
// backends, with the speed of a copy on each.
func Devices(cases []Case) (map[string]record.GPU, error) {
	out := map[string]record.GPU{}
	for _, c := range cases {
		if _, ok := out[c.Backend]; ok {
			continue
		}
		g := Device(c.Backend)
		if g == nil {
			continue
		}
		speed, err := copySpeed(c.Backend, g)
		if err != nil {
			return nil, fmt.Errorf("copy on %s: %w", c.Backend, err)
		}
		out[c.Backend] = record.GPU{GPU: *g, CopyBytesPerSecond: speed}
	}
	return out, nil
}

const (
	copyRuns  = 10
	mostCopy  = 4 << 30 // bytes of an array that is copied
	copyShare = 8       // of the memory of the device, at most, that one takes
)

// copySpeed returns the bytes that a device reads and writes per second where its
// driver copies arrays beyond its cache: the best of some runs, for what a device can do is
// asked.
func copySpeed(name string, g *backend.GPU) (speed float64, err error) {
	b, err := backend.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	n := int(min(mostCopy, g.Memory/copyShare)) / 4
	var arrays [2]backend.Buffer
	for i := range arrays {
		if arrays[i], err = b.Alloc(kernels.F32, n); err != nil {
			return 0, err
		}
	}
	plan, err := b.Bind(backend.Copy{To: arrays[0], From: arrays[1]})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	from, err := b.Mark()
	if err != nil {
		return 0, err
	}
	for i := range copyRuns {
		if err := plan.Step(kernels.At(i + 1)); err != nil {
			return 0, err
		}
		to, err := b.Mark()
		if err != nil {
			return 0, err
		}
		took, err := to.Since(from)
		if err != nil {
			return 0, err
		}
		if i > 0 && took > 0 { // the first run finds nothing warm
			speed = max(speed, float64(plan.Bytes())/took.Seconds())
		}
		from = to
	}
	return speed, nil
}

// watch returns how a device is while it steps, where it can be known.
func watch(bn *bench) (*backend.Telemetry, error) {
	w, ok := bn.backend.(backend.Watcher)
	if !ok {
		return nil, nil
	}
	if _, ok := w.Telemetry(); !ok {
		return nil, nil
	}
	const steps = 64 // are queued before it is asked
	for range steps {
		c := &bn.copies[bn.next]
		bn.next = (bn.next + 1) % len(bn.copies)
		bn.t++
		if err := c.plan.Step(kernels.At(bn.t)); err != nil {
			return nil, err
		}
	}
	t, ok := w.Telemetry()
	if err := bn.backend.Sync(); err != nil || !ok {
		return nil, err
	}
	return &t, nil
}
