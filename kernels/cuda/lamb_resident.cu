#include "lamb.cuh"

__device__ void lamb_resident_norms(const float *c, float p, float g, float &m, float &v, float &u, float *sum) {
	u = lamb_moments(c, p, g, m, v, sum);
}

__device__ void lamb_resident_apply(const float *c, float &p, float, float, float, float u) {
	p -= c[15] * u;
}

NORM_UPDATE(lamb_resident, lamb_scalar, 2, SLOTS(R, R, RW, RW, W), SLOTS(RW, NONE, NONE, NONE, R))
