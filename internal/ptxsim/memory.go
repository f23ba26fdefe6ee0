package ptxsim

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"sort"
)

// Memory is the memory of a device: arrays with gaps between them.
type Memory struct {
	// Cache, if not nil, stands between the device and its memory, and counts
	// what passes. It changes nothing else.
	Cache *Cache

	arrays   []*Array
	found    *Array // by the last access
	launches uint32
	spare    [][]lanes // registers of blocks that have ended
}

// An Array is one allocation.
type Array struct {
	Name string

	base   uint64
	data   []byte
	grain  int      // bytes of a word: four, or as few as were ever stored at once
	known  []bool   // of each word: it has been written
	wrote  []writer // of each word: who stored it last
	loads  [17]int64
	stores [17]int64
}

// writer is who stored a word: a thread of the launch, from 1, and when.
type writer struct {
	launch uint32 // or the interval between barriers
	thread uint32
}

func newArray(name string, base uint64, size int) *Array {
	words := (size + 3) / 4
	return &Array{Name: name, base: base, data: make([]byte, size), grain: 4, known: make([]bool, words), wrote: make([]writer, words)}
}

// refine makes words of so many bytes of what is known of the array.
func (a *Array) refine(grain int) {
	if grain >= a.grain {
		return
	}
	words := (len(a.data) + grain - 1) / grain
	known, wrote := make([]bool, words), make([]writer, words)
	for i := range words {
		known[i], wrote[i] = a.known[i*grain/a.grain], a.wrote[i*grain/a.grain]
	}
	a.grain, a.known, a.wrote = grain, known, wrote
}

// words returns the first and the last word, excluded, of n bytes.
func (a *Array) words(at, n int) (from, to int) {
	return at / a.grain, (at + n + a.grain - 1) / a.grain
}

// Alloc makes an array of so many bytes, aligned to 256, not written yet.
func (m *Memory) Alloc(name string, size int) *Array {
	base := uint64(1) << 32
	if n := len(m.arrays); n > 0 {
		last := m.arrays[n-1]
		base = (last.base + uint64(len(last.data)) + 1024) &^ 255
	}
	a := newArray(name, base, size)
	m.arrays = append(m.arrays, a)
	return a
}

// Free gives back the array that starts at an address, and reports whether there
// was one.
func (m *Memory) Free(address uint64) bool {
	a := m.find(address)
	if a == nil || a.base != address {
		return false
	}
	m.arrays = slices.DeleteFunc(m.arrays, func(x *Array) bool { return x == a })
	m.found = nil
	return true
}

// Find returns the array and the place in it of n bytes at an address, or an error
// where no array has them all.
func (m *Memory) Find(address uint64, n int) (*Array, int, error) {
	a := m.find(address)
	if a == nil {
		return nil, 0, fmt.Errorf("no array at address %#x", address)
	}
	at := int(address - a.base)
	if at+n > len(a.data) {
		return nil, 0, fmt.Errorf("%s+%d: %d bytes reach beyond its %d", a.Name, at, n, len(a.data))
	}
	return a, at, nil
}

// Read copies from the array, as a copy to the host does. What was never written is
// an error.
func (a *Array) Read(dst []byte, at int) error {
	for from, to := a.words(at, len(dst)); from < to; from++ {
		if !a.known[from] {
			return fmt.Errorf("%s+%d: read, and never written", a.Name, a.grain*from)
		}
	}
	copy(dst, a.data[at:])
	return nil
}

// Addr returns the address of the array.
func (a *Array) Addr() uint64 { return a.base }

// Len returns its size in bytes.
func (a *Array) Len() int { return len(a.data) }

// Write copies bytes to the array, as a copy from the host does.
func (a *Array) Write(at int, src []byte) {
	copy(a.data[at:], src)
	for from, to := a.words(at, len(src)); from < to; from++ {
		a.known[from] = true
	}
}

// Bytes returns what the array holds. Writing to it is for nobody.
func (a *Array) Bytes() []byte { return a.data }

// Loaded and Stored return how many bytes threads have loaded and stored in
// accesses of some width, or in all for width 0.
func (a *Array) Loaded(width int) int64 { return a.sum(&a.loads, width) }
func (a *Array) Stored(width int) int64 { return a.sum(&a.stores, width) }

func (a *Array) sum(counts *[17]int64, width int) int64 {
	if width > 0 {
		return counts[width]
	}
	var total int64
	for _, n := range counts {
		total += n
	}
	return total
}

// find returns the array at an address, or nil.
func (m *Memory) find(address uint64) *Array {
	if a := m.found; a != nil && address-a.base < uint64(len(a.data)) {
		return a
	}
	i := sort.Search(len(m.arrays), func(i int) bool { return m.arrays[i].base > address }) - 1
	if i < 0 || address-m.arrays[i].base >= uint64(len(m.arrays[i].data)) {
		return nil
	}
	m.found = m.arrays[i]
	return m.found
}

// get and put read and write a number of 1, 2, 4 or 8 bytes.
func get(b []byte) uint64 {
	switch len(b) {
	case 8:
		return binary.LittleEndian.Uint64(b)
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 1:
		return uint64(b[0])
	}
	return uint64(binary.LittleEndian.Uint32(b))
}

func put(b []byte, x uint64) {
	switch len(b) {
	case 8:
		binary.LittleEndian.PutUint64(b, x)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(x))
	case 1:
		b[0] = byte(x)
	default:
		binary.LittleEndian.PutUint32(b, uint32(x))
	}
}

