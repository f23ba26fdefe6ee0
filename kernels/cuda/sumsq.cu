#include "update.cuh"

__device__ void sumsq(const float *c, float g, float *sum) {
	g *= c[0];
	sum[0] = g * g;
}

GRADIENT_REDUCTION(sumsq, gradient(R))
