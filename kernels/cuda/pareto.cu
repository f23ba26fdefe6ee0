#include "pareto.cuh"

__device__ __forceinline__ void pareto(const float *c, const u32 *w, float *x) {
	#pragma unroll
	for (int i = 0; i < 4; i++) x[i] = with_sign(pareto_size(c, w[i]), w[i]);
}

NOISE(pareto, 1)
