//go:build cuda && linux && (amd64 || arm64)

package backend

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	// Before cu, so that its symbols are found here: see its documentation.
	"github.com/optbench/optbench/internal/cudashim"

	"gorgonia.org/cu"

	"github.com/optbench/optbench/kernels"
)

// A cudaBackend runs plans on one device of the CUDA driver. A goroutine of its own,
// locked to its thread, owns the context and makes every call; others hand it
// functions. All work is queued on one stream.
type cudaBackend struct {
	info     Info
	uuid     string // of the device, as what watches it knows it; "" where it has none
	work     chan func() error
	done     chan error
	context  cu.CUContext
	stream   cu.Stream
	modules  map[string]cu.Module
	entries  map[string]cudaEntry
	met      map[string]bool   // whether blocks of an entry do
	memory   map[uintptr]int64 // bytes of every allocation on the device
	buffers  map[*allocation]bool
	plans    int
	ran      []*cudaPlan // since their barriers were last looked at
	ring     [ringSteps]cu.Event
	steps    int   // queued, of all plans
	err      error // of queued work; it stays
	closed   bool
	events   []cu.Event // of marks, all
	idle     []cu.Event // those whose mark is gone
	idleLock sync.Mutex
	pieces   [2][]byte // of what is copied between the host and the device
}

// pieceBytes is how much is copied at a time. Memory of a caller never goes to the
// driver itself: cgo ends a program that passes a slice of a struct with pointers.
const pieceBytes = 1 << 20

// ringSteps is how many steps may be queued and not done.
const ringSteps = 64

// A cudaEntry is a kernel that was loaded.
type cudaEntry struct {
	function cu.Function
	resident int // blocks of it that the device runs at the same time
}

// cudaName returns the name of a device. One that is simulated does not have that
// of one that is there.
func cudaName(ordinal int) string {
	if cudashim.Simulated() {
		return "cuda:sim"
	}
	return "cuda:" + strconv.Itoa(ordinal)
}

func cudaList() []Listing {
	if why := cudashim.Missing(); why != "" {
		return []Listing{{Name: cudaName(0), Missing: why}}
	}
	n, err := cu.NumDevices()
	if err != nil {
		return []Listing{{Name: cudaName(0), Missing: driver("cuDeviceGetCount", err).Error()}}
	}
	var out []Listing
	for i := range n {
		l := Listing{Name: cudaName(i)}
		gpu, err := describe(i)
		if err != nil {
			l.Missing = err.Error()
		} else if gpu.Capability < leastCapability {
			l.Missing = fmt.Sprintf("the device is too old: %s has compute capability %d.%d, want %d.%d or later",
				gpu.Name, gpu.Capability/10, gpu.Capability%10, leastCapability/10, leastCapability%10)
		} else {
			l.GPU = gpu
		}
		out = append(out, l)
	}
	return out
}

// leastCapability is what the PTX of the kernels is for.
const leastCapability = 70

// describe returns what is known of a device before it is used.
func describe(ordinal int) (*GPU, error) {
	d, err := cu.GetDevice(ordinal)
	if err != nil {
		return nil, driver("cuDeviceGet", err)
	}
	g := &GPU{Driver: fmt.Sprintf("CUDA %d.%d", cu.Version()/1000, cu.Version()%1000/10)}
	if g.Name, err = d.Name(); err != nil {
		return nil, driver("cuDeviceGetName", err)
	}
	if g.Memory, err = d.TotalMem(); err != nil {
		return nil, driver("cuDeviceTotalMem", err)
	}
	var major, minor, clock, memoryClock int
	for _, a := range []struct {
		attribute cu.DeviceAttribute
		to        *int
	}{
		{cu.ComputeCapabilityMajor, &major}, {cu.ComputeCapabilityMinor, &minor},
		{cu.MultiprocessorCount, &g.Multiprocessors}, {cu.L2CacheSize, &g.L2},
		{cu.ClockRate, &clock}, {cu.MemoryClockRate, &memoryClock}, {cu.GlobalMemoryBusWidth, &g.BusBits},
	} {
		if *a.to, err = d.Attribute(a.attribute); err != nil {
			return nil, driver("cuDeviceGetAttribute", err)
		}
	}
	g.Capability = 10*major + minor
	g.MHz, g.MemoryMHz = clock/1000, memoryClock/1000
	g.BytesPerSecond = 2 * float64(memoryClock) * 1e3 * float64(g.BusBits) / 8
	return g, nil
}

