package backend

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// reservation is how much address space is reserved at once. It costs no
// memory; where a limit on address space forbids it, less is asked for.
const reservation = 1 << 40

// reserve takes address space, at least size bytes of it.
func reserve(size uintptr) (base, limit uintptr, err error) {
	for want := max(roundUp(size+hugePage, hugePage), reservation); ; want /= 4 {
		p, err := unix.MmapPtr(-1, 0, nil, want, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
		if err == nil {
			return roundUp(uintptr(p), hugePage), uintptr(p) + want, nil
		}
		if want/4 < size+hugePage {
			return 0, 0, err
		}
	}
}

// mapPages makes length bytes from address at on usable.
func mapPages(at, length uintptr) (unsafe.Pointer, error) {
	start, err := unix.MmapPtr(-1, 0, pointer(at), length, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	// Advice: where the system has no huge pages, small ones do.
	_ = unix.Madvise(unsafe.Slice((*byte)(start), length), unix.MADV_HUGEPAGE)
	return start, nil
}

// unmapPages gives the memory back and keeps the address space taken, so that
// a stale pointer faults and does not read another array.
func unmapPages(start unsafe.Pointer, length uintptr) error {
	_, err := unix.MmapPtr(-1, 0, start, length, unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED|unix.MAP_NORESERVE)
	return err
}

// pointer turns an address in memory that the Go runtime does not manage into a
// pointer. vet distrusts the direct conversion, for memory that it does.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
