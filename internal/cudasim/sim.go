//go:build cuda && linux && (amd64 || arm64)

// Package cudasim is a CUDA driver with one device that interprets PTX: with it
// installed, what uses gorgonia.org/cu runs on a machine without a GPU, unchanged.
// Only tests import it.
//
// Work is queued, as on a device, and done when it is waited for. Calls can be made
// to fail; what was not given back is reported.
package cudasim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/optbench/optbench/internal/cudashim"
	"github.com/optbench/optbench/internal/ptxsim"
)

// A Device says what the simulated device is.
type Device struct {
	Name            string
	Multiprocessors int
	Blocks          int   // that a multiprocessor holds
	L2              int   // bytes
	Memory          int64 // bytes
}

// A Result is what an entry point returns: 0, or the number of an error.
type Result int

// The errors that a simulated device has of its own.
const (
	InvalidValue  Result = 1
	OutOfMemory   Result = 2
	InvalidPTX    Result = 218
	InvalidHandle Result = 400
	NotFound      Result = 500
	LaunchFailed  Result = 719
)

// Install puts the device in the place of the driver.
func Install(d Device) error {
	sim.device = d
	if !cudashim.Install(finder()) {
		return fmt.Errorf("the driver is in use already")
	}
	return nil
}

// Reset forgets calls, failures and faults.
func Reset() {
	sim.mutex.Lock()
	defer sim.mutex.Unlock()
	sim.calls, sim.failAt, sim.fault, sim.broken = sim.calls[:0], 0, nil, 0
}

// Forget gives back what Leaks lists.
func Forget() {
	sim.mutex.Lock()
	defer sim.mutex.Unlock()
	for address := range sim.sizes {
		sim.memory.Free(address)
	}
	clear(sim.sizes)
	clear(sim.objects)
}

// FailAt makes call number n from now on, counted from 1, return an error.
func FailAt(n int, r Result) {
	sim.mutex.Lock()
	defer sim.mutex.Unlock()
	sim.failAt, sim.failure = len(sim.calls)+n, r
}

// Crowd makes the device run fewer blocks at the same time than it promises; 0 ends
// it.
func Crowd(blocks int) {
	sim.mutex.Lock()
	defer sim.mutex.Unlock()
	sim.crowd = blocks
}

// Calls returns the names of the entry points called since the last Reset.
func Calls() []string {
	sim.mutex.Lock()
	defer sim.mutex.Unlock()
	return slices.Clone(sim.calls)
}

// Fault returns what was wrong with the PTX that ran, or with a copy.
func Fault() error {
	sim.mutex.Lock()
	defer sim.mutex.Unlock()
	return sim.fault
}

// Leaks lists what was made and not given back.
func Leaks() []string {
	sim.mutex.Lock()
	defer sim.mutex.Unlock()
	var out []string
	for _, n := range sim.sizes {
		out = append(out, fmt.Sprintf("%d bytes", n))
	}
	for _, x := range sim.objects {
		if _, ok := x.(*ptxsim.Kernel); !ok { // it goes with its module
			out = append(out, fmt.Sprintf("a %T", x))
		}
	}
	slices.Sort(out)
	return out
}

type handle uintptr

type context struct{}

type stream struct {
	work []work
}

type event struct {
	on *stream // nil where it has happened
	at time.Time
}

// work is something queued.
type work struct {
	do          func(*driver, *stream, *work) error
	kernel      handle
	grid, block int
	args        [2]uint64
	dst, src    uint64
	host        []byte
	n           int
	value       byte
	event       *event
}

// driver is the one that is simulated.
type driver struct {
	mutex   sync.Mutex
	device  Device
	memory  ptxsim.Memory
	sizes   map[uint64]int64 // of allocations
	objects map[handle]any
	last    handle
	modules map[string]*ptxsim.Module // parsed
	seed    uint64
	crowd   int // blocks at a time; 0 for as many as are promised

	calls   []string
	failAt  int // the number of a call; 0 for none
	failure Result
	fault   error
	broken  Result // of every call after a fault
}

var sim = driver{sizes: map[uint64]int64{}, objects: map[handle]any{}, modules: map[string]*ptxsim.Module{}}

// enter counts a call and says how it ends before it has begun, if it does.
func (d *driver) enter(name string) Result {
	if cap(d.calls) == len(d.calls) {
		d.calls = slices.Grow(d.calls, 1<<20) // not now and then: steps that do not allocate are counted
	}
	d.calls = append(d.calls, name)
	if len(d.calls) == d.failAt {
		return d.failure
	}
	return d.broken
}

// enterAnyway counts a call that gives something back, which also a device that has failed does.
func (d *driver) enterAnyway(name string) Result {
	if r := d.enter(name); r != d.broken {
		return r
	}
	return 0
}

func (d *driver) call(name string) Result {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.enter(name)
}

func (d *driver) create(name string, x any) (handle, Result) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter(name); r != 0 {
		return 0, r
	}
	return d.add(x), 0
}

func (d *driver) add(x any) handle {
	d.last++
	d.objects[d.last] = x
	return d.last
}

// destroy gives an object back, also on a device that has failed.
func (d *driver) destroy(name string, h handle) Result {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enterAnyway(name); r != 0 {
		return r
	}
	if d.objects[h] == nil {
		return InvalidHandle
	}
	delete(d.objects, h)
	return 0
}

func (d *driver) used() int64 {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	var total int64
	for n := range maps.Values(d.sizes) {
		total += n
	}
	return total
}

