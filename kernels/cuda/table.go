package cuda

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/optbench/optbench/kernels"
)

// Every kernel takes two pointers to device memory: a table, which [Bind] lays
// out once, and the sixteen constants of the step, in float64; kernels round
// them. Between the two there is nothing to set per step: that is the launch ABI,
// and update.cuh its other side.
//
// The table names the tensors, the chunks into which they are cut, the scalars
// that multiply gradients, and the work memory: sums, what is made of them, and
// counts. All numbers are of 64 bits but those within a chunk. Work memory must be
// zero before the first launch; each launch leaves it ready for the next.

// A Tensor is where the arrays of a tensor lie in device memory, in the order of the
// form: its slots, then the master copy. Any address that is a multiple of the size
// of a number will do; accesses are of four numbers where all arrays start at the
// same one of four.
type Tensor struct {
	Arrays []uint64
	Len    int64
}

// A Form is a way to run a kernel.
type Form uint8

const (
	// Passes launches each pass of the kernel in turn. It runs any size.
	Passes Form = iota
	// Persistent runs both passes of an update with norms in one launch, group of
	// tensors by group, so that the second pass finds in the last cache what the
	// first has read. All blocks must be resident.
	Persistent
)

// Options say how tensors are bound.
type Options struct {
	Form Form
	// Scale are the addresses of up to two float64 scalars that multiply every
	// gradient, in order; 0 for none. Where the product is not finite, an update
	// leaves everything as it was.
	Scale [2]uint64
	// Out is the address of the float64 that a reduction writes.
	Out uint64
	// Tensors is how many a skipped group counts as; 0 for those that are bound.
	Tensors int
	// CacheBytes is how much of the last cache the groups of the persistent form
	// may take, all that are under way together.
	CacheBytes int64
	// Patience is how often a block of the persistent form looks at a barrier
	// before it gives up; 0 for some seconds.
	Patience uint64
}

const (
	// Threads is the size of a block of every kernel but that of a [kernels.Map].
	Threads = 256
	// MaxArrays is the number of arrays that a kernel may have.
	MaxArrays = 6
	// CoefBytes is the size of the constants of a step.
	CoefBytes = 8 * kernels.MaxCoef

	warps = Threads / 32 // of a block

	// defaultPatience takes some seconds: a look takes most of a microsecond.
	defaultPatience = 1 << 22
	trialPatience   = 1 << 18
)

// Sizes of the structs in update.cuh.
const (
	headerBytes = 192
	tensorBytes = 8 * (MaxArrays + 3)
	chunkBytes  = 8
	workBytes   = 128 + 2*128
	stateBytes  = 16
	errorOffset = 8
)

// A Bound is a kernel with its tensors, cut into chunks.
type Bound struct {
	kernel  *kernels.Stored
	options Options
	tensors []Tensor // those with elements
	all     int      // that a skipped group counts as
	chunks  int
	span    int64    // elements of a chunk
	groups  []uint64 // first chunk of each group, and the end
	units   int64
	blocks  int64
	mix     kernels.Mix // of a stream; nil for a kernel
	trial   bool
}

// maxChunks keeps tables small: with more elements chunks grow.
const maxChunks = 1 << 17

