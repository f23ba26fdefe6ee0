package backend

import (
	"fmt"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

// A device is what backends do with the memory of their buffers.
type device interface {
	Info() Info
	isClosed() bool
	write(b *buffer, src []byte) error
	read(dst []byte, b *buffer) error
	free(b *buffer) error // which is no view
}

// buffer is an array in the memory of a device, or a view of one.
type buffer struct {
	owner *allocation
	base  unsafe.Pointer // in host memory; nil elsewhere
	at    uintptr        // on another device: its address there
	dtype kernels.DType
	len   int
	view  bool
}

// allocation is what Alloc or Wrap made: the memory that buffers are views of.
type allocation struct {
	device device
	region *region // nil: memory of the caller's, kept alive by buffers and plans
	plans  int     // open plans that use it
	freed  bool
}

func (b *buffer) DType() kernels.DType { return b.dtype }
func (b *buffer) Len() int             { return b.len }

func (b *buffer) Slice(i, j int) Buffer {
	_ = make([]struct{}, b.len)[i:j] // panics where out of range
	if g := b.dtype.Grain(); i%g != 0 {
		panic(fmt.Sprintf("slice [%d:%d] of %v, want it to start at a multiple of %d", i, j, b.dtype, g))
	}
	view := *b
	view.len, view.view = j-i, true
	switch { // an empty view stays where it is: behind the last element lies what is not ours
	case i == j:
	case b.base != nil:
		view.base = unsafe.Add(b.base, b.dtype.Bytes(i))
	default:
		view.at += uintptr(b.dtype.Bytes(i))
	}
	return &view
}

func (b *buffer) size() int { return b.dtype.Bytes(b.len) }

// span is the memory of the buffer.
func (b *buffer) span(write bool) span {
	from := b.at
	if b.base != nil {
		from = uintptr(b.base)
	}
	return span{from: from, to: from + uintptr(b.size()), write: write}
}

func (b *buffer) Write(src []byte) error {
	if err := b.check("write", len(src)); err != nil {
		return err
	}
	return b.owner.device.write(b, src)
}

func (b *buffer) Read(dst []byte) error {
	if err := b.check("read", len(dst)); err != nil {
		return err
	}
	return b.owner.device.read(dst, b)
}

func (b *buffer) check(verb string, bytes int) error {
	if b.owner.freed {
		return fmt.Errorf("%s: the buffer: %w", verb, ErrClosed)
	}
	if d := b.owner.device; d.isClosed() {
		return fmt.Errorf("%s: %s: %w", verb, d.Info().Name, ErrClosed)
	}
	if bytes != b.size() {
		return fmt.Errorf("%s: %d bytes for a buffer of %d (%d of %v)", verb, bytes, b.size(), b.len, b.dtype)
	}
	return nil
}

func (b *buffer) Free() error {
	switch a := b.owner; {
	case a.freed:
		return fmt.Errorf("free: the buffer: %w", ErrClosed)
	case b.view:
		return fmt.Errorf("free: a view, want the buffer that Alloc or Wrap returned")
	case a.plans > 0:
		return fmt.Errorf("free: open plans that use the buffer: %d, want them closed first", a.plans)
	default:
		return a.device.free(b)
	}
}

// Wrap makes a buffer of a slice of the caller's, on a backend that computes in
// host memory. The slice stays the caller's: gradients may be written to it
// between steps, parameters read.
func Wrap[T kernels.Real](b Backend, x []T) (Buffer, error) {
	c, ok := b.(*cpuBackend)
	if !ok {
		return nil, fmt.Errorf("wrap: %s has memory of its own: %w; want Alloc and Put", b.Info().Name, ErrUnsupported)
	}
	if c.closed {
		return nil, fmt.Errorf("wrap: %s: %w", c.info.Name, ErrClosed)
	}
	base := unsafe.Pointer(unsafe.SliceData(x))
	return &buffer{owner: &allocation{device: c}, base: base, dtype: dtypeOf[T](), len: len(x)}, nil
}
