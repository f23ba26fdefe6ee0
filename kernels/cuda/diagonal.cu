#include "update.cuh"

__device__ void diagonal(const float *c, float p, float &g, float h, float *sum) {
	float d = p - c[1];
	g = h * d;
	sum[0] = 0.5f * g * d;
}

REDUCTION(diagonal, SLOTS(R, W, R))
