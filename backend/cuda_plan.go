//go:build cuda && linux && (amd64 || arm64)

package backend

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/optbench/optbench/kernels"
	"github.com/optbench/optbench/kernels/cuda"
)

// A cudaPlan is a list of launches, in the order of the ops: the stream keeps it.
type cudaPlan struct {
	backend  *cudaBackend
	kernels  []string
	bytes    int64
	bound    []*cudaBound
	launches []cudaLaunch
	users    []*allocation // what the plan keeps from being freed
	memory   []uintptr     // of its own, on the device

	// The constants of a step, one set for each of sources, go down in one copy.
	// There is room for as many steps as the ring has.
	sources []func(*kernels.Coef, kernels.Step)
	host    []kernels.Coef
	coefs   uintptr
	steps   int

	step   kernels.Step // the one under way
	run    func() error // enqueues it
	ran    bool         // it is among those of the backend that did
	closed bool
}

// A cudaBound is a kernel over tensors, with its memory.
type cudaBound struct {
	*cuda.Bound
	name  string  // "lamb"
	work  uintptr // what the kernel keeps
	table uintptr
}

// A cudaLaunch is a launch of every step, or a copy by the driver.
type cudaLaunch struct {
	name     string
	function cu.Function
	grid     int
	block    int
	source   int            // of its constants
	factors  []cu.DevicePtr // where the constants from the second on are, instead
	args     [2]uint64
	pointers [2]unsafe.Pointer // to args

	to, from cu.DevicePtr
	copied   int64 // bytes; 0 for a launch
}

const coefBytes = cuda.CoefBytes

// Tests lower both, for results depend on neither.
var (
	mostBlocks        = math.MaxInt // of a launch
	patience   uint64 = 0           // of barriers; 0 for some seconds
)

