#include "noise.cuh"

__device__ __forceinline__ void two_point(const float *c, const u32 *w, float *x) {
	#pragma unroll
	for (int i = 0; i < 4; i++) x[i] = uniform(w[i]) > c[2] ? c[4] : c[3];
}

NOISE(two_point, 1)