// A driverError is a call that failed, and the error as the driver calls it:
// "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY".
type driverError struct {
	call   string
	result error // of package cu
}

func (e *driverError) Unwrap() error { return e.result }

func (e *driverError) Error() string {
	v := reflect.ValueOf(e.result) // its type is not exported
	if !v.CanInt() {
		return fmt.Sprintf("%s: %v", e.call, e.result)
	}
	if name := cudashim.ErrorName(int(v.Int())); name != "" {
		return e.call + ": " + name
	}
	return fmt.Sprintf("%s: error %d, which the driver has no name for", e.call, v.Int())
}

// driver returns what a call returned as an error that names it.
func driver(call string, result error) error {
	if result == nil {
		return nil
	}
	return &driverError{call, result}
}

// openCUDA opens a device that cudaList lists as available.
func openCUDA(l Listing) (Backend, error) {
	ordinal, _ := strconv.Atoi(strings.TrimPrefix(l.Name, "cuda:")) // 0 for the simulated one
	b := &cudaBackend{
		info: Info{Name: l.Name, Device: l.GPU.Name, GPU: l.GPU},
		work: make(chan func() error), done: make(chan error),
		pieces: [2][]byte{make([]byte, pieceBytes), make([]byte, pieceBytes)}, modules: map[string]cu.Module{}, entries: map[string]cudaEntry{}, met: map[string]bool{},
		memory: map[uintptr]int64{}, buffers: map[*allocation]bool{},
	}
	go b.own()
	if err := b.do(func() error { return b.start(ordinal) }); err != nil {
		return nil, errors.Join(err, b.shut())
	}
	return b, nil
}

// own makes the calls of the backend, all on one thread, which ends with it.
func (b *cudaBackend) own() {
	runtime.LockOSThread()
	for f := range b.work {
		b.done <- f()
	}
}

// do lets the owner of the context run a function.
func (b *cudaBackend) do(f func() error) error {
	b.work <- f
	return <-b.done
}

func (b *cudaBackend) start(ordinal int) error {
	d, err := cu.GetDevice(ordinal)
	if err != nil {
		return driver("cuDeviceGet", err)
	}
	if b.context, err = d.MakeContext(cu.SchedAuto); err != nil {
		return driver("cuCtxCreate", err)
	}
	if id, err := d.UUID(); err == nil {
		b.uuid = "GPU-" + id.String()
	}
	if b.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return driver("cuStreamCreate", err)
	}
	for i := range b.ring {
		if b.ring[i], err = cu.MakeEvent(cu.DisableTiming); err != nil {
			return driver("cuEventCreate", err)
		}
	}
	return nil
}

// shut gives back all that the driver gave, and ends the owner.
func (b *cudaBackend) shut() error {
	err := b.do(func() error {
		var first error
		keep := func(call string, err error) {
			if first == nil {
				first = driver(call, err)
			}
		}
		if b.stream != (cu.Stream{}) {
			keep("cuStreamSynchronize", b.stream.Synchronize())
		}
		for a := range b.memory {
			keep("cuMemFree", b.release(a))
		}
		for _, m := range b.modules {
			keep("cuModuleUnload", m.Unload())
		}
		for _, e := range append(b.events, b.ring[:]...) {
			if e != (cu.Event{}) {
				keep("cuEventDestroy", cu.DestroyEvent(&e))
			}
		}
		if b.stream != (cu.Stream{}) {
			keep("cuStreamDestroy", b.stream.Destroy())
		}
		if b.err != nil {
			first = nil // it was told; the context goes with all that it has
		}
		if b.context != (cu.CUContext{}) {
			keep("cuCtxDestroy", b.context.Destroy())
		}
		return first
	})
	close(b.work)
	return err
}

func (b *cudaBackend) Info() Info     { return b.info }
func (b *cudaBackend) isClosed() bool { return b.closed }