// load returns an entry of a kernel's module, for the owner of the context.
func (b *cudaBackend) load(module, entry string, block int) (cudaEntry, error) {
	if e, ok := b.entries[entry]; ok {
		return e, nil
	}
	m, ok := b.modules[module]
	if !ok {
		text, err := cuda.PTX(module)
		if err != nil {
			return cudaEntry{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		if m, err = cu.LoadData(text); err != nil {
			return cudaEntry{}, fmt.Errorf("%s: %w", module, driver("cuModuleLoadData", err))
		}
		b.modules[module] = m
	}
	var e cudaEntry
	var err error
	if e.function, err = m.Function(entry); err != nil {
		return e, fmt.Errorf("%s: %w", entry, driver("cuModuleGetFunction", err))
	}
	each, err := e.function.MaxActiveBlocksPerMultiProcessor(block, 0)
	if err != nil {
		return e, fmt.Errorf("%s: %w", entry, driver("cuOccupancyMaxActiveBlocksPerMultiprocessor", err))
	}
	e.resident = each * b.info.GPU.Multiprocessors
	b.entries[entry] = e
	return e, nil
}

func (b *cudaBackend) Bind(ops ...Op) (Plan, error) {
	if b.closed {
		return nil, fmt.Errorf("bind: %s: %w", b.info.Name, ErrClosed)
	}
	p := &cudaPlan{backend: b}
	p.run = p.enqueue
	check := &binder{device: b, seen: map[*allocation]bool{}}
	for i, op := range ops {
		checked, err := check.check(i, op)
		if err == nil {
			err = b.do(func() error { return p.add(checked) })
			if err != nil {
				err = fmt.Errorf("bind: op %d: %w", i, err)
			}
		}
		if err != nil {
			return nil, errors.Join(err, b.do(p.release))
		}
	}
	if err := b.do(p.ready); err != nil {
		return nil, errors.Join(fmt.Errorf("bind: %w", err), b.do(p.release))
	}
	p.hold(check.users)
	return p, nil
}

// hold keeps allocations from being freed while the plan is open.
func (p *cudaPlan) hold(users []*allocation) {
	p.users = users
	for _, a := range users {
		a.plans++
	}
	p.backend.plans++
}

// add adds an op that was checked, for the owner of the context.
func (p *cudaPlan) add(checked any) error {
	switch c := checked.(type) {
	case *checkedGroup:
		return p.group(c)
	case *checkedNorm:
		source := p.source(func(c *kernels.Coef, st kernels.Step) { c[kernels.CoefGrad] = st.GradScale })
		return p.norm(c.tensors, 0, source, cuda.Options{Out: uint64(c.out.at)})
	case *checkedLoop:
		if c.tensor.form.Kernel == kernels.Copying {
			return p.copied(c.tensor)
		}
		return p.loop(c)
	case *checkedMap:
		var in []uint64
		for _, x := range c.in {
			in = append(in, uint64(x.at))
		}
		return p.scalarMap(c.Map, in, uint64(c.out.at))
	}
	return nil
}

// source adds what makes a set of constants, and returns its number.
func (p *cudaPlan) source(f func(*kernels.Coef, kernels.Step)) int {
	p.sources = append(p.sources, f)
	return len(p.sources) - 1
}

func (p *cudaPlan) group(c *checkedGroup) error {
	source := p.source(func(to *kernels.Coef, st kernels.Step) { *to = c.Update.Coef(st) })
	var o cuda.Options
	if c.scale != nil {
		o.Scale[0] = uint64(c.scale.at)
	}
	if c.norm != nil {
		scalars, err := p.alloc(16)
		if err != nil {
			return err
		}
		sum, factor := uint64(scalars), uint64(scalars)+8
		if err := p.norm(c.tensors, 1, source, cuda.Options{Scale: o.Scale, Out: sum}); err != nil {
			return err
		}
		if err := p.scalarMap(c.norm, []uint64{sum}, factor); err != nil {
			return err
		}
		o.Scale[1] = factor
	}
	// All tensors count where the group is skipped, also those that are joined.
	o.Tensors = len(c.tensors)
	if c.form.Scalar == nil {
		p.kernels = append(p.kernels, p.kernelName(cuda.Entry(c.form, "")))
		return p.bind(c.form, coalesce(c.tensors), source, o)
	}
	// What stays in the cache between its passes is read once.
	var small, large []tensor
	o.CacheBytes = int64(p.backend.info.GPU.L2) * cacheShare / 100
	meets, err := p.backend.meets(c.form)
	if err != nil {
		return err
	}
	for _, t := range c.tensors {
		if meets && cuda.Fits(c.form, int64(t.n), o.CacheBytes) {
			small = append(small, t)
		} else {
			large = append(large, t)
		}
	}
	var names []string
	if len(small) > 0 {
		o.Form, o.Tensors = cuda.Persistent, len(small)
		names = append(names, p.kernelName(cuda.Entry(c.form, "group")))
		if err := p.bind(c.form, small, source, o); err != nil {
			return err
		}
	}
	if len(large) > 0 || len(small) == 0 {
		o.Form, o.Tensors = cuda.Passes, len(large)
		names = append(names, p.kernelName(cuda.Entry(c.form, "")))
		if err := p.bind(c.form, large, source, o); err != nil {
			return err
		}
	}
	p.kernels = append(p.kernels, strings.Join(names, "+"))
	return nil
}

// meets reports whether all blocks of the persistent form run at the same time, as they
// must, by letting them meet once without work: on a device that others use they may
// not. It is for the owner of the context.
func (b *cudaBackend) meets(form *kernels.Stored) (yes bool, err error) {
	entry := cuda.Entry(form, "group")
	if yes, ok := b.met[entry]; ok {
		return yes, nil
	}
	p := &cudaPlan{backend: b}
	defer func() { err = errors.Join(err, p.release()) }()
	trial := &cudaBound{Bound: cuda.Trial(form, patience), name: form.Name}
	if err := p.place(trial, p.source(func(*kernels.Coef, kernels.Step) {})); err != nil {
		return false, err
	}
	if err := p.ready(); err != nil {
		return false, err
	}
	p.bound = nil // that they do not meet is no error here
	if err := p.enqueue(); err != nil {
		return false, err
	}
	status := make([]byte, cuda.StatusBytes)
	if err := b.fetch(status, trial.work); err != nil {
		return false, err
	}
	b.met[entry] = !cuda.Failed(status)
	return b.met[entry], nil
}

// loop adds a kernel of one pass over one tensor. Constants that are on the device are
// copied to their places before each launch.
func (p *cudaPlan) loop(c *checkedLoop) error {
	coef := c.coef
	if coef == nil {
		coef = func(*kernels.Coef, kernels.Step) {}
	}
	source := p.source(coef)
	var o cuda.Options
	if c.out != nil {
		o.Out = uint64(c.out.at)
	}
	p.kernels = append(p.kernels, p.kernelName(cuda.Entry(c.form, "")))
	first := len(p.launches)
	if err := p.bind(c.form, []tensor{c.tensor}, source, o); err != nil {
		return err
	}
	for _, x := range c.factors {
		p.launches[first].factors = append(p.launches[first].factors, cu.DevicePtr(x.at))
	}
	return nil
}

// copied adds a copy of the second array of a tensor to the first.
func (p *cudaPlan) copied(t tensor) error {
	p.kernels = append(p.kernels, "cuda/"+kernels.Copying.Name)
	bound, err := boundTo(t.form, []tensor{t}, cuda.Options{})
	if err != nil || t.n == 0 {
		return err
	}
	to, from := t.arrays[0], t.arrays[1]
	p.launches = append(p.launches, cudaLaunch{
		name: bound.name, to: cu.DevicePtr(to.at), from: cu.DevicePtr(from.at), copied: int64(to.dtype.Bytes(t.n)),
	})
	p.bound = append(p.bound, bound)
	p.bytes += bound.Bytes()
	return nil
}

// cacheShare is how much of the last cache, in percent, the groups of the
// persistent form take: what streams past them needs the rest.
const cacheShare = 60

func (p *cudaPlan) kernelName(entry string) string { return "cuda/" + entry }

// norm adds the squared norm of one array of every tensor.
func (p *cudaPlan) norm(tensors []tensor, array, source int, o cuda.Options) error {
	var arrays []tensor
	form := kernels.SquaredNorm.Float32()
	for _, t := range tensors {
		form = kernels.SquaredNorm.Form(t.form.Types[array : array+1])
		if len(arrays) > 0 && form.Storage != arrays[0].form.Storage {
			return fmt.Errorf("x %d is stored as %s: %w, want %s as x 0", len(arrays), form.Storage.Name, ErrUnsupported, arrays[0].form.Storage.Name)
		}
		arrays = append(arrays, tensor{form, t.arrays[array : array+1], t.n})
	}
	return p.bind(form, arrays, source, o)
}

// bind adds a kernel over tensors.
func (p *cudaPlan) bind(form *kernels.Stored, tensors []tensor, source int, o cuda.Options) error {
	bound, err := boundTo(form, tensors, o)
	if err != nil {
		return err
	}
	return p.place(bound, source)
}

// boundTo returns a kernel over tensors, without memory.
func boundTo(form *kernels.Stored, tensors []tensor, o cuda.Options) (*cudaBound, error) {
	var places []cuda.Tensor
	for _, t := range tensors {
		place := cuda.Tensor{Len: int64(t.n)}
		for _, x := range t.arrays {
			place.Arrays = append(place.Arrays, uint64(x.at))
		}
		places = append(places, place)
	}
	o.Patience = patience
	bound, err := cuda.Bind(form, places, o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return &cudaBound{Bound: bound, name: form.Name}, nil
}

// place gives a kernel its memory, and adds its launches.
func (p *cudaPlan) place(k *cudaBound, source int) error {
	const align = 128
	size := (k.TableBytes() + align - 1) / align * align
	at, err := p.alloc(size + k.WorkBytes())
	if err != nil {
		return err
	}
	k.table = at
	if k.WorkBytes() > 0 {
		k.work = at + uintptr(size)
	}
	if err := p.backend.copyIn(k.table, k.Table(uint64(k.table), uint64(k.work))); err != nil {
		return err
	}
	for _, l := range k.Launches() {
		if err := p.launch(k.name, l.Entry, l.Blocks, cuda.Threads, k.table, source); err != nil {
			return err
		}
	}
	p.bound = append(p.bound, k)
	p.bytes += k.Bytes()
	return nil
}

// launch adds a launch.
func (p *cudaPlan) launch(module, entry string, blocks, threads int, table uintptr, source int) error {
	e, err := p.backend.load(module, entry, threads)
	if err != nil {
		return err
	}
	p.launches = append(p.launches, cudaLaunch{
		name: entry, function: e.function, grid: min(blocks, e.resident, mostBlocks), block: threads, source: source, args: [2]uint64{uint64(table)},
	})
	return nil
}

func (p *cudaPlan) scalarMap(m kernels.Map, in []uint64, out uint64) error {
	table, err := cuda.MapTable(in, out)
	if err != nil {
		return err
	}
	at, err := p.alloc(int64(len(table)))
	if err != nil {
		return err
	}
	if err := p.backend.copyIn(at, table); err != nil {
		return err
	}
	return p.launch(m.Name(), cuda.MapEntry(m), 1, 1, at, p.source(func(to *kernels.Coef, st kernels.Step) { *to = m.Coef(st) }))
}

// alloc returns zeros on the device that live as long as the plan.
func (p *cudaPlan) alloc(bytes int64) (uintptr, error) {
	at, err := p.backend.alloc(bytes)
	if err == nil {
		p.memory = append(p.memory, at)
	}
	return at, err
}

// ready makes room for constants, once all launches are there.
func (p *cudaPlan) ready() error {
	for i := range p.launches {
		l := &p.launches[i]
		l.pointers = [2]unsafe.Pointer{unsafe.Pointer(&l.args[0]), unsafe.Pointer(&l.args[1])}
	}
	if len(p.sources) == 0 {
		return nil
	}
	p.host = make([]kernels.Coef, ringSteps*len(p.sources))
	var err error
	p.coefs, err = p.alloc(int64(len(p.host)) * coefBytes)
	return err
}

// release gives back the memory of the plan, for the owner of the context.
func (p *cudaPlan) release() error {
	var first error
	for _, at := range p.memory {
		if err := p.backend.release(at); err != nil && first == nil && p.backend.err == nil {
			first = driver("cuMemFree", err)
		}
	}
	p.memory = nil
	return first
}

func (p *cudaPlan) Step(st kernels.Step) error {
	if p.closed {
		return fmt.Errorf("step: the plan: %w", ErrClosed)
	}
	if err := st.Check(); err != nil {
		return err
	}
	p.step = st
	if err := p.backend.do(p.run); err != nil {
		return fmt.Errorf("step: %s: %w", p.backend.info.Name, err)
	}
	return nil
}

// enqueue queues a step, for the owner of the context. It waits where the ring is
// full.
func (p *cudaPlan) enqueue() error {
	b := p.backend
	if b.err != nil {
		return b.err
	}
	turn := b.ring[b.steps%ringSteps]
	if b.steps >= ringSteps {
		if err := turn.Synchronize(); err != nil {
			return b.fail(driver("cuEventSynchronize", err))
		}
	}
	// The step of this plan whose constants were here is in the ring no more.
	first := p.steps % ringSteps * len(p.sources)
	if len(p.sources) > 0 {
		coefs := p.host[first : first+len(p.sources)]
		for i, f := range p.sources {
			f(&coefs[i], p.step)
		}
		to := cu.DevicePtr(p.coefs + uintptr(first)*coefBytes)
		if err := cu.MemcpyHtoDAsync(to, unsafe.Pointer(&coefs[0]), int64(len(coefs))*coefBytes, b.stream); err != nil {
			return b.fail(driver("cuMemcpyHtoDAsync", err))
		}
	}
	for i := range p.launches {
		l := &p.launches[i]
		if l.copied > 0 {
			if err := cu.MemcpyDtoDAsync(l.to, l.from, l.copied, b.stream); err != nil {
				return b.fail(fmt.Errorf("%s: %w", l.name, driver("cuMemcpyDtoDAsync", err)))
			}
			continue
		}
		l.args[1] = uint64(p.coefs) + uint64(first+l.source)*coefBytes
		for k, from := range l.factors {
			if err := cu.MemcpyDtoDAsync(cu.DevicePtr(l.args[1])+8*cu.DevicePtr(1+k), from, 8, b.stream); err != nil {
				return b.fail(driver("cuMemcpyDtoDAsync", err))
			}
		}
		if err := l.function.Launch(l.grid, 1, 1, l.block, 1, 1, 0, b.stream, l.pointers[:]); err != nil {
			return b.fail(fmt.Errorf("%s: %w", l.name, driver("cuLaunchKernel", err)))
		}
	}
	if err := turn.Record(b.stream); err != nil {
		return b.fail(driver("cuEventRecord", err))
	}
	p.steps++
	b.steps++
	if !p.ran {
		p.ran = true
		b.ran = append(b.ran, p)
	}
	return nil
}

// checkBarriers reports whether a barrier of the persistent form was given up, once
// the work of the plan is done.
func (p *cudaPlan) checkBarriers() error {
	for _, k := range p.bound {
		if !k.Persistent() {
			continue
		}
		status := make([]byte, cuda.StatusBytes)
		if err := p.backend.copyOut(status, k.work); err != nil {
			return err
		}
		if cuda.Failed(status) {
			return fmt.Errorf("%s in one launch: its blocks waited for one another in vain: not all of them ran at the same time", k.name)
		}
	}
	return nil
}

func (p *cudaPlan) Kernels() []string { return slices.Clone(p.kernels) }
func (p *cudaPlan) Bytes() int64      { return p.bytes }

func (p *cudaPlan) Skipped() (int64, error) {
	if p.closed {
		return 0, fmt.Errorf("skipped: the plan: %w", ErrClosed)
	}
	var total int64
	err := p.backend.do(func() error {
		for _, k := range p.bound {
			if k.work == 0 {
				continue // a stream or a copy
			}
			status := make([]byte, cuda.StatusBytes)
			if err := p.backend.fetch(status, k.work); err != nil {
				return err
			}
			total += cuda.Skipped(status)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("skipped: %s: %w", p.backend.info.Name, err)
	}
	return total, nil
}

func (p *cudaPlan) Close() error {
	if p.closed {
		return fmt.Errorf("close: the plan: %w", ErrClosed)
	}
	p.closed = true
	b := p.backend
	err := b.do(func() error {
		// Work that is queued may use the memory; its errors are kept.
		err := b.drain()
		return errors.Join(err, p.release())
	})
	for _, a := range p.users {
		a.plans--
	}
	p.users, p.launches, p.bound = nil, nil, nil
	b.plans--
	if err != nil {
		return fmt.Errorf("close: %s: %w", b.info.Name, err)
	}
	return nil
}

func (p *cudaPlan) Stream() (Plan, error) {
	if p.closed {
		return nil, fmt.Errorf("stream: the plan: %w", ErrClosed)
	}
	s := &cudaPlan{backend: p.backend, kernels: []string{"stream"}}
	s.run = s.enqueue
	err := p.backend.do(func() error {
		for _, k := range p.bound {
			for _, stream := range k.Streams() {
				if err := s.place(&cudaBound{Bound: stream, name: cuda.StreamModule}, 0); err != nil {
					return err
				}
			}
		}
		return s.ready()
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("stream: %w", err), p.backend.do(s.release))
	}
	s.bytes = p.bytes // of a slot that is written and not read it moves more
	s.hold(p.users)
	return s, nil
}
