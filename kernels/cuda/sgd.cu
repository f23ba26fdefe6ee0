#include "update.cuh"

__device__ void sgd(const float *c, float &p, float g) {
	p = c[2] * p - c[1] * (c[0] * g);
}

STATELESS_UPDATE(sgd, parameter(RW), gradient(R))
