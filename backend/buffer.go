package backend

import (
	"fmt"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

// hostBuffer is an array in host memory, or a view of one.
type hostBuffer struct {
	owner *allocation
	base  unsafe.Pointer
	dtype kernels.DType
	len   int
	view  bool
}

// allocation is what Alloc or Wrap made: the memory that buffers are views of.
type allocation struct {
	backend *cpuBackend
	region  *region // nil: memory of the caller's, kept alive by buffers and plans
	plans   int     // open plans that use it
	freed   bool
}

func (b *hostBuffer) DType() kernels.DType { return b.dtype }
func (b *hostBuffer) Len() int             { return b.len }

func (b *hostBuffer) Slice(i, j int) Buffer {
	_ = make([]struct{}, b.len)[i:j] // panics where out of range
	if g := b.dtype.Grain(); i%g != 0 {
		panic(fmt.Sprintf("slice [%d:%d] of %v, want it to start at a multiple of %d", i, j, b.dtype, g))
	}
	view := *b
	view.len, view.view = j-i, true
	if i < j { // an empty view stays where it is: behind the last element lies what is not ours
		view.base = unsafe.Add(b.base, b.dtype.Bytes(i))
	}
	return &view
}

func (b *hostBuffer) size() int { return b.dtype.Bytes(b.len) }

func (b *hostBuffer) Write(src []byte) error {
	if err := b.check("write", len(src)); err != nil {
		return err
	}
	b.owner.backend.copy(unsafe.Slice((*byte)(b.base), b.size()), src)
	return nil
}

func (b *hostBuffer) Read(dst []byte) error {
	if err := b.check("read", len(dst)); err != nil {
		return err
	}
	b.owner.backend.copy(dst, unsafe.Slice((*byte)(b.base), b.size()))
	return nil
}

func (b *hostBuffer) check(verb string, bytes int) error {
	if b.owner.freed {
		return fmt.Errorf("%s: the buffer: %w", verb, ErrClosed)
	}
	if c := b.owner.backend; c.closed {
		return fmt.Errorf("%s: %s: %w", verb, c.info.Name, ErrClosed)
	}
	if bytes != b.size() {
		return fmt.Errorf("%s: %d bytes for a buffer of %d (%d of %v)", verb, bytes, b.size(), b.len, b.dtype)
	}
	return nil
}

func (b *hostBuffer) Free() error {
	switch a := b.owner; {
	case a.freed:
		return fmt.Errorf("free: the buffer: %w", ErrClosed)
	case b.view:
		return fmt.Errorf("free: a view, want the buffer that Alloc or Wrap returned")
	case a.plans > 0:
		return fmt.Errorf("free: open plans that use the buffer: %d, want them closed first", a.plans)
	default:
		return a.backend.free(a)
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
	return &hostBuffer{owner: &allocation{backend: c}, base: base, dtype: dtypeOf[T](), len: len(x)}, nil
}
