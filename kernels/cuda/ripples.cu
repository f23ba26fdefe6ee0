#include "elementary.cuh"

__device__ void ripples(const float *c, float p, float &g, float *sum) {
	float sin, cos;
	turns(c[1] * p, sin, cos);
	g = c[2] * p + c[3] * (sin * cos);
	sum[0] = c[4] * (p * p) + c[5] * (sin * sin);
}

REDUCTION(ripples, input(R), output(W))
