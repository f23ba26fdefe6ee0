#include "update.cuh"

__device__ double clip_norm(const double *c, const double *in) {
	double norm = sqrt(in[0]);
	return norm > c[1] ? c[1] / norm : 1;
}

MAP(clip_norm)