// alloc returns zeros on the device, for the owner of the context.
func (b *cudaBackend) alloc(bytes int64) (uintptr, error) {
	p, err := cu.MemAlloc(bytes)
	if err != nil {
		err = driver("cuMemAlloc", err)
		if errors.Is(err, cu.OutOfMemory) {
			free, _, unknown := cu.MemInfo()
			if unknown != nil {
				return 0, fmt.Errorf("%w: %d bytes asked: %w; %w", ErrMemory, bytes, err, driver("cuMemGetInfo", unknown))
			}
			return 0, fmt.Errorf("%w: %d bytes asked, %d free: %w", ErrMemory, bytes, free, err)
		}
		return 0, err
	}
	b.memory[uintptr(p)] = bytes
	if err := cu.MemsetD8Async(p, 0, bytes, b.stream); err != nil {
		return 0, errors.Join(driver("cuMemsetD8Async", err), b.release(uintptr(p)))
	}
	return uintptr(p), nil
}

func (b *cudaBackend) release(at uintptr) error {
	delete(b.memory, at)
	return cu.MemFree(cu.DevicePtr(at))
}

func (b *cudaBackend) Alloc(d kernels.DType, n int) (Buffer, error) {
	if b.closed {
		return nil, fmt.Errorf("alloc: %s: %w", b.info.Name, ErrClosed)
	}
	if n < 0 || n > maxElements {
		return nil, fmt.Errorf("alloc: %d elements of %v: %w", n, d, ErrMemory)
	}
	x := &buffer{owner: &allocation{device: b}, dtype: d, len: n}
	if n > 0 {
		err := b.do(func() (err error) {
			x.at, err = b.alloc(int64(d.Bytes(n)))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("alloc: %d elements of %v on %s: %w", n, d, b.info.Name, err)
		}
	}
	b.buffers[x.owner] = true
	return x, nil
}

func (b *cudaBackend) free(x *buffer) error {
	x.owner.freed = true
	delete(b.buffers, x.owner)
	if x.at == 0 {
		return nil
	}
	err := b.do(func() error {
		return driver("cuMemFree", b.release(x.at))
	})
	if err != nil {
		return fmt.Errorf("free: %s: %w", b.info.Name, err)
	}
	return nil
}

func (b *cudaBackend) write(x *buffer, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	err := b.do(func() error {
		if b.err != nil {
			return b.err
		}
		return b.copyIn(x.at, src)
	})
	if err != nil {
		return fmt.Errorf("write: %s: %w", b.info.Name, err)
	}
	return nil
}

func (b *cudaBackend) read(dst []byte, x *buffer) error {
	if len(dst) == 0 {
		return nil
	}
	err := b.do(func() error { return b.fetch(dst, x.at) })
	if err != nil {
		return fmt.Errorf("read: %s: %w", b.info.Name, err)
	}
	return nil
}

// fetch waits for all work and copies from the device, for the owner of the context.
func (b *cudaBackend) fetch(dst []byte, at uintptr) error {
	if err := b.drain(); err != nil {
		return err
	}
	return b.copyOut(dst, at)
}

// copyIn copies to the device, in the order of the stream, for the owner of the
// context. While a piece is on its way the next is copied beside it.
func (b *cudaBackend) copyIn(at uintptr, src []byte) error {
	if err := b.drain(); err != nil { // which may read through a piece
		return err
	}
	for i := 0; len(src) > 0; i++ {
		piece := b.pieces[i%2]
		n := copy(piece, src)
		if err := b.drain(); err != nil { // the copy before may still read the other piece
			return err
		}
		if err := cu.MemcpyHtoDAsync(cu.DevicePtr(at), unsafe.Pointer(&piece[0]), int64(n), b.stream); err != nil {
			return b.fail(driver("cuMemcpyHtoDAsync", err))
		}
		at, src = at+uintptr(n), src[n:]
	}
	return b.drain()
}

// copyOut copies from the device, piece by piece. A second piece would gain nothing: the
// driver itself waits for a copy to memory that it has not locked, and cu locks none.
func (b *cudaBackend) copyOut(dst []byte, at uintptr) error {
	piece := b.pieces[0]
	for len(dst) > 0 {
		n := min(len(dst), len(piece))
		if err := cu.MemcpyDtoHAsync(unsafe.Pointer(&piece[0]), cu.DevicePtr(at), int64(n), b.stream); err != nil {
			return b.fail(driver("cuMemcpyDtoHAsync", err))
		}
		if err := b.stream.Synchronize(); err != nil {
			return b.fail(driver("cuStreamSynchronize", err))
		}
		at, dst = at+uintptr(n), dst[copy(dst, piece[:n]):]
	}
	return nil
}

// fail keeps the first error of queued work.
func (b *cudaBackend) fail(err error) error {
	if b.err == nil {
		b.err = err
	}
	return b.err
}

// drain waits for all work, for the owner of the context, and looks at what it says
// of itself.
func (b *cudaBackend) drain() error {
	if b.err != nil {
		return b.err
	}
	if err := b.stream.Synchronize(); err != nil {
		return b.fail(driver("cuStreamSynchronize", err))
	}
	for _, p := range b.ran {
		p.ran = false
		if err := p.checkBarriers(); err != nil {
			return b.fail(err)
		}
	}
	b.ran = b.ran[:0]
	return nil
}

func (b *cudaBackend) Sync() error {
	if b.closed {
		return fmt.Errorf("sync: %s: %w", b.info.Name, ErrClosed)
	}
	if err := b.do(b.drain); err != nil {
		return fmt.Errorf("sync: %s: %w", b.info.Name, err)
	}
	return nil
}

func (b *cudaBackend) Close() error {
	if b.closed {
		return fmt.Errorf("close: %s: %w", b.info.Name, ErrClosed)
	}
	if b.plans > 0 {
		return fmt.Errorf("close: %s: open plans: %d, want them closed first", b.info.Name, b.plans)
	}
	b.closed = true
	for a := range b.buffers {
		a.freed = true
	}
	if err := b.shut(); err != nil {
		return fmt.Errorf("close: %s: %w", b.info.Name, err)
	}
	if len(b.memory) > 0 {
		return fmt.Errorf("close: %s: %d allocations were not freed", b.info.Name, len(b.memory))
	}
	return nil
}

// A cudaMark is an event of the stream. Its event is used again once nobody has the
// mark any more.
type cudaMark struct {
	backend *cudaBackend
	event   cu.Event
}

func (b *cudaBackend) Mark() (Mark, error) {
	if b.closed {
		return nil, fmt.Errorf("mark: %s: %w", b.info.Name, ErrClosed)
	}
	m := &cudaMark{backend: b}
	err := b.do(func() (err error) {
		if b.err != nil {
			return b.err
		}
		if m.event, err = b.newEvent(); err != nil {
			return err
		}
		if err = m.event.Record(b.stream); err != nil {
			return b.fail(driver("cuEventRecord", err))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mark: %s: %w", b.info.Name, err)
	}
	runtime.AddCleanup(m, b.recycle, m.event)
	return m, nil
}

func (b *cudaBackend) newEvent() (cu.Event, error) {
	b.idleLock.Lock()
	if n := len(b.idle); n > 0 {
		e := b.idle[n-1]
		b.idle = b.idle[:n-1]
		b.idleLock.Unlock()
		return e, nil
	}
	b.idleLock.Unlock()
	e, err := cu.MakeEvent(cu.DefaultEvent)
	if err == nil {
		b.events = append(b.events, e)
	}
	return e, driver("cuEventCreate", err)
}

func (b *cudaBackend) recycle(e cu.Event) {
	b.idleLock.Lock()
	defer b.idleLock.Unlock()
	b.idle = append(b.idle, e)
}

func (m *cudaMark) Since(earlier Mark) (time.Duration, error) {
	b := m.backend
	from, ok := earlier.(*cudaMark)
	switch {
	case !ok || from.backend != b:
		return 0, fmt.Errorf("since: the mark is of another backend")
	case b.closed:
		return 0, fmt.Errorf("since: %s: %w", b.info.Name, ErrClosed)
	}
	var ms float64
	err := b.do(func() (err error) {
		if b.err != nil {
			return b.err
		}
		for _, e := range []cu.Event{from.event, m.event} {
			if err := e.Synchronize(); err != nil {
				return b.fail(driver("cuEventSynchronize", err))
			}
		}
		ms, err = from.event.Elapsed(m.event)
		return driver("cuEventElapsedTime", err)
	})
	if err != nil {
		return 0, fmt.Errorf("since: %s: %w", b.info.Name, err)
	}
	return time.Duration(ms * float64(time.Millisecond)), nil
}
