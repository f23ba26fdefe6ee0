#include "update.cuh"

__device__ void lars_terms(const float *c, float p, float g, float, float *sum) {
	g *= c[0];
	sum[0] = p * p;
	sum[1] = g * g;
}

__device__ double lars_scalar(const double *c, const double *sum) {
	double p = sqrt(sum[0]), g = sqrt(sum[1]);
	if (p == 0 || g == 0) return c[3];
	return c[3] * c[4] * p / (g + c[2] * p + c[5]);
}

__device__ void lars_apply(const float *c, float &p, float g, float &m) {
	m = c[1] * m + c[15] * (c[0] * g + c[2] * p);
	p -= m;
}

NORM_UPDATE(lars, nothing, lars_terms, lars_scalar, lars_apply, 2, parameter(R, RW), gradient(R, R), state(NONE, RW))
