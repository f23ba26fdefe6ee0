// The steep coordinates of some objectives: coshPart of package kernels.
#include "elementary.cuh"

__device__ __forceinline__ float hyperbolic_sine(float x) {
	const float a = fabsf(x), e = exp_2(0x1.715476p+0f * a);
	const float y = 0.5f * e - 0.5f / e;
	const float q = x * x;
	float s = 0x1.71de3ap-19f;
	s = s * q + 0x1.a01a02p-13f;
	s = s * q + 0x1.111112p-7f;
	s = s * q + 0x1.555556p-3f;
	return a > 1 ? copysignf(y, x) : x + x * (q * s);
}

__device__ __forceinline__ void cosh_part(float x, float &slope, float &value) {
	const float h = hyperbolic_sine(x), q = h * h;
	slope = h * sqrtf(1.0f + q);
	value = q;
}
