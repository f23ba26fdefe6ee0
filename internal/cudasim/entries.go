//go:build cuda && linux && (amd64 || arm64)

package cudasim

/*
#cgo CFLAGS: -I${SRCDIR}/../cudashim/include
#include <cuda.h>
#include <string.h>

void *cudasim_find(const char *name);
const char *cudasim_entry(size_t i);
typedef void *(*cudasim_finder)(const char *name);
static cudasim_finder finder(void) { return cudasim_find; }

// word returns parameter i of a launch, of eight bytes.
static uint64_t word(void **params, int i) {
	uint64_t x;
	memcpy(&x, params[i], sizeof x);
	return x;
}

// A handle is a number that looks like a pointer.
static void *handle(uintptr_t i) { return (void *)i; }
*/
import "C"

import (
	"regexp"
	"unsafe"
)

func finder() unsafe.Pointer { return unsafe.Pointer(C.finder()) }

// Entries lists the calls that can fail: all that the driver has, but those that
// only say what is there.
func Entries() []string {
	var out []string
	for i := C.size_t(0); ; i++ {
		name := C.cudasim_entry(i)
		if name == nil {
			return out
		}
		switch s := versions.ReplaceAllString(C.GoString(name), ""); s {
		case "cuInit", "cuGetErrorName", "cuDriverGetVersion", "cuDeviceGetCount":
		default:
			out = append(out, s)
		}
	}
}

var versions = regexp.MustCompile(`_v\d+$`) // which calls are not counted under

// The entry points. Each counts as a call, and fails where it is told to.

//export simInit
func simInit(flags C.uint) C.CUresult { return C.CUresult(sim.call("cuInit")) }

//export simDriverGetVersion
func simDriverGetVersion(v *C.int) C.CUresult {
	*v = 12000
	return 0
}

//export simDeviceGetCount
func simDeviceGetCount(n *C.int) C.CUresult {
	*n = 1
	return 0
}

//export simDeviceGet
func simDeviceGet(d *C.CUdevice, ordinal C.int) C.CUresult {
	if r := sim.call("cuDeviceGet"); r != 0 {
		return C.CUresult(r)
	}
	*d = C.CUdevice(ordinal)
	return 0
}

//export simDeviceGetName
func simDeviceGetName(name *C.char, n C.int, d C.CUdevice) C.CUresult {
	if r := sim.call("cuDeviceGetName"); r != 0 {
		return C.CUresult(r)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(name)), n), sim.device.Name+"\x00")
	return 0
}

//export simDeviceGetAttribute
func simDeviceGetAttribute(v *C.int, a C.CUdevice_attribute, on C.CUdevice) C.CUresult {
	if r := sim.call("cuDeviceGetAttribute"); r != 0 {
		return C.CUresult(r)
	}
	d := sim.device
	switch a {
	case C.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
		*v = C.int(d.Multiprocessors)
	case C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
		*v = 7
	case C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
		*v = 0
	case C.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
		*v = C.int(d.L2)
	case C.CU_DEVICE_ATTRIBUTE_CLOCK_RATE, C.CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
		*v = 1_000_000 // kHz
	case C.CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
		*v = 64
	default:
		return C.CUDA_ERROR_INVALID_VALUE
	}
	return 0
}

//export simDeviceTotalMem
func simDeviceTotalMem(n *C.size_t, d C.CUdevice) C.CUresult {
	if r := sim.call("cuDeviceTotalMem"); r != 0 {
		return C.CUresult(r)
	}
	*n = C.size_t(sim.device.Memory)
	return 0
}

//export simCtxCreate
func simCtxCreate(c *C.CUcontext, flags C.uint, d C.CUdevice) C.CUresult {
	h, r := sim.create("cuCtxCreate", new(context))
	*c = C.CUcontext(C.handle(C.uintptr_t(h)))
	return C.CUresult(r)
}

//export simCtxDestroy
func simCtxDestroy(c C.CUcontext) C.CUresult {
	return C.CUresult(sim.destroy("cuCtxDestroy", of(unsafe.Pointer(c))))
}

//export simStreamCreate
func simStreamCreate(s *C.CUstream, flags C.uint) C.CUresult {
	h, r := sim.create("cuStreamCreate", newStream())
	*s = C.CUstream(C.handle(C.uintptr_t(h)))
	return C.CUresult(r)
}

//export simStreamSynchronize
func simStreamSynchronize(s C.CUstream) C.CUresult {
	if r := sim.call("cuStreamSynchronize"); r != 0 {
		return C.CUresult(r)
	}
	return C.CUresult(sim.drain(of(unsafe.Pointer(s))))
}

//export simStreamDestroy
func simStreamDestroy(s C.CUstream) C.CUresult {
	return C.CUresult(sim.destroy("cuStreamDestroy", of(unsafe.Pointer(s))))
}

//export simMemGetInfo
func simMemGetInfo(free, total *C.size_t) C.CUresult {
	if r := sim.call("cuMemGetInfo"); r != 0 {
		return C.CUresult(r)
	}
	*free, *total = C.size_t(sim.device.Memory-sim.used()), C.size_t(sim.device.Memory)
	return 0
}

