#include "noise.cuh"

__device__ __forceinline__ void normals(u32 radius, u32 angle, float &a, float &b) {
	float q = -0x1.62e430p+0f * log_2(uniform(radius)), sin, cos; // 2*ln(2)
	if (!(q > 0)) q = 0;
	const float r = sqrtf(q);
	direction(angle, sin, cos);
	a = r * cos;
	b = r * sin;
}

__device__ __forceinline__ void gaussian(const float *, const u32 *w, float *x) {
	normals(w[0], w[1], x[0], x[1]);
	normals(w[2], w[3], x[2], x[3]);
}

NOISE(gaussian, 1)
