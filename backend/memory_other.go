//go:build !linux

package backend

import (
	"fmt"
	"unsafe"
)

// Elsewhere than on Linux the pages of a region come from the Go heap, one
// region at a time.

func reserve(uintptr) (base, limit uintptr, err error) { return 0, ^uintptr(0), nil }

func mapPages(_, length uintptr) (unsafe.Pointer, error) {
	const most = 1 << 44 // make panics somewhere beyond
	if length > most {
		return nil, fmt.Errorf("more than %d bytes", uintptr(most))
	}
	raw := unsafe.Pointer(unsafe.SliceData(make([]byte, length+lineSize)))
	return unsafe.Add(raw, roundUp(uintptr(raw), lineSize)-uintptr(raw)), nil
}

func unmapPages(unsafe.Pointer, uintptr) error { return nil }
