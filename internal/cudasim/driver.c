//go:build cuda && linux && (amd64 || arm64)

#include <string.h>

#include "_cgo_export.h"

// The name of each error that a simulated call returns.
static CUresult simGetErrorName(CUresult result, const char **name) {
	switch (result) {
	case CUDA_ERROR_INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; break;
	case CUDA_ERROR_OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
	case CUDA_ERROR_INVALID_PTX: *name = "CUDA_ERROR_INVALID_PTX"; break;
	case CUDA_ERROR_INVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; break;
	case CUDA_ERROR_NOT_FOUND: *name = "CUDA_ERROR_NOT_FOUND"; break;
	case CUDA_ERROR_LAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

#define ENTRY(name, function) {name, (void *)function}

// The entry points that the simulated driver has, by the names that a driver is
// asked for.
static const struct {
	const char *name;
	void *function;
} entries[] = {
	ENTRY("cuInit", simInit),
	ENTRY("cuGetErrorName", simGetErrorName),
	ENTRY("cuDriverGetVersion", simDriverGetVersion),
	ENTRY("cuDeviceGetCount", simDeviceGetCount),
	ENTRY("cuDeviceGet", simDeviceGet),
	ENTRY("cuDeviceGetName", simDeviceGetName),
	ENTRY("cuDeviceGetAttribute", simDeviceGetAttribute),
	ENTRY("cuDeviceTotalMem_v2", simDeviceTotalMem),
	ENTRY("cuCtxCreate_v2", simCtxCreate),
	ENTRY("cuCtxDestroy_v2", simCtxDestroy),
	ENTRY("cuStreamCreate", simStreamCreate),
	ENTRY("cuStreamSynchronize", simStreamSynchronize),
	ENTRY("cuStreamDestroy_v2", simStreamDestroy),
	ENTRY("cuMemGetInfo_v2", simMemGetInfo),
	ENTRY("cuMemAlloc_v2", simMemAlloc),
	ENTRY("cuMemFree_v2", simMemFree),
	ENTRY("cuMemsetD8Async", simMemsetD8Async),
	ENTRY("cuMemcpyHtoDAsync_v2", simMemcpyHtoDAsync),
	ENTRY("cuMemcpyDtoHAsync_v2", simMemcpyDtoHAsync),
	ENTRY("cuMemcpyDtoDAsync_v2", simMemcpyDtoDAsync),
	ENTRY("cuEventCreate", simEventCreate),
	ENTRY("cuEventRecord", simEventRecord),
	ENTRY("cuEventSynchronize", simEventSynchronize),
	ENTRY("cuEventElapsedTime", simEventElapsedTime),
	ENTRY("cuEventDestroy_v2", simEventDestroy),
	ENTRY("cuModuleLoadData", simModuleLoadData),
	ENTRY("cuModuleGetFunction", simModuleGetFunction),
	ENTRY("cuModuleUnload", simModuleUnload),
	ENTRY("cuOccupancyMaxActiveBlocksPerMultiprocessor", simOccupancy),
	ENTRY("cuLaunchKernel", simLaunchKernel),
};

void *cudasim_find(const char *name) {
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
		if (!strcmp(entries[i].name, name)) return entries[i].function;
	return NULL;
}

// The name of entry point i, or NULL past the last.
const char *cudasim_entry(size_t i) {
	return i < sizeof entries / sizeof *entries ? entries[i].name : NULL;
}
