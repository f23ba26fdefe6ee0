#include "update.cuh"

__device__ void geman_mcclure(const float *, float p, float &g, float *sum) {
	float q = p * p;
	float inverse = 1.0f / (1.0f + q);
	float slope = p * inverse;
	g = (slope + slope) * inverse;
	sum[0] = q * inverse;
}

REDUCTION(geman_mcclure, input(R), output(W))