// Bind cuts tensors into chunks for a kernel. An error says why the form that was
// asked for cannot run.
func Bind(k *kernels.Stored, tensors []Tensor, o Options) (*Bound, error) {
	if k.Wide() {
		return nil, fmt.Errorf("%s in %s has no CUDA kernel", k.Name, k.Storage.Name)
	}
	b := &Bound{kernel: k, options: o, all: cmp.Or(o.Tensors, len(tensors))}
	for i, t := range tensors {
		if len(t.Arrays) != len(k.Types) || t.Len < 0 {
			return nil, fmt.Errorf("tensor %d: %d arrays of %d elements, want %d arrays", i, len(t.Arrays), t.Len, len(k.Types))
		}
		for a, address := range t.Arrays {
			if size := uint64(alignment(k.Types[a])); address%size != 0 {
				return nil, fmt.Errorf("tensor %d: %s starts at %#x, want a multiple of %d", i, k.ArrayName(a), address, size)
			}
		}
		if t.Len > 0 {
			b.tensors = append(b.tensors, t)
			b.units += unitsOf(t.Len)
			b.blocks += blocksOf(t.Len)
		}
	}
	// A warp that sums takes four units at a time, and a chunk may not reach
	// from one block of units into the next.
	b.span = kernels.Unit
	if k.Passes[0].Sums > 0 {
		b.span *= 4
	}
	for b.count(); b.chunks > maxChunks && b.span < kernels.Unit*kernels.UnitBlock; b.count() {
		b.span *= 2
	}
	if o.Form == Persistent {
		if err := b.group(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Trial returns the persistent form of a kernel without work: blocks meet at its
// barriers, however many are launched, and touch nothing. Where [Failed] says that they
// did not, not all of them ran at the same time.
func Trial(k *kernels.Stored, patience uint64) *Bound {
	return &Bound{
		kernel: k, options: Options{Form: Persistent, Patience: cmp.Or(patience, trialPatience)},
		span: kernels.Unit, groups: make([]uint64, 3), trial: true,
	}
}

// alignment is of what an array must start at a multiple: a number, or the scale of
// a block.
func alignment(d kernels.DType) int {
	if d.Grain() > 1 {
		return 4
	}
	return d.Bytes(1)
}

func unitsOf(n int64) int64  { return (n + kernels.Unit - 1) / kernels.Unit }
func blocksOf(n int64) int64 { return (unitsOf(n) + kernels.UnitBlock - 1) / kernels.UnitBlock }

func (b *Bound) chunksOf(t Tensor) int { return int((t.Len + b.span - 1) / b.span) }

func (b *Bound) count() {
	b.chunks = 0
	for _, t := range b.tensors {
		b.chunks += b.chunksOf(t)
	}
}

// held returns how many bytes of the cache a tensor of n elements takes between the
// passes of a kernel: of what both use.
func held(k *kernels.Stored, n int64) int64 {
	var total int64
	first, second := k.Access(0), k.Access(1)
	for i, a := range first {
		if a != kernels.None && second[i] != kernels.None {
			total += int64(k.Types[i].Bytes(int(n)))
		}
	}
	return total
}

// Fits reports whether the persistent form can run a tensor of n elements with so
// much of the cache: two groups are under way at a time.
func Fits(k *kernels.Stored, n, cacheBytes int64) bool { return 2*held(k, n) <= cacheBytes }

// group joins consecutive tensors while what both passes use of them fits in the
// cache.
func (b *Bound) group() error {
	if b.kernel.Scalar == nil {
		return fmt.Errorf("%s has one pass, and the persistent form is for two", b.kernel.Name)
	}
	most := b.options.CacheBytes
	var total int64
	chunk := uint64(0)
	for i, t := range b.tensors {
		size := held(b.kernel, t.Len)
		if !Fits(b.kernel, t.Len, most) {
			return fmt.Errorf("a tensor of %d elements takes %d bytes of cache, and a group may take %d", t.Len, size, most/2)
		}
		if i == 0 || 2*(total+size) > most {
			b.groups, total = append(b.groups, chunk), 0
		}
		total += size
		chunk += uint64(b.chunksOf(t))
	}
	b.groups = append(b.groups, chunk)
	return nil
}

// Persistent reports whether that is the form.
func (b *Bound) Persistent() bool { return b.options.Form == Persistent }

// Bytes returns the least memory traffic of a run. The persistent form reads once
// what both passes read.
func (b *Bound) Bytes() int64 {
	var total int64
	for _, t := range b.tensors {
		if b.options.Form == Persistent {
			total += int64(b.kernel.ResidentBytes(int(t.Len)))
		} else {
			total += int64(b.kernel.Bytes(int(t.Len)))
		}
	}
	return total
}

// TableBytes returns the size of the table.
func (b *Bound) TableBytes() int64 {
	return headerBytes + int64(len(b.tensors))*tensorBytes + int64(b.chunks)*chunkBytes + 8*int64(len(b.groups))
}

// WorkBytes returns the size of the work memory.
func (b *Bound) WorkBytes() int64 {
	if b.mix != nil {
		return 0
	}
	_, end := b.work(0)
	return int64(end)
}

// regions are the addresses of the parts of work memory.
type regions struct{ states, total, arrived, unit uint64 }

// work lays the work memory out from an address on.
func (b *Bound) work(at uint64) (r regions, end uint64) {
	sums := uint64(b.kernel.Passes[0].Sums)
	r.states = at + workBytes
	if sums == 0 {
		return r, r.states
	}
	r.total = r.states + stateBytes*uint64(len(b.tensors))
	r.arrived = r.total + 8*sums*uint64(b.blocks)
	r.unit = r.arrived + 4*uint64(b.blocks)
	return r, r.unit + 4*sums*uint64(b.units)
}

// Table returns the bytes of the table, for where it and the work memory lie in
// device memory. Both must be multiples of 128.
func (b *Bound) Table(table, work uint64) []byte {
	tensors := table + headerBytes
	chunks := tensors + tensorBytes*uint64(len(b.tensors))
	groups := chunks + chunkBytes*uint64(b.chunks)
	patience := b.options.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	r, _ := b.work(work)
	out := make([]byte, 0, b.TableBytes())
	words := func(xs ...uint64) {
		for _, x := range xs {
			out = binary.LittleEndian.AppendUint64(out, x)
		}
	}
	words(uint64(len(b.tensors)), uint64(b.chunks), uint64(b.span), uint64(b.all), tensors, chunks)
	words(b.options.Scale[:]...)
	words(work, r.states, r.arrived, r.total, r.unit, b.options.Out)
	words(uint64(max(0, len(b.groups)-1)), groups, patience)
	out = append(out, make([]byte, headerBytes-len(out))...)
	var unit, block int64
	for _, t := range b.tensors {
		arrays := make([]uint64, MaxArrays)
		copy(arrays, t.Arrays)
		for i, traffic := range b.mix {
			arrays[i] = t.Arrays[traffic.Array]
		}
		words(arrays...)
		words(uint64(t.Len), uint64(unit), uint64(block))
		unit += unitsOf(t.Len)
		block += blocksOf(t.Len)
	}
	for i, t := range b.tensors {
		for c := range b.chunksOf(t) {
			words(uint64(i) | uint64(c)<<32)
		}
	}
	words(b.groups...)
	return out
}

// A Launch is a kernel to launch, with blocks of [Threads] threads, no dynamic
// shared memory, and the addresses of the table and of the constants as arguments.
type Launch struct {
	Entry string
	// Blocks is the most that have something to do. More than are resident gain
	// nothing, so a grid is the lesser of both; in the persistent form it must
	// not be more, nor change from launch to launch.
	Blocks int
}

// Launches returns what runs the kernel, in order. There is always one that
// counts a skipped step or writes the sum of nothing.
func (b *Bound) Launches() []Launch {
	blocks := max(1, (b.chunks+warps-1)/warps)
	if b.mix != nil {
		return []Launch{{"stream_" + strings.ToLower(b.mix.Name()), blocks}}
	}
	if b.trial {
		return []Launch{{Entry(b.kernel, "group"), math.MaxInt}}
	}
	if b.options.Form == Persistent {
		most := 1 // chunks of a group
		for i := 1; i < len(b.groups); i++ {
			most = max(most, int(b.groups[i]-b.groups[i-1]))
		}
		domains := min(2, max(1, len(b.groups)-1))
		return []Launch{{Entry(b.kernel, "group"), domains * ((most + warps - 1) / warps)}}
	}
	var out []Launch
	for _, p := range b.kernel.Passes {
		out = append(out, Launch{Entry(b.kernel, p.Name), blocks})
	}
	return out
}

// Streams returns what moves the same bytes through the same arrays, cut in the same
// way, and changes nothing: a launch for each time that memory is gone through. Their
// module is [StreamModule].
func (b *Bound) Streams() []*Bound {
	mixes := []kernels.Mix{b.kernel.ResidentMix()}
	if !b.Persistent() {
		mixes = nil
		for pass := range b.kernel.Passes {
			mixes = append(mixes, b.kernel.Mix(pass))
		}
	}
	var out []*Bound
	for _, mix := range mixes {
		s := *b
		s.mix, s.options.Form = mix, Passes
		out = append(out, &s)
	}
	return out
}

// StreamModule is the module of streams.
const StreamModule = "stream"

// Skipped returns, from the first bytes of work memory, how many steps of tensors
// were skipped for a factor or a norm that was not finite.
func Skipped(work []byte) int64 { return int64(binary.LittleEndian.Uint64(work)) }

// Failed reports, from the first bytes of work memory, whether a barrier of the
// persistent form was given up: more blocks were launched than are resident, and
// the tensors are left in the middle of a step.
func Failed(work []byte) bool { return binary.LittleEndian.Uint32(work[errorOffset:]) != 0 }

// StatusBytes is how much of work memory [Skipped] and [Failed] look at.
const StatusBytes = 16

// MaxInputs is the number of scalars that a map may have.
const MaxInputs = 4

// MapTable returns the table of a [kernels.Map], for one thread, from the addresses
// of its float64 scalars. Its entry is [MapEntry].
func MapTable(in []uint64, out uint64) ([]byte, error) {
	if len(in) > MaxInputs {
		return nil, fmt.Errorf("a map of %d scalars, want %d at most", len(in), MaxInputs)
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(in)))
	b = binary.LittleEndian.AppendUint64(b, out)
	for _, x := range in {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return append(b, make([]byte, 8*(MaxInputs-len(in)))...), nil
}
