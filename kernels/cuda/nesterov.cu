#include "update.cuh"

__device__ void nesterov(const float *c, float &p, float g, float &m) {
	g = c[0] * g + c[3] * p;
	m = c[2] * m + g;
	p -= c[1] * (g + c[2] * m);
}

UPDATE(nesterov, parameter(RW), gradient(R), state(RW))
