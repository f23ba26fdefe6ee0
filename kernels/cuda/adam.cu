#include "update.cuh"

__device__ void adam(const float *c, float &p, float g, float &m, float &v) {
	g *= c[0];
	m += c[1] * (g - m);
	v += c[2] * (g * g - v);
	p -= c[3] * m / (sqrtf(v) + c[4]);
}

UPDATE(adam, parameter(RW), gradient(R), state(RW), moment(RW))
