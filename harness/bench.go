package harness

import (
	"encoding/binary"
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
	form    *kernels.Stored
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
	arrays       []backend.Buffer // of the form, tensors side by side
	tensors      []backend.Tensor
	plan, stream backend.Plan
	planted      backend.Plan // nil where nothing is
}

// newBench allocates, binds and fills n copies of a case. Where it fails, the
// bench holds what was made until then, for close.
func newBench(b backend.Backend, u kernels.Update, c Case, sizes []int, copies int, work float64) (*bench, error) {
	f, err := form(c)
	bn := &bench{backend: b, update: u, form: f, sizes: sizes, plant: newPlant(work, c.N)}
	if err != nil {
		return bn, err
	}
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

// padded returns how many elements a tensor of n takes in its arrays.
func padded(f *kernels.Stored, n int) int { return roundUp(n, max(tensorAlign, f.Grain())) }

func (bn *bench) add(c Case) error {
	var total int
	for _, n := range bn.sizes {
		total += padded(bn.form, n)
	}
	cp := benchCopy{tensors: make([]backend.Tensor, len(bn.sizes))}
	for k, d := range bn.form.Types {
		array, err := bn.backend.Alloc(d, total)
		if err != nil {
			return fmt.Errorf("slot %s: %w", bn.form.ArrayName(k), err)
		}
		cp.arrays = append(cp.arrays, array)
		at := 0
		for i, n := range bn.sizes {
			cp.tensors[i].Slots = append(cp.tensors[i].Slots, array.Slice(at, at+n))
			at += padded(bn.form, n)
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
	for k := range bn.form.Types {
		if err := fill(cp.arrays[k], bn.form.ArrayRole(k), uint64(k)); err != nil {
			return fmt.Errorf("slot %s: %w", bn.form.ArrayName(k), err)
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
// sign, second moments and thresholds positive. A part of them is repeated; its
// length is odd, so that no page repeats another, or odd in blocks.
func fill(b backend.Buffer, role kernels.Role, seed uint64) error {
	part := (1<<10 - 5) * kernels.Block
	if b.DType().Grain() == 1 {
		part -= 5
	}
	rng := rand.New(rand.NewPCG(seed, uint64(role)))
	values := make([]float64, min(part, b.Len()))
	for i := range values {
		x := rng.NormFloat64() / 8
		if role == kernels.SecondMoment || role == kernels.Threshold {
			x = x*x + 1e-6
		}
		values[i] = x
	}
	raw, err := encode(b.DType(), values)
	if err != nil {
		return err
	}
	for i := 0; i < b.Len(); i += len(values) {
		n := min(len(values), b.Len()-i)
		if err := b.Slice(i, i+n).Write(raw[:b.DType().Bytes(n)]); err != nil {
			return err
		}
	}
	return nil
}

// encode returns values as an array of the type.
func encode(d kernels.DType, values []float64) ([]byte, error) {
	raw := make([]byte, d.Bytes(len(values)))
	if d == kernels.F64 {
		_, err := binary.Encode(raw, binary.NativeEndian, values)
		return raw, err
	}
	narrow := make([]float32, len(values))
	for i, x := range values {
		narrow[i] = float32(x)
	}
	d.Encode(raw, narrow)
	return raw, nil
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
		for _, a := range c.arrays {
			keep(a.Free())
		}
	}
	return first
}

// checkFinite looks at the first unit of every array after the measurement:
// numbers that are none change the speed.
func (bn *bench) checkFinite() error {
	for _, c := range bn.copies {
		for k, array := range c.arrays {
			x, err := read[float64](array.Slice(0, min(array.Len(), kernels.Unit)))
			if err != nil {
				return err
			}
			for i, v := range x {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fmt.Errorf("after %d steps element %d of %s is %v: the timing is of numbers that no training has", bn.t, i, bn.form.ArrayName(k), v)
				}
			}
		}
	}
	return nil
}

// read returns the elements of a buffer of any type.
func read[T kernels.Real](b backend.Buffer) ([]T, error) {
	x := make([]T, b.Len())
	raw := make([]byte, b.DType().Bytes(b.Len()))
	if err := b.Read(raw); err != nil {
		return nil, err
	}
	if b.DType() == kernels.F64 {
		wide := make([]float64, b.Len())
		if _, err := binary.Decode(raw, binary.NativeEndian, wide); err != nil {
			return nil, err
		}
		for i, v := range wide {
			x[i] = T(v)
		}
		return x, nil
	}
	narrow := make([]float32, b.Len())
	b.DType().Decode(narrow, raw)
	for i, v := range narrow {
		x[i] = T(v)
	}
	return x, nil
}
