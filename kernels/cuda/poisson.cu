#include "update.cuh"

__device__ void poisson(const float *, float p, float &g, float left, float right, float up, float down, float *sum) {
	g = ((p - left) + (p - right)) + ((p - up) + (p - down));
	sum[0] = 0.5f * g * (p - 1.0f);
}

REDUCTION(poisson, input(R), output(W), neighbour(R), neighbour(R), neighbour(R), neighbour(R))
