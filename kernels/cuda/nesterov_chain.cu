#include "update.cuh"

__device__ void nesterov_chain(const float *, float p, float &g, float before, float after, float *sum) {
	g = (p - before) + (p - after);
	sum[0] = 0.5f * g * (p - 1.0f);
}

REDUCTION(nesterov_chain, input(R), output(W), neighbour(R), neighbour(R))
