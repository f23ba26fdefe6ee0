// The one skeleton of every kernel: how an update runs over many tensors. What
// the tables hold and who builds them is in table.go; the order of sums is that
// of kernels/reduce.go.
//
// A warp takes a chunk at a time: consecutive elements of one tensor. Its lanes
// handle four elements each, in one access (of 16 bytes in float32) where all arrays
// of a tensor, but neighbours, start at the same place within four elements, else one
// element at a time. Arithmetic is float32, in whatever types arrays are stored.

typedef unsigned int u32;
typedef unsigned long long u64;

enum { NONE = 0, R = 1, W = 2, RW = 3 }; // as kernels.Access

#define BOTH __host__ __device__ constexpr

// What a slot is, and what the passes do with it: the roles of package kernels.
BOTH int slot(int role, int first, int second) { return second << 8 | role << 2 | first; }
BOTH int parameter(int first, int second = NONE) { return slot(0, first, second); }
BOTH int threshold(int first, int second = NONE) { return slot(0, first, second); }
BOTH int gradient(int first, int second = NONE) { return slot(1, first, second); }
BOTH int state(int first, int second = NONE) { return slot(2, first, second); }
BOTH int moment(int first, int second = NONE) { return slot(3, first, second); }
BOTH int input(int first) { return slot(0, first, NONE); } // of an objective or another loop, in float32
BOTH int output(int first) { return slot(0, first, NONE); }
BOTH int neighbour(int first) { return slot(4, first, NONE); } // an input that starts where it may
BOTH bool is_neighbour(int slot) { return (slot >> 2 & 7) == 4; }
BOTH int second(int slot) { return (slot & 7 << 2) | slot >> 8; } // as if it were the first

// The types of kernels.DType that are known here, and kernels.Storages of them.
enum Type { FLOAT, BFLOAT, BYTES, UBYTES };
enum Storage { F32, BF16, BF16_STATES, BF16_MASTER, Q8_STATES };

// type_of is the type of a slot: of the first, of the master copy where there is one.
BOTH Type type_of(int storage, int slot, int index) {
	const int role = slot >> 2 & 7;
	if (storage == BF16) return BFLOAT;
	if (storage == BF16_STATES) return role == 2 || role == 3 ? BFLOAT : FLOAT;
	if (storage == BF16_MASTER) return (role == 0 && index > 0) || role == 1 ? BFLOAT : FLOAT;
	if (storage == Q8_STATES) return role == 2 ? BYTES : role == 3 ? UBYTES : FLOAT;
	return FLOAT;
}

const int BLOCK = 256;       // threads of a block
const int UNIT = 1024;       // kernels.Unit
const u32 UNIT_BLOCK = 4096; // kernels.UnitBlock
const int COEFS = 16;        // kernels.MaxCoef
const int TENSOR = 15;       // kernels.CoefTensor
const u32 ALL = 0xffffffffu; // lanes

struct Tensor {
	char *array[6]; // of the slots, then the master copy
	u64 n;
	u64 unit;  // index of its first unit
	u64 block; // index of its first block of units
};

struct Chunk {
	u32 tensor;
	u32 index; // chunk of the tensor
};

// What is known of a tensor once its sums are.
struct State {
	double scalar;
	u32 skip;
	u32 arrived; // blocks whose total is known; counts round
};

struct Domain { // a barrier's count, alone on its cache line
	u64 arrived;
	u64 pad[15];
};

struct Work {
	u64 skipped;
	u32 error;   // a barrier was given up
	u32 arrived; // tensors whose sums are known; counts round
	u64 pad[14];
	Domain domain[2];
};

struct Table {
	u64 tensors; // with elements
	u64 chunks;
	u64 span;  // elements of a chunk: whole units, and a block of units is whole chunks
	u64 skips; // what a skipped group counts as
	const Tensor *tensor;
	const Chunk *chunk;
	const double *scale[2]; // factors on every gradient, or null
	Work *work;
	State *state;  // of tensors
	u32 *arrived;  // of blocks: chunks whose sums are known; counts round
	double *total; // of blocks
	float *unit;   // sums of units
	double *out;   // a reduction's result
	u64 groups;
	const u64 *group; // first chunk of each, and the end
	u64 patience;     // looks at a barrier before it is given up
};

// Loads and stores, of a STREAM that will not be used again soon or of what will.
template <bool STREAM, class T> __device__ __forceinline__ T load_from(const T *p) { return STREAM ? __ldcs(p) : __ldca(p); }
template <bool STREAM, class T> __device__ __forceinline__ void store_to(T *p, T x) {
	if (STREAM) __stcs(p, x); else __stwb(p, x);
}

__device__ __forceinline__ u32 bits(float x) { return __float_as_uint(x); }
__device__ __forceinline__ float real(u32 x) { return __uint_as_float(x); }

