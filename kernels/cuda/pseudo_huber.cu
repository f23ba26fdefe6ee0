#include "update.cuh"

__device__ void pseudo_huber(const float *c, float p, float &g, float *sum) {
	float q = c[1] * p;
	float root = sqrtf(1.0f + q * q);
	float more = 1.0f + root;
	float inverse = 1.0f / (root * more);
	g = p * (more * inverse);
	sum[0] = p * p * (root * inverse);
}

REDUCTION(pseudo_huber, input(R), output(W))
