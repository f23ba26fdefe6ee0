package backend

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/klauspost/cpuid/v2"

	"github.com/optbench/optbench/internal/cgroup"
	"github.com/optbench/optbench/kernels"
	"github.com/optbench/optbench/kernels/cpu"
)

// cpuBackend runs plans on the threads of this process.
type cpuBackend struct {
	info        Info
	isa         cpu.ISA
	pool        *pool
	allocations map[*allocation]bool
	plans       int
	closed      bool
}

func cpuList() []Listing {
	var out []Listing
	for _, isa := range cpu.ISAs() {
		out = append(out, Listing{Name: "cpu:" + isa.Name, Missing: isa.Missing})
	}
	return out
}

// openCPU opens a backend that cpuList lists as available.
func openCPU(name string, o Options) (Backend, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("threads is %d, want 1 or more, or 0 for all", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = cgroup.Threads()
	}
	b := &cpuBackend{
		info:        Info{Name: name, Device: cpuid.CPU.BrandName, Threads: o.Threads},
		allocations: map[*allocation]bool{},
	}
	for _, isa := range cpu.ISAs() {
		if name == "cpu:"+isa.Name {
			b.isa = isa
		}
	}
	b.pool = newPool(o.Threads)
	return b, nil
}

func (b *cpuBackend) Info() Info { return b.info }

func (b *cpuBackend) Alloc(d kernels.DType, n int) (Buffer, error) {
	if b.closed {
		return nil, fmt.Errorf("alloc: %s: %w", b.info.Name, ErrClosed)
	}
	if n < 0 {
		return nil, fmt.Errorf("alloc: %d elements, want 0 or more", n)
	}
	if n > maxElements {
		return nil, fmt.Errorf("alloc: %d elements of %v: %w", n, d, ErrMemory)
	}
	a := &allocation{device: b}
	buffer := &buffer{owner: a, dtype: d, len: n}
	if n > 0 {
		base, region, err := memory.alloc(uintptr(d.Bytes(n)))
		if err != nil {
			return nil, fmt.Errorf("alloc: %d elements of %v: %w", n, d, err)
		}
		buffer.base, a.region = base, region
		b.touch(base, d.Bytes(n))
	}
	b.allocations[a] = true
	return buffer, nil
}

// maxElements keeps sizes in bytes, and sums of a few, within an int.
const maxElements = 1 << 56

func (b *cpuBackend) free(x *buffer) error { return b.release(x.owner) }

func (b *cpuBackend) release(a *allocation) error {
	a.freed = true
	delete(b.allocations, a)
	if a.region == nil {
		return nil
	}
	if err := memory.free(a.region); err != nil {
		return fmt.Errorf("free: %w", err)
	}
	return nil
}

func (b *cpuBackend) Bind(ops ...Op) (Plan, error) {
	if b.closed {
		return nil, fmt.Errorf("bind: %s: %w", b.info.Name, ErrClosed)
	}
	p := &cpuPlan{backend: b}
	bld := &builder{binder: binder{device: b, wide: b.isa.Name == cpu.Go, seen: map[*allocation]bool{}}, plan: p}
	for i, op := range ops {
		if err := bld.add(i, op); err != nil {
			return nil, err
		}
	}
	for _, s := range p.stages {
		for _, pc := range s.pieces {
			p.bytes += int64(pc.bytes())
		}
		p.bytes += int64(s.resident())
	}
	p.cut(func(pc piece) cpu.Span {
		if pc.draws() {
			return b.isa.BindNoise(pc.form, pc.arrays, pc.first, pc.n)
		}
		return b.isa.Bind(pc.form, pc.pass, pc.arrays, pc.n, pc.sums)
	})
	p.hold(bld.users)
	for _, s := range p.stages {
		for _, w := range s.workers {
			if err := bindLayers(b.isa, w.layers, p.more); err != nil {
				return nil, errors.Join(fmt.Errorf("bind: %w", err), p.Close())
			}
		}
	}
	return p, nil
}

// more returns memory that lives as long as the plan.
func (p *cpuPlan) more(bytes int) (unsafe.Pointer, error) {
	base, region, err := memory.alloc(uintptr(bytes))
	if err != nil {
		return nil, err
	}
	p.scratch = append(p.scratch, region)
	return base, nil
}

// touch writes a zero to every page of new memory, each worker its share: the
// system places a page, and clears it, where and when it is first written. A plan
// divides an array in the same way.
func (b *cpuBackend) touch(base unsafe.Pointer, size int) {
	const page = 4096
	b.share(size, func(from, to int) {
		for i := from; i < to; i += page {
			*(*byte)(unsafe.Add(base, i)) = 0
		}
	})
}

func (b *cpuBackend) isClosed() bool { return b.closed }

func (b *cpuBackend) write(x *buffer, src []byte) error { return b.copy(x.bytes(), src) }

func (b *cpuBackend) read(dst []byte, x *buffer) error { return b.copy(dst, x.bytes()) }

// copy copies src to dst, of the same size, with all workers; few bytes, such as a
// scalar that a step waits for, without them and without an allocation.
func (b *cpuBackend) copy(dst, src []byte) error {
	if len(src) < few {
		copy(dst, src)
		return nil
	}
	b.share(len(src), func(from, to int) { copy(dst[from:to], src[from:to]) })
	return nil
}

// bytes are those of a buffer in host memory.
func (b *buffer) bytes() []byte { return unsafe.Slice((*byte)(b.base), b.size()) }

// few is how many bytes are not worth being divided.
const few = 1 << 20

// share divides size bytes among the workers, or leaves few to one.
func (b *cpuBackend) share(size int, f func(from, to int)) {
	n := b.info.Threads
	if size < few {
		n = 1
	}
	b.pool.do(n, func(worker int) { f(size*worker/n, size*(worker+1)/n) })
}

func (b *cpuBackend) Mark() (Mark, error) {
	if b.closed {
		return nil, fmt.Errorf("mark: %s: %w", b.info.Name, ErrClosed)
	}
	return wallMark(time.Now()), nil
}

func (b *cpuBackend) Sync() error {
	if b.closed {
		return fmt.Errorf("sync: %s: %w", b.info.Name, ErrClosed)
	}
	return nil
}

// Close ends the workers and frees all memory. Plans must have been closed.
func (b *cpuBackend) Close() error {
	if b.closed {
		return fmt.Errorf("close: %s: %w", b.info.Name, ErrClosed)
	}
	if b.plans > 0 {
		return fmt.Errorf("close: %s: open plans: %d, want them closed first", b.info.Name, b.plans)
	}
	b.closed = true
	b.pool.close()
	var first error
	for a := range b.allocations {
		if err := b.release(a); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// wallMark is a point in time: a CPU queues nothing.
type wallMark time.Time

func (m wallMark) Since(earlier Mark) (time.Duration, error) {
	e, ok := earlier.(wallMark)
	if !ok {
		return 0, fmt.Errorf("since: the mark is of another backend")
	}
	return time.Time(m).Sub(time.Time(e)), nil
}
