#include "update.cuh"

__device__ float lamb_update(const float *c, float p, float m, float v) {
	return c[3] * m / (sqrtf(v + c[5]) + c[4]) + c[6] * p;
}

__device__ void lamb_moments(const float *c, float, float g, float &m, float &v) {
	g *= c[0];
	m += c[1] * (g - m);
	v += c[2] * (g * g - v);
}

__device__ void lamb_terms(const float *c, float p, float, float m, float v, float *sum) {
	float u = lamb_update(c, p, m, v);
	sum[0] = p * p;
	sum[1] = u * u;
}

__device__ double lamb_scalar(const double *c, const double *sum) {
	double p = sqrt(sum[0]), u = sqrt(sum[1]);
	if (c[10] == 0 || p == 0 || u == 0) return c[7];
	if (c[9] > 0) {
		if (p < c[8]) p = c[8];
		if (p > c[9]) p = c[9];
	}
	return c[7] * p / u;
}

__device__ void lamb_apply(const float *c, float &p, float, float m, float v) {
	p -= c[15] * lamb_update(c, p, m, v);
}

NORM_UPDATE(lamb, lamb_moments, lamb_terms, lamb_scalar, lamb_apply, 2, parameter(R, RW), gradient(R), state(RW, R), moment(RW, R))
