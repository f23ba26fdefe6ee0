// The functions of kernels/pow.go and kernels/elementary.go, line by line, from the
// same tables. Their multiply-adds are fused by definition, and those alone.
#include "update.cuh"

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

// log2_parts gives two numbers whose sum is the logarithm of x, whose exponent has
// the bias given.
__device__ __forceinline__ void log2_parts(float x, float bias, float &h, float &l) {
	const float inv[8] = {0x1.47ef8cp+0f, 0x1.2f47b2p+0f, 0x1.1a83bap+0f, 0x1.086bbap+0f,
		0x1.e190f8p-1f, 0x1.af7108p-1f, 0x1.86390ap-1f, 0x1.63f2d4p-1f};
	const float log[8] = {-0x1.6dd8p-2f, -0x1.f4cp-3f, -0x1.233p-3f, -0x1.7e8p-5f,
		0x1.6a2p-4f, 0x1.f9dp-3f, 0x1.914p-2f, 0x1.0c88p-1f};
	const u32 offset = 1u << 22;
	const u32 u = __float_as_uint(x) + offset;
	const float z = __uint_as_float((u & 0x007fffffu) + (0x3f800000u - offset));
	const float e = float(u >> 23) - bias;
	const u32 j = u >> 20 & 7;
	const float r = __fmaf_rn(z, pick(inv, j), -1.0f);
	l = __fmaf_rn(-0x1.73252ap-2f, r, 0x1.edb828p-2f);
	l = __fmaf_rn(l, r, -0x1.71542cp-1f);
	l = __fmaf_rn(l, r, 0x1.715464p+0f);
	l *= r;
	h = e + pick(log, j);
}

// exp2_near is 2^(k+f), for an integer k and |f| <= 1/2.
__device__ __forceinline__ float exp2_near(float f, float k) {
	float q = __fmaf_rn(0x1.416b5cp-13f, f, 0x1.5f0830p-10f);
	q = __fmaf_rn(q, f, 0x1.3b2de0p-7f);
	q = __fmaf_rn(q, f, 0x1.c6af7cp-5f);
	q = __fmaf_rn(q, f, 0x1.ebfbdcp-3f);
	q = __fmaf_rn(q, f, 0x1.62e430p-1f);
	q = __fmaf_rn(q, f, 1.0f);
	return scaled(q, int(k));
}

// power is kernels.Pow32, x^(hi+lo).
__device__ __forceinline__ float power(float x, float hi, float lo) {
	if (__float_as_uint(x) - 1 >= 0x7f7fffffu) return x; // zero, infinite or no number

	float bias = 127, h, l;
	if (x < 0x1p-126f) x *= 0x1p24f, bias += 24;
	log2_parts(x, bias, h, l);
	const float w = hi * h;
	const float v = __fmaf_rn(hi, l, __fmaf_rn(lo, h, __fmaf_rn(hi, h, -w)));

	const float k = rintf(w + v);
	return exp2_near((w - k) + v, k);
}

__device__ __forceinline__ float log_2(float x) {
	float h, l;
	log2_parts(x, 127, h, l);
	return h + l;
}

__device__ __forceinline__ float exp_2(float x) {
	if (x > 130) x = 130;
	if (x < -160) x = -160;
	const float k = rintf(x);
	return exp2_near(x - k, k);
}

__device__ __forceinline__ float negate_if(float x, u32 word) {
	return __uint_as_float(__float_as_uint(x) ^ (word & 0x80000000u));
}

__device__ __forceinline__ void near_zero(float f, float &sin, float &cos) {
	const float q = f * f;
	float s = __fmaf_rn(-0x1.331990p+6f, q, 0x1.4680a4p+6f), c = __fmaf_rn(0x1.d4f7eep+5f, q, -0x1.55b2b6p+6f);
	s = __fmaf_rn(s, q, -0x1.4abc24p+5f), c = __fmaf_rn(c, q, 0x1.03c1b0p+6f);
	s = __fmaf_rn(s, q, 0x1.921fb6p+2f), c = __fmaf_rn(c, q, -0x1.3bd3ccp+4f);
	sin = s * f;
	cos = __fmaf_rn(c, q, 1.0f);
}

__device__ __forceinline__ void quarter_turns(float &sin, float &cos, u32 word) {
	const float s = word & 0x40000000u ? cos : sin, c = word & 0x40000000u ? sin : cos;
	sin = negate_if(s, word);
	cos = negate_if(c, word ^ word << 1);
}

// turns gives the sine and the cosine of x turns.
__device__ __forceinline__ void turns(float x, float &sin, float &cos) {
	const float whole = 0x1.8p23f;
	x -= rintf(x);
	const float t = 4 * x + whole;
	near_zero(x - 0.25f * (t - whole), sin, cos);
	quarter_turns(sin, cos, __float_as_uint(t) << 30);
}
