#include "update.cuh"

__device__ void adagrad(const float *c, float &p, float g, float &v) {
	g *= c[0];
	v += g * g;
	p -= c[1] * g / (sqrtf(v) + c[2]);
}

UPDATE(adagrad, parameter(RW), gradient(R), moment(RW))
