#include "noise.cuh"

__device__ __forceinline__ float number(const float *c, u32 word, u32 other) {
	const float rest = 0.25f * uniform(word);
	float cos_v, sin, cos, unused;
	turns(rest, cos_v, unused);
	const float v = with_sign(0.25f - rest, word);
	const float a = c[2] * v + c[3];
	turns(a, sin, unused);
	turns(v - a, unused, cos);
	if (!(cos > 0x1p-24f)) cos = 0x1p-24f;
	float exponential = -0x1.62e430p-1f * log_2(uniform(other)); // ln(2)
	if (!(exponential > 0x1p-26f)) exponential = 0x1p-26f;
	const float q = exponential / cos;
	return q * sin * exp_2(-c[4] * log_2(q * cos_v));
}

__device__ __forceinline__ void stable(const float *c, const u32 *w, float *x) {
	#pragma unroll
	for (int i = 0; i < 4; i++) x[i] = number(c, w[i], w[4 + i]);
}

NOISE(stable, 2)
