#include "update.cuh"

__device__ void layered(const float *, float p, float &g, float inverse, float *sum) {
	float d = p * inverse - 1.0f;
	g = d * inverse;
	sum[0] = 0.5f * d * d;
}

REDUCTION(layered, input(R), output(W), input(R))
