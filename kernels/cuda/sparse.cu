#include "noise.cuh"

__device__ __forceinline__ void sparse(const float *c, const u32 *w, float *x) {
	#pragma unroll
	for (int i = 0; i < 4; i++) x[i] = with_sign(uniform(w[i]) > c[2] ? 0.0f : 1.0f, w[i]);
}

NOISE(sparse, 1)
