package backend

import (
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

// distance is how far x is from a multiple of m.
func distance(x, m uintptr) uintptr { return min(x%m, m-x%m) }

// TestPlacement holds arrays of sizes that are powers of two, the worst, to
// what keeps them from competing: of any five allocated one after the other, as
// a plan's are, no two are near a multiple of their size apart, nor near one of
// a page. Nothing is touched: it costs address space alone.
func TestPlacement(t *testing.T) {
	const together = 5
	var a arena
	var at []uintptr
	var regions []*region
	for size := uintptr(16 << 20); size <= 256<<20; size *= 2 {
		at = at[:0]
		for range 40 { // through all colours of the first page
			p, r, err := a.alloc(size)
			if err != nil {
				t.Fatal(err)
			}
			at, regions = append(at, uintptr(p)), append(regions, r)
		}
		for i, p := range at {
			if p%lineSize != 0 {
				t.Errorf("an array of %d MiB starts at %#x, not at a cache line", size>>20, p)
			}
			for _, q := range at[i+1 : min(i+together, len(at))] {
				if d := distance(q-p, size); d < 1<<20 {
					t.Errorf("two arrays of %d MiB are %d bytes from a multiple of their size apart", size>>20, d)
				}
				if d := distance(q-p, 4096); d < 2*lineSize {
					t.Errorf("two arrays of %d MiB are %d bytes from a multiple of a page apart", size>>20, d)
				}
			}
		}
	}
	for _, r := range regions {
		if err := a.free(r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSmallPlacement holds arrays that share slabs, of sizes that would end anywhere in
// a page and of one that fills slabs, to starting at places of their pages far from
// those of the four before.
func TestSmallPlacement(t *testing.T) {
	var a arena
	for _, size := range []uintptr{smallPage, 39_936, 40_000, 40_960, 1 << 20} {
		var at []uintptr
		for range 100 {
			p, r, err := a.alloc(size)
			if err != nil {
				t.Fatal(err)
			}
			defer a.free(r)
			for _, q := range at[max(0, len(at)-4):] {
				if d := distance(uintptr(p)-q, smallPage); d < 12*lineSize {
					t.Errorf("two arrays of %d bytes are %d bytes from a multiple of a page apart", size, d)
				}
			}
			at = append(at, uintptr(p))
		}
	}
}

// TestSmallArrays holds small arrays to being aligned, zero, and apart from one
// another, though they share pages.
func TestSmallArrays(t *testing.T) {
	var a arena
	type array struct {
		bytes []byte
		r     *region
	}
	var arrays []array
	sizes := []uintptr{1, 4, 63, 64, 65, 1000, 4095, 4096, 4097, 65536, 1<<20 - 1, 1 << 20, hugePage - 1, hugePage, hugePage + 1}
	slabs := map[*region]bool{}
	for i := range 12 * len(sizes) {
		size := sizes[i%len(sizes)]
		p, r, err := a.alloc(size)
		if err != nil {
			t.Fatal(err)
		}
		if uintptr(p)%lineSize != 0 {
			t.Errorf("an array of %d bytes starts at %p, not at a cache line", size, p)
		}
		if from, to := uintptr(r.start), uintptr(r.start)+r.length; uintptr(p) < from || uintptr(p)+size > to {
			t.Fatalf("an array of %d bytes at %p leaves its region [%#x, %#x)", size, p, from, to)
		}
		if size < hugePage {
			slabs[r] = true
		}
		arrays = append(arrays, array{unsafe.Slice((*byte)(p), size), r})
	}
	if n := len(slabs); n < 2 || n > 20 {
		t.Errorf("the arrays lie in %d slabs, want a few", n)
	}
	for i, x := range arrays {
		for _, b := range x.bytes {
			if b != 0 {
				t.Fatalf("array %d is not zero, or another was written through it", i)
			}
		}
		for k := range x.bytes {
			x.bytes[k] = byte(1 + i%255)
		}
	}
	for i, x := range arrays {
		for _, b := range x.bytes {
			if b != byte(1+i%255) {
				t.Fatalf("array %d was overwritten by another", i)
			}
		}
		if err := a.free(x.r); err != nil {
			t.Fatal(err)
		}
	}
	for r := range slabs {
		if r != a.slab && r.users != 0 {
			t.Errorf("a full slab is used %d times after all its arrays were freed", r.users)
		}
	}
	if a.slab.users != 1 {
		t.Errorf("the arena's slab is used %d times, want once: by the arena", a.slab.users)
	}
}

// TestFreeFaults holds freed memory to being gone: a stale pointer faults, and
// does not read what came after.
func TestFreeFaults(t *testing.T) {
	b, err := Options{Threads: 1}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	x, err := b.Alloc(kernels.F32, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	base := (*float32)(x.(*buffer).base)
	if *base != 0 {
		t.Errorf("new memory holds %v", *base)
	}
	if err := x.Free(); err != nil {
		t.Fatal(err)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() == nil {
			t.Error("freed memory can be read")
		}
	}()
	t.Log("freed memory holds", *base)
}

// TestAddressSpace holds the arena to asking for no more than it is given.
func TestAddressSpace(t *testing.T) {
	var a arena
	if _, _, err := a.alloc(1 << 62); err == nil {
		t.Fatal("2^62 bytes were allocated")
	}
	p, r, err := a.alloc(100)
	if err != nil {
		t.Fatalf("after a failure: %v", err)
	}
	*(*byte)(p) = 1
	if err := a.free(r); err != nil {
		t.Error(err)
	}
}
