#include "update.cuh"

__device__ void diagonal(const float *c, float p, float &g, float h, float *sum) {
	float d = p - c[1];
	float slope = h * d;
	g = c[2] * slope;
	sum[0] = 0.5f * slope * d;
}

REDUCTION(diagonal, input(R), output(W), input(R))