type kind uint8

const (
	load kind = iota
	store
	atomic
)

// manner is how an access is made.
type manner struct {
	kind   kind
	space  string // "" for generic, which is global here
	cached bool   // by a cache that other blocks' stores do not reach
	stream bool   // evict first
}

// access returns a load or store with the given modifiers, or nil.
func access(words []string, k kind) semantics {
	how := manner{kind: k, cached: true}
	for _, word := range words[:len(words)-1] {
		switch word {
		case "global", "shared", "param":
			how.space = word
		case "cs":
			how.stream = true
		case "cg", "cv", "volatile", "acquire", "relaxed", "release":
			how.cached = false
		case "ca", "wb", "nc", "gpu", "v2", "v4":
		default:
			return nil
		}
	}
	kind := words[len(words)-1]
	if sizes[kind] == 0 || kind == "pred" || k == load && sizes[kind] < 4 && kind[0] == 's' {
		return nil // no sign is extended here
	}
	return func(w *warp, in *instruction, mask uint32) bool {
		address := w.argument(in.src[0])
		if k == load {
			for _, d := range in.dst {
				w.result(d, mask)
			}
		}
		for m := mask; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			b, err := w.reach(how, l, address[l]+uint64(in.offset), in.width*in.count)
			if err != nil {
				return w.fault(in, l, "%v", err)
			}
			for i := range in.count {
				if element := b[i*in.width : (i+1)*in.width]; k == load {
					w.r[in.dst[i]][l] = get(element)
				} else {
					put(element, w.argument(in.src[1+i])[l])
				}
			}
		}
		return true
	}
}

// atom returns an atomic operation on an integer in global memory, or nil.
func atom(words []string) semantics {
	if len(words) > 1 && words[0] == "global" {
		words = words[1:]
	}
	if len(words) != 2 {
		return nil
	}
	var f func(old, x uint64) uint64
	switch words[0] + "." + words[1] {
	case "add.u32", "add.s32", "add.u64":
		f = func(old, x uint64) uint64 { return old + x }
	case "exch.b32", "exch.b64":
		f = func(_, x uint64) uint64 { return x }
	case "inc.u32":
		f = func(old, x uint64) uint64 {
			if old >= x {
				return 0
			}
			return old + 1
		}
	default:
		return nil
	}
	return func(w *warp, in *instruction, mask uint32) bool {
		address, x, d := w.argument(in.src[0]), w.argument(in.src[1]), w.result(in.dst[0], mask)
		for m := mask; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			b, err := w.reach(manner{kind: atomic}, l, address[l]+uint64(in.offset), in.width)
			if err != nil {
				return w.fault(in, l, "%v", err)
			}
			old := get(b)
			put(b, f(old, x[l]))
			d[l] = old
		}
		return true
	}
}

// reach returns the n bytes at an address for an access, once it has checked and
// counted it.
func (w *warp) reach(how manner, lane int, address uint64, n int) ([]byte, error) {
	if address%uint64(n) != 0 {
		return nil, fmt.Errorf("address %#x is no multiple of %d", address, n)
	}
	me := writer{w.memory.launches, uint32(w.id*w.Block+w.first+lane) + 1}
	var a *Array
	switch how.space {
	case "param":
		if address+uint64(n) > uint64(len(w.params)) {
			return nil, fmt.Errorf("parameter at %d, beyond their %d bytes", address, len(w.params))
		}
		return w.params[address : address+uint64(n)], nil
	case "shared":
		a, me.launch = w.shared, w.interval
		if a == nil || address >= uint64(len(a.data)) {
			return nil, fmt.Errorf("shared memory at %#x, of which there are %d bytes", address, w.kernel.shared)
		}
	default:
		if a = w.memory.find(address); a == nil {
			return nil, fmt.Errorf("no array at address %#x", address)
		}
	}
	at := int(address - a.base)
	if at+n > len(a.data) {
		return nil, fmt.Errorf("%s+%d: %d bytes reach beyond its %d", a.Name, at, n, len(a.data))
	}
	if how.kind == store {
		a.refine(n)
	}
	for i, end := a.words(at, n); i < end; i++ {
		by := a.wrote[i]
		other := by.launch == me.launch && by.thread != me.thread
		distant := int(by.thread-1)/32 != int(me.thread-1)/32
		switch {
		case how.kind == store && other && (how.space != "shared" || distant):
			return nil, fmt.Errorf("%s+%d: thread %d of block %d stored there too", a.Name, a.grain*i, int(by.thread-1)%w.Block, int(by.thread-1)/w.Block)
		case how.kind != store && !a.known[i]:
			return nil, fmt.Errorf("%s+%d: read, and never written", a.Name, a.grain*i)
		case how.kind == load && other && distant && (how.cached || how.space == "shared"):
			return nil, fmt.Errorf("%s+%d: thread %d of block %d stored there, and this load may not see it",
				a.Name, a.grain*i, int(by.thread-1)%w.Block, int(by.thread-1)/w.Block)
		}
		if how.kind == store {
			a.wrote[i] = me
		}
		a.known[i] = true
	}
	if how.kind != store {
		a.loads[n] += int64(n)
	}
	if how.kind != load {
		a.stores[n] += int64(n)
	}
	if c := w.memory.Cache; c != nil && how.space != "shared" {
		c.access(a, address, n, how)
	}
	return a.data[at : at+n], nil
}
