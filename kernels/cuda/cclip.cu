#include "update.cuh"

__device__ void cclip(const float *c, float &p, float g, float tau) {
	g *= c[0];
	tau *= c[2];
	float u = g;
	if (g > tau) u = tau;
	if (g < -tau) u = -tau;
	p -= c[1] * u;
}

STATELESS_UPDATE(cclip, parameter(RW), gradient(R), threshold(R))
