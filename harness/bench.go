package harness

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// A bench is a case made ready: arrays filled, plans bound. It holds several
// copies where one would stay in the cache.
type bench struct {
	backend backend.Backend
	update  kernels.Update
	dtype   kernels.DType
	sizes   []int
	copies  []benchCopy
	plant   plant
	next    int // the copy that steps next
	t       int // steps taken
}

// A plant is more work in the region that is timed: after every so many steps,
// another of a part of the same arrays. A part of a small case is stepped seldom
// but is large, for a step has a cost of its own.
type plant struct {
	every int     // 0: none
	share float64 // of each tensor
	since int     // steps
}

func newPlant(work float64, n int) plant {
	if work == 0 {
		return plant{}
	}
	const apart = 1 << 19 // elements that a sample of a millisecond comes through
	if every := int(math.Round(1 / work)); every*n <= 2*apart {
		return plant{every: every, share: min(1, work*float64(every))}
	}
	p := plant{every: 1, share: work}
	for 2*p.share <= 1 && 2*p.every*n <= apart {
		p.every, p.share = 2*p.every, 2*p.share
	}
	return p
}

type benchCopy struct {
	slots        []backend.Buffer // one array per slot, tensors side by side
	tensors      []backend.Tensor
	plan, stream backend.Plan
	planted      backend.Plan // nil where nothing is
}

// newBench allocates, binds and fills n copies of a case. Where it fails, the
// bench holds what was made until then, for close.
func newBench(b backend.Backend, u kernels.Update, c Case, sizes []int, copies int, work float64) (*bench, error) {
	bn := &bench{backend: b, update: u, dtype: dtypes[c.DType], sizes: sizes, plant: newPlant(work, c.N)}
	for range copies {
		if err := bn.add(c); err != nil {
			return bn, err
		}
	}
	return bn, nil
}

// tensorAlign is where tensors start within their arrays, in elements: what
// frameworks give each tensor.
const tensorAlign = 16

func (bn *bench) add(c Case) error {
	var total int
	for _, n := range bn.sizes {
		total += roundUp(n, tensorAlign)
	}
	cp := benchCopy{tensors: make([]backend.Tensor, len(bn.sizes))}
	for _, slot := range bn.update.Kernel().Slots {
		array, err := bn.backend.Alloc(bn.dtype, total)
		if err != nil {
			return fmt.Errorf("slot %s: %w", slot.Name, err)
		}
		cp.slots = append(cp.slots, array)
		at := 0
		for i, n := range bn.sizes {
			cp.tensors[i].Slots = append(cp.tensors[i].Slots, array.Slice(at, at+n))
			at += roundUp(n, tensorAlign)
		}
	}
	var err error
	if cp.plan, err = bn.bind(c, cp.tensors); err != nil {
		return err
	}
	cp.stream, err = cp.plan.Stream()
	if err == nil && bn.plant.every > 0 {
		cp.planted, err = bn.bind(c, bn.plant.cut(cp.tensors))
	}
	bn.copies = append(bn.copies, cp) // close finds what there is
	if err != nil {
		return err
	}
	for k, slot := range bn.update.Kernel().Slots {
		if err := fill(cp.slots[k], slot, uint64(k)); err != nil {
			return fmt.Errorf("slot %s: %w", slot.Name, err)
		}
	}
	return nil
}

// bind binds the update of a case to tensors.
func (bn *bench) bind(c Case, tensors []backend.Tensor) (backend.Plan, error) {
	group := backend.Group{Update: bn.update, Tensors: tensors}
	ops := []backend.Op{group}
	if c.Clip > 0 {
		var err error
		if ops, err = backend.ClipGlobalNorm(bn.backend, c.Clip, group); err != nil {
			return nil, err
		}
	}
	return bn.backend.Bind(ops...)
}

