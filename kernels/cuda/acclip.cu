#include "acclip.cuh"

__device__ void acclip(const float *c, float &p, float g, float &m, float &ta) {
	g *= c[0];
	m += c[1] * (g - m);
	ta += c[2] * (power(fabsf(g), c[5], c[6]) - ta);
	p -= c[3] * clip(power(ta, c[7], c[8]), m, c[4]);
}

UPDATE(acclip, parameter(RW), gradient(R), state(RW), moment(RW))
