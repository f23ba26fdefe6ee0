#include "update.cuh"

__device__ void momentum(const float *c, float &p, float g, float &m) {
	m = c[2] * m + (c[0] * g + c[3] * p);
	p -= c[1] * m;
}

UPDATE(momentum, parameter(RW), gradient(R), state(RW))
