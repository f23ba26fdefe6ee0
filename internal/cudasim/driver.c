//go:build cuda && linux && (amd64 || arm64)

#include <string.h>

#include "_cgo_export.h"

#define ENTRY(name, function) {name, (void *)function}

// The entry points that the simulated driver has, by the names that a driver is
// asked for.
static const struct {
	const char *name;
	void *function;
} entries[] = {
	ENTRY("cuInit", simInit),
	ENTRY("cuDriverGetVersion", simDriverGetVersion),
	ENTRY("cuDeviceGetCount", simDeviceGetCount),
	ENTRY("cuDeviceGet", simDeviceGet),
	ENTRY("cuDeviceGetName", simDeviceGetName),
	ENTRY("cuDeviceGetAttribute", simDeviceGetAttribute),
	ENTRY("cuDeviceTotalMem_v2", simDeviceTotalMem),
	ENTRY("cuCtxCreate_v2", simCtxCreate),
	ENTRY("cuCtxSetCurrent", simCtxSetCurrent),
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
	ENTRY("cuFuncGetAttribute", simFuncGetAttribute),
	ENTRY("cuOccupancyMaxActiveBlocksPerMultiprocessor", simOccupancy),
	ENTRY("cuLaunchKernel", simLaunchKernel),
};

void *cudasim_find(const char *name) {
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
		if (!strcmp(entries[i].name, name)) return entries[i].function;
	return NULL;
}