// bfloat is the upper half of a float32, rounded to nearest, ties to even; there is
// one that is not a number.
__device__ __forceinline__ u32 bfloat(float x) {
	return x != x ? 0x7fc0 : (bits(x) + 0x7fff + (bits(x) >> 16 & 1)) >> 16;
}

// Numbers of a type in memory, from element e of an array on: four or one.
template <Type TYPE, bool STREAM> struct Numbers;

template <bool STREAM> struct Numbers<FLOAT, STREAM> {
	static const int size = 4;
	static __device__ __forceinline__ void load4(const char *a, int e, float *x) {
		const float4 y = load_from<STREAM>(reinterpret_cast<const float4 *>(a + 4ll * e));
		x[0] = y.x, x[1] = y.y, x[2] = y.z, x[3] = y.w;
	}
	static __device__ __forceinline__ void store4(char *a, int e, const float *x) {
		store_to<STREAM>(reinterpret_cast<float4 *>(a + 4ll * e), make_float4(x[0], x[1], x[2], x[3]));
	}
	static __device__ __forceinline__ float load(const char *a, int e) { return load_from<STREAM>(reinterpret_cast<const float *>(a + 4ll * e)); }
	static __device__ __forceinline__ void store(char *a, int e, float x) { store_to<STREAM>(reinterpret_cast<float *>(a + 4ll * e), x); }
	static __device__ __forceinline__ float round(float x) { return x; }
};

template <bool STREAM> struct Numbers<BFLOAT, STREAM> {
	static const int size = 2;
	static __device__ __forceinline__ void load4(const char *a, int e, float *x) {
		const uint2 y = load_from<STREAM>(reinterpret_cast<const uint2 *>(a + 2ll * e));
		x[0] = real(y.x << 16), x[1] = real(y.x & 0xffff0000u), x[2] = real(y.y << 16), x[3] = real(y.y & 0xffff0000u);
	}
	static __device__ __forceinline__ void store4(char *a, int e, const float *x) {
		const u32 lower = bfloat(x[0]) | bfloat(x[1]) << 16, upper = bfloat(x[2]) | bfloat(x[3]) << 16;
		store_to<STREAM>(reinterpret_cast<uint2 *>(a + 2ll * e), make_uint2(lower, upper));
	}
	static __device__ __forceinline__ float load(const char *a, int e) {
		return real(u32(load_from<STREAM>(reinterpret_cast<const unsigned short *>(a + 2ll * e))) << 16);
	}
	static __device__ __forceinline__ void store(char *a, int e, float x) {
		store_to<STREAM>(reinterpret_cast<unsigned short *>(a + 2ll * e), (unsigned short)bfloat(x));
	}
	static __device__ __forceinline__ float round(float x) { return real(bfloat(x) << 16); }
};

// Blocks of bytes: kernels.Block. A warp reads and writes one at a time, eight
// numbers a lane: four from 4*lane on, and as many from 128 behind.
const int BYTE_BLOCK = 256, BLOCK_BYTES = 4 + BYTE_BLOCK;

template <Type TYPE> struct Blocks {
	static const int fraction = TYPE == BYTES ? 3 : 4, shift = 23 - fraction;
	static constexpr float zero = 0x1p-15f, top = TYPE == BYTES ? 15.0f / 8 : 31.0f / 16;
	static const u32 bias = 112u << 23, sign = 1u << 31;

	static __device__ __forceinline__ char *at(char *a, int block) { return a + (long long)block * BLOCK_BYTES; }

	static __device__ __forceinline__ void load(char *a, int block, u32 lane, float *x) {
		const char *b = at(a, block);
		const float scale = __ldcs(reinterpret_cast<const float *>(b));
		const u32 word[2] = {__ldcs(reinterpret_cast<const u32 *>(b + 4) + lane), __ldcs(reinterpret_cast<const u32 *>(b + 4) + 32 + lane)};
		const bool good = fabsf(scale) <= 3.40282347e38f;
		const float moved = scale * zero;
		#pragma unroll
		for (int i = 0; i < 8; i++) {
			const u32 code = word[i / 4] >> (8 * (i % 4)) & 255;
			const u32 size = TYPE == BYTES ? code & 127 : code;
			const float y = __fmaf_rn(real((size << shift) + bias), scale, -moved);
			x[i] = good ? real(TYPE == BYTES ? bits(y) | (code >> 7) << 31 : bits(y)) : real(0x7fc00000u);
		}
	}

	// store stores n numbers of a block, of which this lane has those from 4*lane on.
	static __device__ __forceinline__ void store(char *a, int block, u32 lane, int n, const float *x) {
		u32 most = 0; // compared as integers: what is not a number is the largest
		#pragma unroll
		for (int i = 0; i < 8; i++)
			if (int(i / 4 * 128 + 4 * lane + i % 4) < n && (bits(x[i]) & ~sign) > most) most = bits(x[i]) & ~sign;
		#pragma unroll
		for (int w = 16; w > 0; w /= 2) {
			const u32 other = __shfl_xor_sync(ALL, most, w);
			most = other > most ? other : most;
		}
		float scale = real(most) / (top - zero);
		const bool tiny = real(most) < 0x1p-100f, good = fabsf(scale) <= 3.40282347e38f && !tiny;
		if (tiny) scale = 0;
		const float inverse = 1 / scale;
		u32 word[2] = {0, 0};
		#pragma unroll
		for (int i = 0; i < 8; i++) {
			const u32 size = bits(x[i]) & ~sign;
			u32 y = bits(__fmaf_rn(real(size), inverse, zero));
			if (y > bits(top)) y = bits(top);
			u32 code = (y + (1u << (shift - 1)) - bias) >> shift;
			if (TYPE == UBYTES && code == 0 && size > 0) code = 1;
			if (TYPE == BYTES) code |= bits(x[i]) >> 31 << 7;
			word[i / 4] |= (good ? code & 255 : 0) << (8 * (i % 4));
		}
		char *b = at(a, block);
		__stcs(reinterpret_cast<u32 *>(b + 4) + lane, word[0]);
		__stcs(reinterpret_cast<u32 *>(b + 4) + 32 + lane, word[1]);
		if (lane == 0) __stcs(reinterpret_cast<float *>(b), scale);
	}
};

