// What the kernels of ACClip and its form with a second moment share.
#include "update.cuh"

// clip is min(tau/(|m|+eps), 1) * m; not a number where the quotient is not.
__device__ __forceinline__ float clip(float tau, float m, float eps) {
	float factor = tau / (fabsf(m) + eps);
	if (factor > 1) factor = 1;
	return factor * m;
}

// second_moment is the denominator of a step, of beta2 and eps.
__device__ __forceinline__ float second_moment(float v, float beta2, float eps) {
	return sqrtf(beta2 * v) + eps;
}

// pick is t[j], by selects: an access to memory would differ from lane to lane.
__device__ __forceinline__ float pick(const float *t, u32 j) {
	const float a = j & 1 ? t[1] : t[0], b = j & 1 ? t[3] : t[2], c = j & 1 ? t[5] : t[4], d = j & 1 ? t[7] : t[6];
	const float ab = j & 2 ? b : a, cd = j & 2 ? d : c;
	return j & 4 ? cd : ab;
}

// scaled is q * 2^k, rounded once, for q in [0.7, 1.5]. Of two factors the first
// rounds nothing, and beyond the limits nothing changes.
__device__ __forceinline__ float scaled(float q, int k) {
	k = min(max(k, -160), 130);
	const int half = k >> 1;
	return q * __int_as_float((half + 127) << 23) * __int_as_float((k - half + 127) << 23);
}

// power is kernels.Pow32, x^(hi+lo), from the same tables. Its multiply-adds are
// fused by definition, and those alone.
__device__ __forceinline__ float power(float x, float hi, float lo) {
	const float inv[8] = {0x1.47ef8cp+0f, 0x1.2f47b2p+0f, 0x1.1a83bap+0f, 0x1.086bbap+0f,
		0x1.e190f8p-1f, 0x1.af7108p-1f, 0x1.86390ap-1f, 0x1.63f2d4p-1f};
	const float log[8] = {-0x1.6dd8p-2f, -0x1.f4cp-3f, -0x1.233p-3f, -0x1.7e8p-5f,
		0x1.6a2p-4f, 0x1.f9dp-3f, 0x1.914p-2f, 0x1.0c88p-1f};
	const u32 offset = 1u << 22;
	if (__float_as_uint(x) - 1 >= 0x7f7fffffu) return x; // zero, infinite or no number

	float bias = 127;
	if (x < 0x1p-126f) x *= 0x1p24f, bias += 24;
	const u32 u = __float_as_uint(x) + offset;
	const float z = __uint_as_float((u & 0x007fffffu) + (0x3f800000u - offset));
	const float e = float(u >> 23) - bias;
	const u32 j = u >> 20 & 7;
	const float r = __fmaf_rn(z, pick(inv, j), -1.0f);
	float l = __fmaf_rn(-0x1.73252ap-2f, r, 0x1.edb828p-2f);
	l = __fmaf_rn(l, r, -0x1.71542cp-1f);
	l = __fmaf_rn(l, r, 0x1.715464p+0f);
	l *= r;

	const float h = e + pick(log, j);
	const float w = hi * h;
	const float v = __fmaf_rn(hi, l, __fmaf_rn(lo, h, __fmaf_rn(hi, h, -w)));

	const float k = rintf(w + v);
	const float f = (w - k) + v;
	float q = __fmaf_rn(0x1.416b5cp-13f, f, 0x1.5f0830p-10f);
	q = __fmaf_rn(q, f, 0x1.3b2de0p-7f);
	q = __fmaf_rn(q, f, 0x1.c6af7cp-5f);
	q = __fmaf_rn(q, f, 0x1.ebfbdcp-3f);
	q = __fmaf_rn(q, f, 0x1.62e430p-1f);
	q = __fmaf_rn(q, f, 1.0f);
	return scaled(q, int(k));
}
