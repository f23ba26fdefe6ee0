#include "update.cuh"

__device__ void pseudo_huber(const float *c, float p, float &g, float *sum) {
	float q = c[1] * p;
	float root = sqrtf(1.0f + q * q);
	g = p / root;
	sum[0] = p * p / (1.0f + root);
}

REDUCTION(pseudo_huber, SLOTS(R, W))