//export simMemAlloc
func simMemAlloc(address *C.CUdeviceptr, n C.size_t) C.CUresult {
	a, r := sim.alloc(int64(n))
	*address = C.CUdeviceptr(a)
	return C.CUresult(r)
}

//export simMemFree
func simMemFree(address C.CUdeviceptr) C.CUresult { return C.CUresult(sim.free(uint64(address))) }

//export simMemsetD8Async
func simMemsetD8Async(dst C.CUdeviceptr, value C.uchar, n C.size_t, s C.CUstream) C.CUresult {
	return C.CUresult(sim.queue("cuMemsetD8Async", of(unsafe.Pointer(s)), work{do: set, dst: uint64(dst), n: int(n), value: byte(value)}))
}

//export simMemcpyHtoDAsync
func simMemcpyHtoDAsync(dst C.CUdeviceptr, src unsafe.Pointer, n C.size_t, s C.CUstream) C.CUresult {
	return C.CUresult(sim.queue("cuMemcpyHtoDAsync", of(unsafe.Pointer(s)), work{do: put, dst: uint64(dst), host: unsafe.Slice((*byte)(src), n)}))
}

//export simMemcpyDtoHAsync
func simMemcpyDtoHAsync(dst unsafe.Pointer, src C.CUdeviceptr, n C.size_t, s C.CUstream) C.CUresult {
	return C.CUresult(sim.fetch(of(unsafe.Pointer(s)), unsafe.Slice((*byte)(dst), n), uint64(src)))
}

//export simMemcpyDtoDAsync
func simMemcpyDtoDAsync(dst, src C.CUdeviceptr, n C.size_t, s C.CUstream) C.CUresult {
	return C.CUresult(sim.queue("cuMemcpyDtoDAsync", of(unsafe.Pointer(s)), work{do: move, dst: uint64(dst), src: uint64(src), n: int(n)}))
}

//export simEventCreate
func simEventCreate(e *C.CUevent, flags C.uint) C.CUresult {
	h, r := sim.create("cuEventCreate", new(event))
	*e = C.CUevent(C.handle(C.uintptr_t(h)))
	return C.CUresult(r)
}

//export simEventRecord
func simEventRecord(e C.CUevent, s C.CUstream) C.CUresult {
	return C.CUresult(sim.record(of(unsafe.Pointer(e)), of(unsafe.Pointer(s))))
}

//export simEventSynchronize
func simEventSynchronize(e C.CUevent) C.CUresult {
	return C.CUresult(sim.await(of(unsafe.Pointer(e))))
}

//export simEventElapsedTime
func simEventElapsedTime(ms *C.float, from, to C.CUevent) C.CUresult {
	d, r := sim.elapsed(of(unsafe.Pointer(from)), of(unsafe.Pointer(to)))
	*ms = C.float(d)
	return C.CUresult(r)
}

//export simEventDestroy
func simEventDestroy(e C.CUevent) C.CUresult {
	return C.CUresult(sim.destroy("cuEventDestroy", of(unsafe.Pointer(e))))
}

//export simModuleLoadData
func simModuleLoadData(m *C.CUmodule, image unsafe.Pointer) C.CUresult {
	h, r := sim.load(C.GoString((*C.char)(image)))
	*m = C.CUmodule(C.handle(C.uintptr_t(h)))
	return C.CUresult(r)
}

//export simModuleGetFunction
func simModuleGetFunction(f *C.CUfunction, m C.CUmodule, name *C.char) C.CUresult {
	h, r := sim.function(of(unsafe.Pointer(m)), C.GoString(name))
	*f = C.CUfunction(C.handle(C.uintptr_t(h)))
	return C.CUresult(r)
}

//export simModuleUnload
func simModuleUnload(m C.CUmodule) C.CUresult {
	return C.CUresult(sim.destroy("cuModuleUnload", of(unsafe.Pointer(m))))
}

//export simOccupancy
func simOccupancy(n *C.int, f C.CUfunction, threads C.int, shared C.size_t) C.CUresult {
	*n = C.int(sim.device.Blocks)
	return C.CUresult(sim.call("cuOccupancyMaxActiveBlocksPerMultiprocessor"))
}

//export simLaunchKernel
func simLaunchKernel(f C.CUfunction, gx, gy, gz, bx, by, bz, shared C.uint, s C.CUstream, params, extra *unsafe.Pointer) C.CUresult {
	if gy != 1 || gz != 1 || by != 1 || bz != 1 {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	w := work{do: launch, kernel: of(unsafe.Pointer(f)), grid: int(gx), block: int(bx)}
	for i := range w.args {
		w.args[i] = uint64(C.word(params, C.int(i)))
	}
	return C.CUresult(sim.queue("cuLaunchKernel", of(unsafe.Pointer(s)), w))
}

func of(p unsafe.Pointer) handle { return handle(uintptr(p)) }
