//go:build cuda && linux && (amd64 || arm64)

// Package cudashim stands between gorgonia.org/cu and the CUDA driver. It defines
// every entry point that cu refers to, as a jump into libcuda.so.1, which is loaded
// when one is first called: the program that links it needs no driver to be built
// or to start. Where it is imported it must come before cu, whose flags for the
// linker then find the empty archive here.
package cudashim

/*
#cgo CFLAGS: -I${SRCDIR}/include
#cgo LDFLAGS: -L${SRCDIR}/lib -Wl,--as-needed -ldl -lpthread
#include "shim.h"
*/
import "C"

import "unsafe"

var simulated bool

// Missing says in one line why there is no driver to use, or "" where there is one
// with a device.
func Missing() string { return C.GoString(C.cudashim_missing()) }

// Path returns the file from which the driver was loaded, or "".
func Path() string { return C.GoString(C.cudashim_path()) }

// ErrorName returns what the driver calls an error, "CUDA_ERROR_OUT_OF_MEMORY", or "".
func ErrorName(result int) string { return C.GoString(C.cudashim_error_name(C.int(result))) }

// Install puts a simulated driver in the place of the real one, for tests: find is
// a C function that takes the name of an entry point and returns its address. It
// reports false where the driver is already in use.
func Install(find unsafe.Pointer) bool {
	simulated = C.cudashim_install((*[0]byte)(find)) != 0
	return simulated
}

// Simulated reports whether the driver is one that Install put in.
func Simulated() bool { return simulated }