// cut returns the part of every tensor that is stepped again.
func (p plant) cut(tensors []backend.Tensor) []backend.Tensor {
	out := make([]backend.Tensor, len(tensors))
	for i, t := range tensors {
		for _, s := range t.Slots {
			n := int(math.Round(p.share * float64(s.Len())))
			out[i].Slots = append(out[i].Slots, s.Slice(0, min(max(n, 1), s.Len())))
		}
	}
	return out
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// fill writes numbers such as training has: parameters and gradients of either
// sign, second moments and thresholds positive. A block of them is repeated; its
// length is odd, so that no page repeats another.
func fill(b backend.Buffer, slot kernels.Slot, seed uint64) error {
	const block = 1<<18 - 5
	rng := rand.New(rand.NewPCG(seed, uint64(slot.Role)))
	values := make([]float64, min(block, b.Len()))
	for i := range values {
		x := rng.NormFloat64() / 8
		if slot.Role == kernels.SecondMoment || slot.Role == kernels.Threshold {
			x = x*x + 1e-6
		}
		values[i] = x
	}
	if b.DType() == kernels.F64 {
		return repeat(b, values)
	}
	narrow := make([]float32, len(values))
	for i, x := range values {
		narrow[i] = float32(x)
	}
	return repeat(b, narrow)
}

func repeat[T kernels.Real](b backend.Buffer, values []T) error {
	for i := 0; i < b.Len(); i += len(values) {
		part := values[:min(len(values), b.Len()-i)]
		if err := backend.Put(b.Slice(i, i+len(part)), part); err != nil {
			return err
		}
	}
	return nil
}

// Run steps the copies in turn: bench is the [sample.Subject] of its plans.
func (bn *bench) Run(reps int) (time.Duration, error) {
	return bn.run(reps, func(c *benchCopy, st kernels.Step) error {
		if err := c.plan.Step(st); err != nil || bn.plant.every == 0 {
			return err
		}
		if bn.plant.since++; bn.plant.since < bn.plant.every {
			return nil
		}
		bn.plant.since = 0
		return c.planted.Step(st)
	})
}

// limit is the subject of the streams of a bench.
type limit struct{ *bench }

func (l limit) Run(reps int) (time.Duration, error) {
	return l.run(reps, func(c *benchCopy, st kernels.Step) error { return c.stream.Step(st) })
}

func (bn *bench) run(reps int, step func(*benchCopy, kernels.Step) error) (time.Duration, error) {
	runtime.LockOSThread() // the caller is the first worker
	defer runtime.UnlockOSThread()
	if err := bn.backend.Sync(); err != nil {
		return 0, err
	}
	from, err := bn.backend.Mark()
	if err != nil {
		return 0, err
	}
	for range reps {
		c := &bn.copies[bn.next]
		bn.next = (bn.next + 1) % len(bn.copies)
		bn.t++
		if err := step(c, kernels.At(bn.t)); err != nil {
			return 0, err
		}
	}
	to, err := bn.backend.Mark()
	if err != nil {
		return 0, err
	}
	return to.Since(from)
}

// close gives everything back, the first error kept.
func (bn *bench) close() error {
	var first error
	keep := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	for _, c := range bn.copies {
		if c.planted != nil {
			keep(c.planted.Close())
		}
		if c.stream != nil {
			keep(c.stream.Close())
		}
		if c.plan != nil {
			keep(c.plan.Close())
		}
		for _, s := range c.slots {
			keep(s.Free())
		}
	}
	return first
}

// checkFinite looks at the first unit of every array after the measurement:
// numbers that are none change the speed.
func (bn *bench) checkFinite() error {
	for _, c := range bn.copies {
		for k, slot := range bn.update.Kernel().Slots {
			n := min(c.slots[k].Len(), kernels.Unit)
			x, err := read(c.slots[k].Slice(0, n))
			if err != nil {
				return err
			}
			for i, v := range x {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fmt.Errorf("after %d steps element %d of %s is %v: the timing is of numbers that no training has", bn.t, i, slot.Name, v)
				}
			}
		}
	}
	return nil
}

// read returns the elements of a buffer of either type.
func read(b backend.Buffer) ([]float64, error) {
	if b.DType() == kernels.F64 {
		x := make([]float64, b.Len())
		return x, backend.Get(b, x)
	}
	narrow := make([]float32, b.Len())
	if err := backend.Get(b, narrow); err != nil {
		return nil, err
	}
	x := make([]float64, len(narrow))
	for i, v := range narrow {
		x[i] = float64(v)
	}
	return x, nil
}
