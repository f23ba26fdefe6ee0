// The limit of kernels: streams that read arrays, and write back what they read to
// those that a pass stores, in accesses of the same widths.
#include "update.cuh"

const int WRITTEN = 16;

// Raw is numbers of a size in memory, of four or of one, as words: of blocks also
// their scale, in a word of its own.
template <int SIZE> struct Raw {
	static __device__ __forceinline__ void load4(const char *a, int e, u32 *x) {
		if constexpr (SIZE == 4) {
			const uint4 y = __ldcs(reinterpret_cast<const uint4 *>(a + 4ll * e));
			x[0] = y.x, x[1] = y.y, x[2] = y.z, x[3] = y.w;
		} else if constexpr (SIZE == 2) {
			const uint2 y = __ldcs(reinterpret_cast<const uint2 *>(a + 2ll * e));
			x[0] = y.x, x[1] = y.y;
		} else {
			x[0] = __ldcs(reinterpret_cast<const u32 *>(number(a, e)));
			if (e % BYTE_BLOCK == 0) x[1] = __ldcs(reinterpret_cast<const u32 *>(number(a, e) - 4));
		}
	}
	static __device__ __forceinline__ void store4(char *a, int e, const u32 *x) {
		if constexpr (SIZE == 4) {
			__stcs(reinterpret_cast<uint4 *>(a + 4ll * e), make_uint4(x[0], x[1], x[2], x[3]));
		} else if constexpr (SIZE == 2) {
			__stcs(reinterpret_cast<uint2 *>(a + 2ll * e), make_uint2(x[0], x[1]));
		} else {
			__stcs(reinterpret_cast<u32 *>(const_cast<char *>(number(a, e))), x[0]);
			if (e % BYTE_BLOCK == 0) __stcs(reinterpret_cast<u32 *>(const_cast<char *>(number(a, e) - 4)), x[1]);
		}
	}
	static __device__ __forceinline__ void copy(char *a, int e, bool written) {
		if constexpr (SIZE == 4) one(reinterpret_cast<u32 *>(a + 4ll * e), written);
		if constexpr (SIZE == 2) one(reinterpret_cast<unsigned short *>(a + 2ll * e), written);
		if constexpr (SIZE == 1) {
			one(reinterpret_cast<unsigned char *>(const_cast<char *>(number(a, e))), written);
			if (e % BYTE_BLOCK == 0) one(reinterpret_cast<u32 *>(const_cast<char *>(number(a, e) - 4)), written);
		}
	}
	static __device__ __forceinline__ const char *number(const char *a, int e) {
		return a + (long long)(e / BYTE_BLOCK) * BLOCK_BYTES + 4 + e % BYTE_BLOCK;
	}
	template <class T> static __device__ __forceinline__ void one(T *p, bool written) {
		u32 x = __ldcs(p);
		asm volatile("" : "+r"(x));
		if (written) __stcs(p, T(x));
	}
};

template <int... ARRAY> struct Stream {
	static const int ARRAYS = sizeof...(ARRAY);
	static BOTH int array(int k) {
		constexpr int all[] = {ARRAY...};
		return all[k];
	}
	static BOTH int size(int k) { return array(k) & 7; }

	template <int K = 0> static __device__ __forceinline__ void load4(char *const *a, int e, u32 (*x)[4]) {
		if constexpr (K < ARRAYS) {
			Raw<size(K)>::load4(a[K], e, x[K]);
			load4<K + 1>(a, e, x);
		}
	}
	// The compiler must not know that what is stored was there.
	template <int K = 0> static __device__ __forceinline__ void store4(char *const *a, int e, u32 (*x)[4]) {
		if constexpr (K < ARRAYS) {
			#pragma unroll
			for (int i = 0; i < (size(K) == 1 ? 1 : size(K)); i++) asm volatile("" : "+r"(x[K][i]));
			if constexpr ((array(K) & WRITTEN) != 0) Raw<size(K)>::store4(a[K], e, x[K]);
			store4<K + 1>(a, e, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void copy(char *const *a, int e) {
		if constexpr (K < ARRAYS) {
			Raw<size(K)>::copy(a[K], e, array(K) & WRITTEN);
			copy<K + 1>(a, e);
		}
	}
	template <int K = 0> static __device__ __forceinline__ int phase(char *const *a) {
		const int own = size(K) == 1 ? 0 : int(reinterpret_cast<u64>(a[K]) / size(K) & 3);
		if constexpr (K + 1 < ARRAYS) {
			if (phase<K + 1>(a) != own) return -1;
		}
		return own;
	}

	static __device__ __forceinline__ void run(const Table *t) {
		const u64 warps = u64(gridDim.x) * (BLOCK / 32);
		for (u64 i = u64(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32; i < t->chunks; i += warps) {
			const Span<Stream> s(t, i);
			const bool vector = phase(s.array) >= 0;
			const int shift = vector ? phase(s.array) : 0;
			for (int e = 4 * int(lane()) - shift; e < s.len; e += 4 * 32) {
				if (vector && e >= 0 && e + 4 <= s.len) {
					u32 x[ARRAYS][4];
					load4(s.array, e, x);
					store4(s.array, e, x);
				} else {
					#pragma unroll 1
					for (int q = 0; q < 4; q++)
						if (e + q >= 0 && e + q < s.len) copy(s.array, e + q);
				}
			}
		}
	}
};

// One for each mix that a pass has: a letter and a size for each array.
const int w4 = WRITTEN | 4, w2 = WRITTEN | 2, w1 = WRITTEN | 1, r4 = 4, r2 = 2;
#define STREAM(name, ...) KERNEL(stream_##name, 5) { Stream<__VA_ARGS__>::run(t); }

STREAM(r2, r2)
STREAM(r2r2, r2, r2)
STREAM(r4, r4)
STREAM(r4r2, r4, r2)
STREAM(r4r4, r4, r4)
STREAM(w2r2, w2, r2)
STREAM(w2r2r2, w2, r2, r2)
STREAM(w2w2r2, w2, w2, r2)
STREAM(w2w2r2r2, w2, w2, r2, r2)
STREAM(w2w2r4r4, w2, w2, r4, r4)
STREAM(w2w2w2r2, w2, w2, w2, r2)
STREAM(w2w2w2w2r2, w2, w2, w2, w2, r2)
STREAM(w4, w4)
STREAM(w4r2r2, w4, r2, r2)
STREAM(w4r4, w4, r4)
STREAM(w4r4r4, w4, r4, r4)
STREAM(w4w1r4, w4, w1, r4)
STREAM(w4w1w1r4, w4, w1, w1, r4)
STREAM(w4w1w1w1r4, w4, w1, w1, w1, r4)
STREAM(w4w2r2, w4, w2, r2)
STREAM(w4w2r2r2, w4, w2, r2, r2)
STREAM(w4w2r4, w4, w2, r4)
STREAM(w4w2r4r4, w4, w2, r4, r4)
STREAM(w4w2w2r4, w4, w2, w2, r4)
STREAM(w4w2w2w2r4, w4, w2, w2, w2, r4)
STREAM(w4w4r4, w4, w4, r4)
STREAM(w4w4r4r2, w4, w4, r4, r2)
STREAM(w4w4r4r4, w4, w4, r4, r4)
STREAM(w4w4w2r2, w4, w4, w2, r2)
STREAM(w4w4w4r4, w4, w4, w4, r4)
STREAM(w4w4w4w2r2, w4, w4, w4, w2, r2)
STREAM(w4w4w4w4r4, w4, w4, w4, w4, r4)
STREAM(w4w4w4w4w2r2, w4, w4, w4, w4, w2, r2)