func (d *driver) alloc(n int64) (uint64, Result) {
	free := d.device.Memory - d.used()
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter("cuMemAlloc"); r != 0 {
		return 0, r
	}
	switch {
	case n <= 0:
		return 0, InvalidValue
	case n > free:
		return 0, OutOfMemory
	}
	a := d.memory.Alloc(fmt.Sprintf("an allocation of %d bytes", n), int(n))
	d.sizes[a.Addr()] = n
	return a.Addr(), 0
}

func (d *driver) free(address uint64) Result {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enterAnyway("cuMemFree"); r != 0 {
		return r
	}
	for _, x := range d.objects {
		if s, ok := x.(*stream); ok {
			d.run(s) // as a driver does
		}
	}
	if _, ok := d.sizes[address]; !ok || !d.memory.Free(address) {
		return InvalidValue
	}
	delete(d.sizes, address)
	return 0
}

func newStream() *stream {
	return &stream{work: make([]work, 0, 1<<13)}
}

// queue appends work to a stream. A copy from the host reads its bytes when it is done,
// as late as a driver may: they must not change before.
func (d *driver) queue(name string, h handle, w work) Result {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter(name); r != 0 {
		return r
	}
	s, ok := d.objects[h].(*stream)
	if !ok {
		return InvalidHandle
	}
	s.work = append(s.work, w)
	return 0
}

// drain does what is queued.
func (d *driver) drain(h handle) Result {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	s, ok := d.objects[h].(*stream)
	if !ok {
		return InvalidHandle
	}
	return d.run(s)
}

func (d *driver) run(s *stream) Result {
	for i := range s.work {
		if d.broken != 0 {
			break
		}
		if err := s.work[i].do(d, s, &s.work[i]); err != nil {
			d.fault, d.broken = err, LaunchFailed
		}
	}
	s.work = s.work[:0]
	return d.broken
}

func set(d *driver, _ *stream, w *work) error {
	a, at, err := d.memory.Find(w.dst, w.n)
	if err == nil {
		a.Write(at, slices.Repeat([]byte{w.value}, w.n))
	}
	return err
}

func put(d *driver, _ *stream, w *work) error {
	a, at, err := d.memory.Find(w.dst, len(w.host))
	if err == nil {
		a.Write(at, w.host)
	}
	return err
}

func (d *driver) get(dst []byte, src uint64) error {
	a, at, err := d.memory.Find(src, len(dst))
	if err != nil {
		return err
	}
	return a.Read(dst, at)
}

func move(d *driver, s *stream, w *work) error {
	w.host = make([]byte, w.n)
	if err := d.get(w.host, w.src); err != nil {
		return err
	}
	return put(d, s, w)
}

// fetch copies to the host, which waits for what is queued: its memory is not
// locked, and a driver waits too.
func (d *driver) fetch(h handle, dst []byte, src uint64) Result {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter("cuMemcpyDtoHAsync"); r != 0 {
		return r
	}
	s, ok := d.objects[h].(*stream)
	if !ok {
		return InvalidHandle
	}
	if r := d.run(s); r != 0 {
		return r
	}
	if err := d.get(dst, src); err != nil {
		d.fault, d.broken = err, LaunchFailed
	}
	return d.broken
}

func launch(d *driver, _ *stream, w *work) error {
	k, ok := d.objects[w.kernel].(*ptxsim.Kernel)
	if !ok {
		return fmt.Errorf("a launch of no function")
	}
	d.seed++
	resident := cmp.Or(d.crowd, d.device.Multiprocessors*d.device.Blocks)
	return d.memory.Launch(k, ptxsim.Launch{Grid: w.grid, Block: w.block, Args: w.args[:], Resident: resident, Seed: d.seed})
}

func happen(_ *driver, _ *stream, w *work) error {
	w.event.on, w.event.at = nil, time.Now()
	return nil
}

func (d *driver) record(e, s handle) Result {
	d.mutex.Lock()
	ev, ok := d.objects[e].(*event)
	on, good := d.objects[s].(*stream)
	if ok && good {
		ev.on = on
	}
	d.mutex.Unlock()
	if !ok {
		return InvalidHandle
	}
	return d.queue("cuEventRecord", s, work{do: happen, event: ev})
}

func (d *driver) await(e handle) Result {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter("cuEventSynchronize"); r != 0 {
		return r
	}
	ev, ok := d.objects[e].(*event)
	if !ok {
		return InvalidHandle
	}
	if ev.on != nil {
		return d.run(ev.on)
	}
	return 0
}

func (d *driver) elapsed(from, to handle) (ms float64, r Result) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter("cuEventElapsedTime"); r != 0 {
		return 0, r
	}
	a, ok := d.objects[from].(*event)
	b, good := d.objects[to].(*event)
	if !ok || !good {
		return 0, InvalidHandle
	}
	return b.at.Sub(a.at).Seconds() * 1e3, 0
}

func (d *driver) load(image string) (handle, Result) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter("cuModuleLoadData"); r != 0 {
		return 0, r
	}
	m := d.modules[image]
	if m == nil {
		var err error
		if m, err = ptxsim.Parse(image); err != nil {
			d.fault = err
			return 0, InvalidPTX
		}
		d.modules[image] = m
	}
	return d.add(m), 0
}

func (d *driver) function(h handle, name string) (handle, Result) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r := d.enter("cuModuleGetFunction"); r != 0 {
		return 0, r
	}
	m, ok := d.objects[h].(*ptxsim.Module)
	if !ok {
		return 0, InvalidHandle
	}
	k, err := m.Kernel(name)
	if err != nil {
		d.fault = err
		return 0, NotFound
	}
	return d.add(k), 0
}
