#include "lamb.cuh"

__device__ void lamb_norms(const float *c, float p, float g, float &m, float &v, float *sum) {
	lamb_moments(c, p, g, m, v, sum);
}

__device__ void lamb_apply(const float *c, float &p, float, float m, float v) {
	p -= c[15] * lamb_update(c, p, m, v);
}

NORM_UPDATE(lamb, lamb_scalar, 2, SLOTS(R, R, RW, RW), SLOTS(RW, NONE, R, R))
