#include "update.cuh"

__device__ void rmsprop(const float *c, float &p, float g, float &v) {
	g *= c[0];
	v += c[2] * (g * g - v);
	p -= c[1] * g / (sqrtf(v) + c[3]);
}

UPDATE(rmsprop, parameter(RW), gradient(R), moment(RW))
