package backend

import (
	"fmt"
	"sync"
	"unsafe"
)

// Where arrays lie decides how fast they stream. If the arrays of a plan are a
// multiple of a large power of two apart, as make places them when their sizes
// are powers of two, they compete for the same DRAM banks: the same kernel was
// measured to be 3.2 times slower. Arrays are therefore laid out one behind the
// other in address space of our own, in huge pages where the system has them,
// and each starts at another offset within its first page.
const (
	lineSize = 64
	hugePage = 2 << 20

	// colorStep is what the offsets of consecutive arrays differ by.
	colorStep = 1<<20 + 17*lineSize
	// Arrays smaller than a huge page are cut from slabs, one behind the other. Those
	// of a small page or more start slabStep further within their page than the one
	// before, whatever their sizes, so that up to five arrays of an update keep apart:
	// a load waits for an older store to the same place in another page, until the
	// processor has compared the whole address. A loop of AdamW that stored all that it
	// made behind its division took up to 1.3 times as long with arrays 64 bytes apart.
	slabSize  = 32 << 20
	smallPage = 4096
	slabStep  = 13 * lineSize
)

// An arena hands out zeroed memory. It is safe for concurrent use.
type arena struct {
	mu          sync.Mutex
	next, limit uintptr // the address space reserved and not yet handed out
	color       uintptr // offset of the next array within its first page
	slab        *region // the slab that small arrays are cut from
	slabUsed    uintptr
	slabColor   uintptr // offset of the next array there within its small page, but for whole pages
}

// memory is the arena of the process: address space is shared by all backends,
// so that arrays of different backends keep their distance too.
var memory arena

// A region is memory with pages of its own.
type region struct {
	start  unsafe.Pointer // its pages
	length uintptr
	base   unsafe.Pointer // what is used of them
	size   uintptr
	users  int // arrays that lie in it
}

// alloc returns size zeroed bytes, aligned to a cache line. Size is above zero.
func (a *arena) alloc(size uintptr) (unsafe.Pointer, *region, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if size >= hugePage {
		r, err := a.region(size)
		if err != nil {
			return nil, nil, err
		}
		r.users = 1
		return r.base, r, nil
	}
	if a.slab == nil || a.slabUsed+size+smallPage > a.slab.size {
		r, err := a.region(slabSize)
		if err != nil {
			return nil, nil, err
		}
		r.users = 1 // the arena's own, until the slab is full
		if a.slab != nil {
			a.drop(a.slab)
		}
		a.slab, a.slabUsed = r, 0
	}
	if size >= smallPage {
		a.slabUsed += (a.slabColor - uintptr(a.slab.base) - a.slabUsed) % smallPage
		a.slabColor += slabStep
	}
	p := unsafe.Add(a.slab.base, a.slabUsed)
	a.slabUsed += roundUp(size, lineSize)
	a.slab.users++
	return p, a.slab, nil
}

// free gives back what alloc returned with r.
func (a *arena) free(r *region) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.drop(r)
}

func (a *arena) drop(r *region) error {
	r.users--
	if r.users > 0 {
		return nil
	}
	return unmapPages(r.start, r.length)
}

// region maps whole huge pages behind the last region, and places size bytes
// in them.
func (a *arena) region(size uintptr) (*region, error) {
	need := roundUp(size+a.color, hugePage)
	if a.limit-a.next < need {
		base, limit, err := reserve(need)
		if err != nil {
			return nil, fmt.Errorf("%w: %d bytes: %v", ErrMemory, size, err)
		}
		a.next, a.limit = base, limit
	}
	start, err := mapPages(a.next, need)
	if err != nil {
		return nil, fmt.Errorf("%w: %d bytes: %v", ErrMemory, size, err)
	}
	r := &region{start: start, length: need, base: unsafe.Add(start, a.color), size: size}
	a.next += need
	a.color = (a.color + colorStep) % hugePage
	return r, nil
}

func roundUp(x, multiple uintptr) uintptr { return (x + multiple - 1) / multiple * multiple }
