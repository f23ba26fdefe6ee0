#include "acclip.cuh"

__device__ void acclip2(const float *c, float &p, float g, float &m, float &ta) {
	g *= c[0];
	m += c[1] * (g - m);
	ta += c[2] * (g * g - ta);
	p -= c[3] * clip(sqrtf(ta), m, c[4]);
}

UPDATE(acclip2, parameter(RW), gradient(R), state(RW), moment(RW))
