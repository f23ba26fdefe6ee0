#include "pareto.cuh"

__device__ __forceinline__ void pareto_skew(const float *c, const u32 *w, float *x) {
	#pragma unroll
	for (int i = 0; i < 4; i++) x[i] = pareto_size(c, w[i]) - c[3];
}

NOISE(pareto_skew, 1)
