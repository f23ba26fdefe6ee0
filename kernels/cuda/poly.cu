#include "update.cuh"

__device__ void poly(const float *c, float p, float &g, float *sum) {
	float a = fabsf(p), square = a * a;
	float m = (c[1] > 0 ? a : 1.0f) * (c[2] > 0 ? square : 1.0f) * (c[3] > 0 ? square * square : 1.0f);
	g = p * m;
	sum[0] = c[4] * (g * p);
}

REDUCTION(poly, input(R), output(W))
