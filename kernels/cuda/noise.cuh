// The skeleton of a noise law, x += xi: the words that kernels/philox.go and
// kernels/noise.go define, and how a law runs over tensors.
#include "elementary.cuh"

const int GROUP = 64; // kernels.NoiseGroup
const int LANES = 16; // kernels.NoiseLanes
const int SEED = 8;   // kernels.CoefSeed
const int SAMPLE = 12; // kernels.CoefSample

// philox sets w to the four words of a counter.
__device__ __forceinline__ void philox(u32 *w, u32 k0, u32 k1) {
	#pragma unroll
	for (int round = 0; round < 10; round++) {
		const u64 a = u64(0xd2511f53u) * w[0], b = u64(0xcd9e8d57u) * w[2];
		w[0] = u32(b >> 32) ^ w[1] ^ k0, w[1] = u32(b);
		w[2] = u32(a >> 32) ^ w[3] ^ k1, w[3] = u32(a);
		k0 += 0x9e3779b9u, k1 += 0xbb67ae85u;
	}
}

// uniform, with_sign and direction are those of kernels/noise.go.
__device__ __forceinline__ float uniform(u32 word) { return __fmaf_rn(float(int(word >> 1)), 0x1p-31f, 0x1p-32f); }
__device__ __forceinline__ float with_sign(float x, u32 word) { return negate_if(x, word << 31); }
__device__ __forceinline__ void direction(u32 word, float &sin, float &cos) {
	near_zero(float(int(word << 2)) * 0x1p-34f, sin, cos);
	quarter_turns(sin, cos, word);
}

// Floats are arrays of float32.
template <int COUNT> struct Floats {
	static const int ARRAYS = COUNT;
	static BOTH int size(int) { return 4; }
};

// drawn runs a law that takes so many blocks of words over all chunks. Half a warp
// takes a group of elements: each lane draws four that lie half a warp apart.
template <auto LAW, int BLOCKS, bool SCALED> __device__ __forceinline__ void drawn(const Table *t, const double *coef) {
	double c[COEFS];
	float f[COEFS];
	constants(t, coef, c);
	if (skip(t, c, true)) return;
	rounded(c, f);
	const u32 k0 = u32(int(f[SEED])) | u32(int(f[SEED + 1])) << 16, k1 = u32(int(f[SEED + 2])) | u32(int(f[SEED + 3])) << 16;
	const u32 low = u32(int(f[SAMPLE])) | u32(int(f[SAMPLE + 1])) << 16, high = u32(int(f[SAMPLE + 2]));
	const int own = lane() % LANES;
	const u64 warps = u64(gridDim.x) * (BLOCK / 32);
	for (u64 i = u64(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32; i < t->chunks; i += warps) {
		const Span<Floats<1 + SCALED>> s(t, i);
		float *to = reinterpret_cast<float *>(s.array[0]);
		const float *scale = reinterpret_cast<const float *>(s.array[SCALED]);
		#pragma unroll 1
		for (int e = lane() / LANES * GROUP; e < s.len; e += 2 * GROUP) {
			const u64 counter = (s.from + e) / GROUP * LANES + own;
			u32 w[4 * BLOCKS];
			#pragma unroll
			for (int b = 0; b < BLOCKS; b++) {
				w[4 * b] = u32(counter), w[4 * b + 1] = u32(counter >> 32), w[4 * b + 2] = low, w[4 * b + 3] = high | b << 16;
				philox(w + 4 * b, k0, k1);
			}
			float xi[4];
			LAW(f, w, xi);
			#pragma unroll
			for (int k = 0; k < 4; k++) {
				const int at = e + k * LANES + own;
				if (at >= s.len) break;
				float x = f[1] * xi[k];
				if constexpr (SCALED) x *= __ldcs(scale + at);
				__stcs(to + at, __ldcs(to + at) + x);
			}
		}
	}
}

// NOISE makes the kernels of the law of its name, which takes so many blocks.
#define NOISE(name, blocks) \
	KERNEL(name##_f32, 4) { drawn<name, blocks, false>(t, c); } \
	KERNEL(name##_scaled_f32, 4) { drawn<name, blocks, true>(t, c); }
