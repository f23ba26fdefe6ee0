#include "acclip.cuh"

__device__ void acclip_v2(const float *c, float &p, float g, float &m, float &ta, float &v) {
	g *= c[0];
	m += c[1] * (g - m);
	ta += c[2] * (g * g - ta);
	v += c[2] * (g * g - v);
	p -= c[3] * clip(sqrtf(ta), m, c[4]) / second_moment(v, c[9], c[4]);
}

UPDATE(acclip_v2, parameter(RW), gradient(R), state(RW), moment(RW), moment(RW))
