#include "noise.cuh"

__device__ __forceinline__ float number(const float *c, u32 word, u32 other) {
	const float rest = 0.25f * uniform(word);
	float cos_v, sin_v, sin_a, cos_a;
	turns(rest, cos_v, sin_v);
	sin_v = with_sign(sin_v, word);
	turns(c[2] * with_sign(0.25f - rest, word) + c[3], sin_a, cos_a);
	float cos = cos_v * cos_a + sin_v * sin_a;
	if (!(cos > 0x1p-24f)) cos = 0x1p-24f;
	float exponential = -0x1.62e430p-1f * log_2(uniform(other)); // ln(2)
	if (!(exponential > 0x1p-26f)) exponential = 0x1p-26f;
	const float q = exponential / cos;
	return q * sin_a * exp_2(-c[4] * log_2(q * cos_v));
}

__device__ __forceinline__ void stable(const float *c, const u32 *w, float *x) {
	#pragma unroll
	for (int i = 0; i < 4; i++) x[i] = number(c, w[i], w[4 + i]);
}

NOISE(stable, 2)
