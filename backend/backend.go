// Package backend runs the updates of package kernels on a device.
//
// A program opens a backend, allocates or wraps its arrays, binds them to
// updates once, and steps the plan:
//
//	b, err := backend.Open("cpu")
//	plan, err := b.Bind(backend.Group{Update: u, Tensors: tensors})
//	for t := 1; t <= steps; t++ {
//		// gradients are written
//		err = plan.Step(kernels.At(t))
//	}
//
// All thinking is in Bind: validation, the choice of kernels, the cutting of
// work. Step does not allocate.
package backend

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

// Errors that a caller may want to tell apart, to be found with errors.Is.
var (
	ErrUnavailable = errors.New("backend is not available")
	ErrUnsupported = errors.New("not supported by this backend")
	ErrClosed      = errors.New("closed")
	ErrMemory      = errors.New("out of memory")
)

// A Backend runs plans on one device. One goroutine at a time may use it and
// what was made from it.
//
// Work runs in the order of the calls. Where a device queues it, Step returns
// before it is done, an error of queued work is kept, and every later Step and
// Sync returns it.
type Backend interface {
	Info() Info
	// Alloc returns an array of n zeros, aligned for the device and placed so
	// that the arrays of a plan do not compete for the same memory banks.
	Alloc(d kernels.DType, n int) (Buffer, error)
	// Bind validates ops, chooses kernels and cuts the work. A plan runs its
	// ops in order.
	Bind(ops ...Op) (Plan, error)
	// Mark records a point in the queue, on the device's own clock.
	Mark() (Mark, error)
	// Sync waits until all work is done.
	Sync() error
	// Close frees all buffers. Plans must have been closed: while one is open,
	// Close reports it and does nothing.
	Close() error
}

// Info identifies a device in results.
type Info struct {
	Name    string // as Open understands it: "cpu:avx512"
	Device  string // as its vendor calls it
	Threads int    // workers that share a step; 0 on a device of its own
	GPU     *GPU   // what is known of such a device, else nil
}

// A GPU is what its driver says of one.
type GPU struct {
	Name            string `json:"name"`
	Capability      int    `json:"compute_capability"` // 90 for 9.0
	Multiprocessors int    `json:"multiprocessors"`
	Memory          int64  `json:"memory_bytes"`
	L2              int    `json:"l2_bytes"`
	MHz             int    `json:"mhz"` // at most
	MemoryMHz       int    `json:"memory_mhz"`
	BusBits         int    `json:"bus_bits"`
	Driver          string `json:"driver"` // "CUDA 12.8": the latest that it knows
	// BytesPerSecond is what memory could give at best: two bits of every line of
	// the bus per clock.
	BytesPerSecond float64 `json:"bytes_per_s"`
}

// A Watcher is a backend whose device says how it is, where its driver can tell.
type Watcher interface {
	// Telemetry is false where nothing is known. It does not wait for work.
	Telemetry() (Telemetry, bool)
}

// Telemetry is the state of a device at some moment; zero is unknown.
type Telemetry struct {
	MHz       int      `json:"mhz,omitempty"`
	MemoryMHz int      `json:"memory_mhz,omitempty"`
	Celsius   int      `json:"celsius,omitempty"`
	Watts     int      `json:"watts,omitempty"`
	Slowed    []string `json:"slowed_by,omitempty"` // why its clocks are below what they could be
}

// A Buffer is an array in the memory of one backend.
type Buffer interface {
	DType() kernels.DType
	Len() int // in elements
	// Slice returns a view of elements [i, j). It panics as a slice
	// expression does where they are out of range, and where it would start
	// within a block. Where it ends within one, the rest of the block is lost.
	Slice(i, j int) Buffer
	// Write copies src, as many bytes as the buffer has, into it.
	Write(src []byte) error
	// Read waits for work on the buffer and copies it to dst, of as many bytes.
	Read(dst []byte) error
	// Free gives the memory back. Views cannot be freed, nor can a buffer that
	// an open plan uses.
	Free() error
}

// An Op is a part of a plan: a [Group] of tensors to update, an [Evaluation] of an
// objective, a [Noise], a [SquaredNorm], a [Dot], a [Combination], a [Copy] or a [ScalarMap].
type Op interface{ isOp() }

// A Tensor is the arrays of one parameter tensor, in the order of the kernel's
// slots: parameter, gradient, states; then the master copy, if there is one. All
// have the same length; none may overlap another. Their types are those of one of
// [kernels.Storages], the same for all tensors of a group.
type Tensor struct{ Slots []Buffer }

// A Group is a set of tensors updated with the same hyperparameters.
type Group struct {
	Update  kernels.Update
	Tensors []Tensor
	// Scale, if not nil, is a scalar on the device that multiplies every
	// gradient: a float64 buffer of one, such as a ScalarMap writes. Where it
	// is not finite, the group leaves everything as it was.
	Scale Buffer
}

// SquaredNorm writes the sum of the squares of all elements of X, in order, to
// Out: gradients, as the updates of the step see them, multiplied by its
// GradScale.
type SquaredNorm struct {
	X   []Buffer
	Out Buffer // a float64 buffer of one
}

