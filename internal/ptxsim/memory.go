package ptxsim

import (
	"encoding/binary"
	"fmt"
	"math/bits"
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
}

// An Array is one allocation.
type Array struct {
	Name string

	base   uint64
	data   []byte
	known  []bool   // of each word of four bytes: it has been written
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
	return &Array{Name: name, base: base, data: make([]byte, size), known: make([]bool, words), wrote: make([]writer, words)}
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

// Addr returns the address of the array.
func (a *Array) Addr() uint64 { return a.base }

// Len returns its size in bytes.
func (a *Array) Len() int { return len(a.data) }

// Write copies bytes to the array, as a copy from the host does.
func (a *Array) Write(at int, src []byte) {
	copy(a.data[at:], src)
	for i := at / 4; i < (at+len(src)+3)/4; i++ {
		a.known[i] = true
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

// get and put read and write a number of 4 or 8 bytes.
func get(b []byte) uint64 {
	if len(b) == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	return uint64(binary.LittleEndian.Uint32(b))
}

func put(b []byte, x uint64) {
	if len(b) == 8 {
		binary.LittleEndian.PutUint64(b, x)
	} else {
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
	if size := sizes[words[len(words)-1]]; size != 4 && size != 8 {
		return nil
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
	for i := at / 4; i < (at+n)/4; i++ {
		by := a.wrote[i]
		other := by.launch == me.launch && by.thread != me.thread
		distant := int(by.thread-1)/32 != int(me.thread-1)/32
		switch {
		case how.kind == store && other && (how.space != "shared" || distant):
			return nil, fmt.Errorf("%s+%d: thread %d of block %d stored there too", a.Name, 4*i, int(by.thread-1)%w.Block, int(by.thread-1)/w.Block)
		case how.kind != store && !a.known[i]:
			return nil, fmt.Errorf("%s+%d: read, and never written", a.Name, 4*i)
		case how.kind == load && other && distant && (how.cached || how.space == "shared"):
			return nil, fmt.Errorf("%s+%d: thread %d of block %d stored there, and this load may not see it",
				a.Name, 4*i, int(by.thread-1)%w.Block, int(by.thread-1)/w.Block)
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
