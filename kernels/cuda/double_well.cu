#include "update.cuh"

__device__ void double_well(const float *c, float p, float &g, float *sum) {
	float d = p - c[1], e = p + c[1];
	g = d * (p * e + c[2]);
	sum[0] = 0.25f * (d * d) * (e * e + c[3]);
}

REDUCTION(double_well, input(R), output(W))
