#include "update.cuh"

__device__ void lion(const float *c, float &p, float g, float &m) {
	g *= c[0];
	float u = m + c[1] * (g - m), d = u; // not a number stays so
	if (u > 0) d = c[3];
	if (u < 0) d = -c[3];
	p = c[4] * p - d;
	m += c[2] * (g - m);
}

UPDATE(lion, parameter(RW), gradient(R), state(RW))