// An Evaluation writes the gradient of an objective at a point, and its value.
type Evaluation struct {
	Objective kernels.Objective
	// Slots are those of the objective's kernel, in order: point, gradient, the
	// point as neighbours see it, data. Those that are read may overlap.
	Slots []Buffer
	Value Buffer // a float64 buffer of one
}

// A Noise adds a sample of a law to X. What an element gets depends on the seed, the
// index of the sample and the element's place in X, and on nothing else.
type Noise struct {
	Law  kernels.Noise
	Seed uint64
	// Index is that of the sample; 0 stands for that of the step, its T. Two ops
	// with the same seed and index add the same numbers.
	Index int
	X     Buffer
	Scale Buffer // if not nil, as long as X, whose elements multiply the numbers
}

// Dot writes the sum of the products of the elements of X and Y to Out.
type Dot struct {
	X, Y Buffer
	Out  Buffer // a float64 buffer of one
}

// A Combination is Y = A*Y + B*X, with factors that are on the device.
type Combination struct {
	Y, X Buffer
	A, B Buffer // float64 buffers of one
}

// A Copy is To = From. A device with a driver leaves it to that.
type Copy struct{ To, From Buffer }

// A ScalarMap evaluates Map on scalars. If an input is not finite, Out is NaN.
type ScalarMap struct {
	Map kernels.Map
	In  []Buffer // float64 buffers of one
	Out Buffer   // likewise
}

func (Group) isOp()       {}
func (Evaluation) isOp()  {}
func (Noise) isOp()       {}
func (SquaredNorm) isOp() {}
func (Dot) isOp()         {}
func (Combination) isOp() {}
func (Copy) isOp()        {}
func (ScalarMap) isOp()   {}

// A Plan is a bound, validated list of ops.
type Plan interface {
	// Step runs all ops once. It does not allocate. A norm that is not finite is
	// no error: what depends on it is left as it was, and Skipped counts it.
	Step(kernels.Step) error
	// Kernels names what runs, group by group: "avx512/adamw_f32".
	Kernels() []string
	// Bytes is the least memory traffic of one step, of the forms that run.
	Bytes() int64
	// Skipped counts the tensor steps that were skipped because a norm was not
	// finite. It waits for queued work.
	Skipped() (int64, error)
	// Stream returns a plan that moves the same bytes through the same buffers
	// by the same split and changes nothing: the physical limit of p. Close it
	// before p.
	Stream() (Plan, error)
	Close() error
}

// A Mark is a point in a backend's queue.
type Mark interface {
	// Since returns the time from an earlier mark to this one. It waits for both.
	Since(earlier Mark) (time.Duration, error)
}

// ClipGlobalNorm returns the groups preceded by what limits the global norm of
// all their gradients, in the order given, to maxNorm. It allocates two scalars
// on b, which live as long as b. Groups must not have a Scale yet.
func ClipGlobalNorm(b Backend, maxNorm float64, groups ...Group) ([]Op, error) {
	clip := kernels.ClipNorm{Max: maxNorm}
	if err := kernels.Check(clip); err != nil {
		return nil, fmt.Errorf("clip by the global norm: %w", err)
	}
	var sum SquaredNorm
	for i, g := range groups {
		if g.Scale != nil {
			return nil, fmt.Errorf("clip by the global norm: group %d has a Scale already", i)
		}
		for _, t := range g.Tensors {
			if len(t.Slots) > 1 { // Bind reports a tensor that lacks its gradient
				sum.X = append(sum.X, t.Slots[1])
			}
		}
	}
	norm, err := b.Alloc(kernels.F64, 1)
	if err != nil {
		return nil, fmt.Errorf("clip by the global norm: %w", err)
	}
	factor, err := b.Alloc(kernels.F64, 1)
	if err != nil {
		return nil, fmt.Errorf("clip by the global norm: %w", err)
	}
	sum.Out = norm
	ops := []Op{sum, ScalarMap{Map: clip, In: []Buffer{norm}, Out: factor}}
	for _, g := range groups {
		g.Scale = factor
		ops = append(ops, g)
	}
	return ops, nil
}

// Put copies src into b, which must have the type and length of src.
func Put[T kernels.Real](b Buffer, src []T) error {
	if err := sameType[T](b); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return b.Write(rawBytes(src))
}

// Get waits for queued work and copies b into dst, of its type and length.
func Get[T kernels.Real](b Buffer, dst []T) error {
	if err := sameType[T](b); err != nil {
		return fmt.Errorf("get: %w", err)
	}
	return b.Read(rawBytes(dst))
}

func sameType[T kernels.Real](b Buffer) error {
	if want := dtypeOf[T](); b.DType() != want {
		return fmt.Errorf("slice of %v for a buffer of %v", want, b.DType())
	}
	return nil
}

func dtypeOf[T kernels.Real]() kernels.DType {
	if unsafe.Sizeof(T(0)) == 8 {
		return kernels.F64
	}
	return kernels.F32
}

func rawBytes[T kernels.Real](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(T(0))))
}