constexpr decltype(nullptr) nothing = nullptr; // in place of a function

// A Pass is what a pass does to each slot: UPDATE updates, then TERMS gives the terms
// of its sums, of the arrays as they then are in memory. Slots in KEEP are needed
// again by the next pass; the others stream.
template <int STORAGE, auto UPDATE, auto TERMS, int SUMS, u32 KEEP, int... SLOT> struct Pass {
	static const int SLOTS = sizeof...(SLOT);
	static const int sums = SUMS;
	static const bool MASTER = STORAGE == BF16_MASTER;
	static const int ARRAYS = SLOTS + MASTER;
	static const int X = STORAGE == Q8_STATES ? 8 : 4; // elements that a lane has at a time

	static BOTH int slot(int k) {
		constexpr int all[] = {SLOT...};
		return all[k];
	}
	template <int K> using Of = Numbers<type_of(STORAGE, slot(K), K), !(KEEP >> K & 1)>;
	template <int K> static __device__ __forceinline__ char *of(char *const *array) { return array[MASTER && K == 0 ? SLOTS : K]; }

	// size returns the bytes of a number of an array; of blocks, 1.
	static BOTH int size(int array) {
		if (MASTER) return array == 0 ? 2 : array == SLOTS ? 4 : type_of(STORAGE, slot(array), array) == BFLOAT ? 2 : 4;
		const Type t = type_of(STORAGE, slot(array), array);
		return t == FLOAT ? 4 : t == BFLOAT ? 2 : 1;
	}

	template <int K = 0> static __device__ __forceinline__ void load4(char *const *array, int e, float (*x)[X]) {
		if constexpr (K < SLOTS) {
			if constexpr (is_neighbour(slot(K))) load4_anywhere<K>(array[K], e, x[K]);
			else if constexpr ((slot(K) & R) != 0) Of<K>::load4(of<K>(array), e, x[K]);
			load4<K + 1>(array, e, x);
		}
	}
	// A neighbour that lies across the fours was loaded with the array that it is of,
	// for the most part, and comes from the cache.
	template <int K> static __device__ __forceinline__ void load4_anywhere(const char *a, int e, float *x) {
		if ((reinterpret_cast<u64>(a + 4ll * e) & 15) == 0) {
			Of<K>::load4(a, e, x);
		} else {
			#pragma unroll
			for (int q = 0; q < 4; q++) x[q] = Of<K>::load(a, e + q);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void store4(char *const *array, int e, float (*x)[X]) {
		if constexpr (K < SLOTS) {
			if constexpr ((slot(K) & W) != 0) Of<K>::store4(of<K>(array), e, x[K]);
			if constexpr (MASTER && K == 0 && (slot(K) & W) != 0) Numbers<BFLOAT, true>::store4(array[0], e, x[K]);
			store4<K + 1>(array, e, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void load(char *const *array, int e, float (*x)[X]) {
		if constexpr (K < SLOTS) {
			if constexpr ((slot(K) & R) != 0) x[K][0] = Of<K>::load(of<K>(array), e);
			load<K + 1>(array, e, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void store(char *const *array, int e, float (*x)[X]) {
		if constexpr (K < SLOTS) {
			if constexpr ((slot(K) & W) != 0) Of<K>::store(of<K>(array), e, x[K][0]);
			if constexpr (MASTER && K == 0 && (slot(K) & W) != 0) Numbers<BFLOAT, true>::store(array[0], e, x[K][0]);
			store<K + 1>(array, e, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void round(float (*x)[X], int q) {
		if constexpr (K < SLOTS) {
			if constexpr ((slot(K) & W) != 0) x[K][q] = Of<K>::round(x[K][q]);
			round<K + 1>(x, q);
		}
	}

	// one updates element q of x and adds its terms to accumulator to of each sum.
	static __device__ __forceinline__ void one(const float *c, float (*x)[X], int q, float (*acc)[4], int to) {
		if constexpr (UPDATE != nullptr) {
			if constexpr (SLOTS == 2) UPDATE(c, x[0][q], x[1][q]);
			if constexpr (SLOTS == 3) UPDATE(c, x[0][q], x[1][q], x[2][q]);
			if constexpr (SLOTS == 4) UPDATE(c, x[0][q], x[1][q], x[2][q], x[3][q]);
			if constexpr (SLOTS == 5) UPDATE(c, x[0][q], x[1][q], x[2][q], x[3][q], x[4][q]);
		}
		if constexpr (SUMS > 0) {
			float term[SUMS];
			round(x, q);
			if constexpr (SLOTS == 1) TERMS(c, x[0][q], term);
			if constexpr (SLOTS == 2) TERMS(c, x[0][q], x[1][q], term);
			if constexpr (SLOTS == 3) TERMS(c, x[0][q], x[1][q], x[2][q], term);
			if constexpr (SLOTS == 4) TERMS(c, x[0][q], x[1][q], x[2][q], x[3][q], term);
			if constexpr (SLOTS == 5) TERMS(c, x[0][q], x[1][q], x[2][q], x[3][q], x[4][q], term);
			if constexpr (SLOTS == 6) TERMS(c, x[0][q], x[1][q], x[2][q], x[3][q], x[4][q], x[5][q], term);
			#pragma unroll
			for (int k = 0; k < SUMS; k++)
				#pragma unroll
				for (int j = 0; j < 4; j++)
					if (j == to) acc[k][j] += term[k];
		}
	}

	// phase is at which element of four arrays start, but for neighbours; -1 where they
	// differ.
	template <int K = 0> static __device__ __forceinline__ int phase(char *const *array) {
		const int own = int(reinterpret_cast<u64>(array[K]) / size(K) & 3);
		if constexpr (K + 1 < ARRAYS) {
			if constexpr (!is_neighbour(slot(K + 1 < SLOTS ? K + 1 : 0)))
				if (phase<K + 1>(array) != own) return -1;
		}
		return own;
	}

	// run handles len elements of each array, four by four: the fours first,
	// first+step and so on. Fours are those of memory where the arrays agree on
	// them, so that the first and the last may be cut.
	static __device__ __forceinline__ void run(const float *c, char *const *array, int len, int first, int step, float (*acc)[4]) {
		if constexpr (STORAGE == Q8_STATES) {
			blocks(c, array, len);
		} else {
			const int shift = phase(array) < 0 ? 0 : phase(array);
			const bool vector = phase(array) >= 0;
			for (int e = 4 * first - shift; e < len; e += 4 * step) {
				float x[SLOTS][X];
				if (vector && e >= 0 && e + 4 <= len) {
					load4(array, e, x);
					#pragma unroll
					for (int q = 0; q < 4; q++) one(c, x, q, acc, q);
					store4(array, e, x);
				} else {
					#pragma unroll 1
					for (int q = 0; q < 4; q++) {
						if (e + q < 0 || e + q >= len) continue;
						load(array, e + q, x);
						one(c, x, 0, acc, q);
						store(array, e + q, x);
					}
				}
			}
		}
	}

	// blocks is run where slots are blocks, at whose start the chunk starts too.
	static __device__ __forceinline__ void blocks(const float *c, char *const *array, int len) {
		const u32 lane = threadIdx.x & 31;
		#pragma unroll 1
		for (int b = 0; b * BYTE_BLOCK < len; b++) {
			const int n = len - b * BYTE_BLOCK < BYTE_BLOCK ? len - b * BYTE_BLOCK : BYTE_BLOCK;
			float x[SLOTS][X];
			load_block(array, b, lane, n, x);
			#pragma unroll
			for (int q = 0; q < X; q++) one(c, x, q, 0, 0);
			store_block(array, b, lane, n, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void load_block(char *const *array, int b, u32 lane, int n, float (*x)[X]) {
		if constexpr (K < SLOTS) {
			constexpr Type type = type_of(STORAGE, slot(K), K);
			if constexpr ((slot(K) & R) == 0) {
			} else if constexpr (type == FLOAT) {
				const bool vector = (reinterpret_cast<u64>(array[K]) & 15) == 0;
				#pragma unroll
				for (int i = 0; i < X; i += 4) {
					const int in = i / 4 * 128 + 4 * lane, e = b * BYTE_BLOCK + in;
					if (vector && in + 4 <= n) Of<K>::load4(array[K], e, x[K] + i);
					else
						#pragma unroll
						for (int q = 0; q < 4; q++) x[K][i + q] = in + q < n ? Of<K>::load(array[K], e + q) : 0;
				}
			} else {
				Blocks<type>::load(array[K], b, lane, x[K]);
			}
			load_block<K + 1>(array, b, lane, n, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void store_block(char *const *array, int b, u32 lane, int n, float (*x)[X]) {
		if constexpr (K < SLOTS) {
			constexpr Type type = type_of(STORAGE, slot(K), K);
			if constexpr ((slot(K) & W) == 0) {
			} else if constexpr (type == FLOAT) {
				const bool vector = (reinterpret_cast<u64>(array[K]) & 15) == 0;
				#pragma unroll
				for (int i = 0; i < X; i += 4) {
					const int in = i / 4 * 128 + 4 * lane, e = b * BYTE_BLOCK + in;
					if (vector && in + 4 <= n) Of<K>::store4(array[K], e, x[K] + i);
					else
						#pragma unroll
						for (int q = 0; q < 4; q++)
							if (in + q < n) Of<K>::store(array[K], e + q, x[K][i + q]);
				}
			} else {
				Blocks<type>::store(array[K], b, lane, n, x[K]);
			}
			store_block<K + 1>(array, b, lane, n, x);
		}
	}
};

// A place is where an array is from an element on; blocks are never cut.
__device__ __forceinline__ char *place(char *array, u64 e, int size) {
	return size == 1 ? array + e / BYTE_BLOCK * BLOCK_BYTES : array + e * size;
}

__device__ __forceinline__ bool is_finite(double x) { return fabs(x) <= 1.7976931348623157e308; }

// constants reads the constants of the step, the factor on gradients complete.
__device__ __forceinline__ void constants(const Table *t, const double *coef, double *c) {
	#pragma unroll
	for (int i = 0; i < COEFS; i++) c[i] = coef[i];
	#pragma unroll
	for (int i = 0; i < 2; i++)
		if (t->scale[i]) c[0] *= *t->scale[i];
}

__device__ __forceinline__ void rounded(const double *c, float *f) {
	#pragma unroll
	for (int i = 0; i < COEFS; i++) f[i] = float(c[i]);
}

// skip counts and reports a step that nothing takes part in.
__device__ __forceinline__ bool skip(const Table *t, const double *c, bool count) {
	if (is_finite(c[0])) return false;
	if (count && blockIdx.x == 0 && threadIdx.x == 0) atomicAdd(&t->work->skipped, t->skips);
	return true;
}

__device__ __forceinline__ u32 lane() { return threadIdx.x & 31; }

// A Span is a chunk and where it lies.
template <class P> struct Span {
	Chunk chunk;
	u64 n; // of the tensor
	u64 from;
	int len;
	char *array[P::ARRAYS];

	__device__ __forceinline__ Span(const Table *t, u64 i) {
		chunk = t->chunk[i];
		const Tensor *tensor = t->tensor + chunk.tensor;
		n = tensor->n;
		from = chunk.index * t->span;
		len = int(n - from < t->span ? n - from : t->span);
		#pragma unroll
		for (int k = 0; k < P::ARRAYS; k++) array[k] = place(tensor->array[k], from, P::size(k));
	}
};

// elementwise runs a pass without sums over all chunks.
template <class P> __device__ __forceinline__ void elementwise(const Table *t, const double *coef) {
	double c[COEFS];
	float f[COEFS];
	constants(t, coef, c);
	if (skip(t, c, true)) return;
	rounded(c, f);
	const u64 warps = u64(gridDim.x) * (BLOCK / 32);
	for (u64 i = u64(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32; i < t->chunks; i += warps) {
		const Span<P> s(t, i);
		P::run(f, s.array, s.len, lane(), 32, 0);
	}
}

// applied runs the last pass of an update with norms over one chunk.
template <class P> __device__ __forceinline__ void applied(const Table *t, float *f, u64 i) {
	const Span<P> s(t, i);
	const State *state = t->state + s.chunk.tensor;
	if (__ldcg(&state->skip)) return;
	f[TENSOR] = float(__ldcg(&state->scalar));
	P::run(f, s.array, s.len, lane(), 32, 0);
}

// applied_all runs it over all, last things first: they may still be in the cache.
template <class P> __device__ __forceinline__ void applied_all(const Table *t, const double *coef) {
	double c[COEFS];
	float f[COEFS];
	constants(t, coef, c);
	if (skip(t, c, false)) return;
	rounded(c, f);
	const u64 warps = u64(gridDim.x) * (BLOCK / 32);
	for (u64 i = u64(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32; i < t->chunks; i += warps)
		applied<P>(t, f, t->chunks - 1 - i);
}

// last reports, to all lanes of a warp, that it is the last of n to arrive: what
// the others have written before is then there to be read, not from a cache.
__device__ __forceinline__ bool last(u32 *arrived, u32 n) {
	u32 before = 0;
	__threadfence();
	__syncwarp();
	if (lane() == 0) before = atomicInc(arrived, n - 1);
	__syncwarp(); // a shuffle orders no accesses
	before = __shfl_sync(ALL, before, 0);
	__threadfence();
	return before == n - 1;
}

// block_total adds sum k of n units, as if one after the other in float64. Where
// no addition rounds, the order does not matter: so it is where all units are
// multiples of some power of two and their total, none being negative, is at most
// 2^53 of those. Else they are added one after the other.
template <int SUMS> __device__ __forceinline__ double block_total(const float *unit, int n, int k) {
	double total = 0;
	u32 least = 254, exact = 1; // the exponent of the least unit that is not zero
	for (int i = lane(); i < n; i += 32) {
		float x = __ldcg(unit + i * SUMS + k);
		total += double(x);
		if (!(x >= 0)) exact = 0;
		u32 exponent = __float_as_uint(x) >> 23 & 255;
		if (exponent == 0) exponent = 1;
		if (x > 0 && exponent < least) least = exponent;
	}
	#pragma unroll
	for (int w = 16; w > 0; w /= 2) {
		total += __shfl_xor_sync(ALL, total, w);
		u32 other = __shfl_xor_sync(ALL, least, w);
		least = other < least ? other : least;
		exact &= __shfl_xor_sync(ALL, exact, w);
	}
	// The unit of the last place of a float32 with that exponent is 2^(exponent-150).
	if (exact && total <= __longlong_as_double(u64(least - 150 + 53 + 1023) << 52)) return total;
	total = 0;
	for (int i = 0; i < n; i++) total += double(__ldcg(unit + i * SUMS + k));
	return total;
}

// summed runs a pass with sums over one chunk, eight lanes a unit. The warp that
// completes a block of units adds them, and the one that completes a tensor adds
// its blocks and stores what SCALAR makes of the sums. It reports to all lanes of
// that warp that it did.
template <class P, auto SCALAR> __device__ __forceinline__ bool summed(const Table *t, const double *coef, const float *f, u64 i) {
	const int SUMS = P::sums;
	const Span<P> s(t, i);
	const Tensor *tensor = t->tensor + s.chunk.tensor;
	const u64 first = s.from / UNIT; // unit of the tensor
	float *unit = t->unit + (tensor->unit + first) * SUMS;
	for (int from = 0; from < s.len; from += 4 * UNIT) {
		const int at = from + int(lane() / 8) * UNIT;
		float acc[SUMS][4] = {};
		char *array[P::ARRAYS];
		#pragma unroll
		for (int k = 0; k < P::ARRAYS; k++) array[k] = place(s.array[k], at, P::size(k));
		P::run(f, array, s.len - at < UNIT ? s.len - at : UNIT, lane() % 8, 8, acc);
		__syncwarp();
		#pragma unroll
		for (int k = 0; k < SUMS; k++) {
			// Accumulators j and j+16 are four lanes apart, and so on, wherever
			// the fours of memory begin.
			#pragma unroll
			for (int w = 4; w > 0; w /= 2)
				#pragma unroll
				for (int q = 0; q < 4; q++) acc[k][q] += __shfl_xor_sync(ALL, acc[k][q], w);
			float sum = (acc[k][0] + acc[k][2]) + (acc[k][1] + acc[k][3]);
			if (lane() % 8 == 0 && at < s.len) unit[at / UNIT * SUMS + k] = sum;
		}
	}

	const u64 in = first / UNIT_BLOCK, units = (s.n + UNIT - 1) / UNIT; // block in the tensor
	const u64 left = units - in * UNIT_BLOCK;
	const u32 count = left < UNIT_BLOCK ? u32(left) : UNIT_BLOCK; // units of the block
	const u64 block = tensor->block + in;
	const u32 per = u32(t->span / UNIT); // units of a chunk
	if (!last(t->arrived + block, (count + per - 1) / per)) return false;
	double sum[SUMS];
	#pragma unroll
	for (int k = 0; k < SUMS; k++)
		sum[k] = block_total<SUMS>(t->unit + (tensor->unit + in * UNIT_BLOCK) * SUMS, int(count), k);
	const u32 blocks = u32((units + UNIT_BLOCK - 1) / UNIT_BLOCK);
	State *state = t->state + s.chunk.tensor;
	if (blocks > 1) {
		if (lane() == 0)
			#pragma unroll
			for (int k = 0; k < SUMS; k++) t->total[block * SUMS + k] = sum[k];
		if (!last(&state->arrived, blocks)) return false;
		#pragma unroll
		for (int k = 0; k < SUMS; k++) {
			sum[k] = 0;
			for (u32 b = 0; b < blocks; b++) sum[k] += __ldcg(t->total + (tensor->block + b) * SUMS + k);
		}
	}
	if (lane() == 0) {
		double c[COEFS]; // read once more: held all along they would take registers
		constants(t, coef, c);
		bool good = true;
		#pragma unroll
		for (int k = 0; k < SUMS; k++) good = good && is_finite(sum[k]);
		state->scalar = SCALAR(c, sum);
		state->skip = !good;
	}
	return true;
}

// norms runs the first pass of an update with norms over all chunks.
template <class P, auto SCALAR> __device__ __forceinline__ void norms(const Table *t, const double *coef) {
	double c[COEFS];
	float f[COEFS];
	constants(t, coef, c);
	if (skip(t, c, true)) return;
	rounded(c, f);
	const u64 warps = u64(gridDim.x) * (BLOCK / 32);
	for (u64 i = u64(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32; i < t->chunks; i += warps)
		if (summed<P, SCALAR>(t, coef, f, i) && lane() == 0 && __ldcg(&t->state[t->chunk[i].tensor].skip))
			atomicAdd(&t->work->skipped, 1ull);
}

__device__ inline double first_sum(const double *, const double *sum) { return sum[0]; }

// reduction runs a pass with one sum over all chunks; the warp that completes
// the last tensor adds the sums of tensors in their order.
template <class P> __device__ __forceinline__ void reduction(const Table *t, const double *coef) {
	double c[COEFS];
	float f[COEFS];
	constants(t, coef, c);
	rounded(c, f);
	if (t->chunks == 0 && blockIdx.x == 0 && threadIdx.x == 0) *t->out = 0;
	const u64 warps = u64(gridDim.x) * (BLOCK / 32);
	for (u64 i = u64(blockIdx.x) * (BLOCK / 32) + threadIdx.x / 32; i < t->chunks; i += warps) {
		if (!summed<P, first_sum>(t, coef, f, i) || !last(&t->work->arrived, u32(t->tensors)) || lane() != 0) continue;
		double sum = 0;
		for (u64 k = 0; k < t->tensors; k++) sum += __ldcg(&t->state[k].scalar);
		*t->out = sum;
	}
}

__device__ __forceinline__ u64 acquire(const u64 *p) {
	u64 x;
	asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(x) : "l"(p) : "memory");
	return x;
}
__device__ __forceinline__ u32 acquire(const u32 *p) {
	u32 x;
	asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(x) : "l"(p) : "memory");
	return x;
}

// barrier waits until all blocks of a domain have arrived, and reports whether
// they have: all of them must be resident, or it is given up, once and for all.
// Counts go on from launch to launch.
__device__ __forceinline__ bool barrier(const Table *t, Domain *d, u64 blocks) {
	int failed = 0;
	__syncthreads();
	if (threadIdx.x == 0) {
		__threadfence();
		const u64 until = (atomicAdd(&d->arrived, 1ull) / blocks + 1) * blocks;
		for (u64 i = 0; !failed && acquire(&d->arrived) < until; i++)
			failed = i >= t->patience || acquire(&t->work->error);
		if (failed) atomicExch(&t->work->error, 1u);
	}
	return !__syncthreads_or(failed);
}

// grouped runs both passes of an update with norms in one launch, group by
// group, so that the second finds in the cache what the first has read. Even and
// odd blocks take groups in turn: while one half waits the other streams.
template <class A, class B, auto SCALAR> __device__ __forceinline__ void grouped(const Table *t, const double *coef) {
	double c[COEFS];
	float f[COEFS];
	constants(t, coef, c);
	if (skip(t, c, true)) return;
	rounded(c, f);
	const u32 domains = gridDim.x < 2 || t->groups < 2 ? 1 : 2, domain = blockIdx.x % domains;
	const u32 blocks = (gridDim.x + domains - 1 - domain) / domains;
	const u32 warps = blocks * (BLOCK / 32), warp = blockIdx.x / domains * (BLOCK / 32) + threadIdx.x / 32;
	for (u64 g = domain; g < t->groups; g += domains) {
		const u64 from = t->group[g], to = t->group[g + 1];
		for (u64 i = from + warp; i < to; i += warps)
			if (summed<A, SCALAR>(t, coef, f, i) && lane() == 0 && __ldcg(&t->state[t->chunk[i].tensor].skip))
				atomicAdd(&t->work->skipped, 1ull);
		if (!barrier(t, &t->work->domain[domain], blocks)) return;
		for (u64 i = from + warp; i < to; i += warps) applied<B>(t, f, i);
	}
}

// Which slots of the first pass the second needs.
template <int... SLOT> BOTH u32 kept() {
	u32 mask = 0, bit = 1;
	((mask |= (second(SLOT) & RW) != NONE ? bit : 0, bit <<= 1), ...);
	return mask;
}

// Blocks that leave the registers for what a function holds of its slots: with fewer
// it would spill.
template <class... T> constexpr int update_blocks(T...) { return sizeof...(T) > 4 ? 4 : 5; }
template <class... T> constexpr int sum_blocks(T...) { return sizeof...(T) > 4 ? 3 : 4; }

// KERNEL limits registers so that at least so many blocks share a multiprocessor.
#define KERNEL(name, blocks) extern "C" __global__ void __launch_bounds__(BLOCK, blocks) name(const Table *t, const double *c)

// UPDATE makes elementwise kernels of the function of its name and its slots, for
// every storage that there is for one with states; STATELESS_UPDATE for one without.
#define UPDATE(name, ...) \
	STATELESS_UPDATE(name, __VA_ARGS__) \
	ELEMENTWISE(name##_bf16_states, update_blocks(__VA_ARGS__), BF16_STATES, name, __VA_ARGS__) \
	ELEMENTWISE(name##_q8_states, 2, Q8_STATES, name, __VA_ARGS__)
#define STATELESS_UPDATE(name, ...) \
	ELEMENTWISE(name##_f32, update_blocks(__VA_ARGS__), F32, name, __VA_ARGS__) \
	ELEMENTWISE(name##_bf16, update_blocks(__VA_ARGS__), BF16, name, __VA_ARGS__) \
	ELEMENTWISE(name##_bf16_master, update_blocks(__VA_ARGS__), BF16_MASTER, name, __VA_ARGS__)
#define ELEMENTWISE(entry, blocks, storage, name, ...) \
	KERNEL(entry, blocks) { elementwise<Pass<storage, name, nothing, 0, 0, __VA_ARGS__>>(t, c); }

// LOOP makes an elementwise kernel in float32 alone.
#define LOOP(name, ...) ELEMENTWISE(name##_f32, 5, F32, name, __VA_ARGS__)


// REDUCTION makes a kernel of a function with one sum, which may write slots too, in
// float32; GRADIENT_REDUCTION one in bfloat16 as well.
#define REDUCTION(name, ...) SUMMED(name##_f32, sum_blocks(__VA_ARGS__), F32, name, __VA_ARGS__)
#define GRADIENT_REDUCTION(name, ...) \
	SUMMED(name##_f32, 5, F32, name, __VA_ARGS__) \
	SUMMED(name##_bf16, 5, BF16, name, __VA_ARGS__)
#define SUMMED(entry, blocks, storage, name, ...) \
	KERNEL(entry, blocks) { reduction<Pass<storage, nothing, name, 1, 0, __VA_ARGS__>>(t, c); }

// NORM_UPDATE makes kernels of an update with norms: of what the first pass updates,
// or nothing, the terms of its sums, what makes a scalar of them, what the second
// pass applies, and the slots, with what each pass does to them. There is a launch
// for each pass, and one for both, in every storage.
#define NORM_UPDATE(name, update, terms, scalar, apply, sums, ...) \
	NORM_STORED(name, f32, F32, update, terms, scalar, apply, sums, __VA_ARGS__) \
	NORM_STORED(name, bf16, BF16, update, terms, scalar, apply, sums, __VA_ARGS__) \
	NORM_STORED(name, bf16_states, BF16_STATES, update, terms, scalar, apply, sums, __VA_ARGS__) \
	NORM_STORED(name, bf16_master, BF16_MASTER, update, terms, scalar, apply, sums, __VA_ARGS__)
#define NORM_STORED(name, suffix, storage, update, terms, scalar, apply, sums, ...) \
	KERNEL(name##_norms_##suffix, 3) { norms<First<storage, update, terms, sums, __VA_ARGS__>, scalar>(t, c); } \
	KERNEL(name##_apply_##suffix, 4) { applied_all<Second<storage, apply, __VA_ARGS__>>(t, c); } \
	KERNEL(name##_group_##suffix, 3) { \
		grouped<First<storage, update, terms, sums, __VA_ARGS__>, Second<storage, apply, __VA_ARGS__>, scalar>(t, c); \
	}
template <int STORAGE, auto UPDATE, auto TERMS, int SUMS, int... SLOT> using First = Pass<STORAGE, UPDATE, TERMS, SUMS, kept<SLOT...>(), SLOT...>;
template <int STORAGE, auto APPLY, int... SLOT> using Second = Pass<STORAGE, APPLY, nothing, 0, 0, second(SLOT)...>;

struct MapTable {
	u64 inputs;
	double *out;
	const double *in[4];
};

// MAP makes a kernel of a function of scalars, for one thread.
#define MAP(name) \
	extern "C" __global__ void name##_f64(const MapTable *t, const double *c) { \
		double in[4]; \
		bool good = true; \
		_Pragma("unroll") for (int i = 0; i < 4; i++) { \
			in[i] = i < t->inputs ? *t->in[i] : 0; \
			good = good && is_finite(in[i]); \
		} \
		*t->out = good ? name(c, in) : __longlong_as_double(0x7ff8000000000000); \
	}
