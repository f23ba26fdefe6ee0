// The one skeleton of every kernel: how an update runs over many tensors. What
// the tables hold and who builds them is in table.go; the order of sums is that
// of kernels/reduce.go.
//
// A warp takes a chunk at a time: consecutive elements of one tensor. Its lanes
// handle four elements each, in 16-byte accesses where all slots of a tensor start
// at the same place within 16 bytes, else one element at a time.

typedef unsigned int u32;
typedef unsigned long long u64;

enum { NONE = 0, R = 1, W = 2, RW = 3 }; // as kernels.Access

const int BLOCK = 256;       // threads of a block
const int UNIT = 1024;       // kernels.Unit
const u32 UNIT_BLOCK = 4096; // kernels.UnitBlock
const int COEFS = 16;        // kernels.MaxCoef
const int TENSOR = 15;       // kernels.CoefTensor
const u32 ALL = 0xffffffffu; // lanes

struct Tensor {
	float *slot[6];
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

// A Pass is a device function with what it does to each slot. Slots in KEEP are
// needed again by the next pass; the others stream.
template <auto F, int SUMS, u32 KEEP, int... ACCESS> struct Pass {
	static const int SLOTS = sizeof...(ACCESS);
	static const int sums = SUMS;

	template <int K = 0> static __device__ __forceinline__ void load(float *const *slot, int e, float (*x)[4]) {
		constexpr int access[] = {ACCESS...};
		if constexpr (K < SLOTS) {
			if constexpr ((access[K] & R) != 0) {
				const float4 y = load_from<!(KEEP >> K & 1)>(reinterpret_cast<const float4 *>(slot[K] + e));
				x[K][0] = y.x, x[K][1] = y.y, x[K][2] = y.z, x[K][3] = y.w;
			}
			load<K + 1>(slot, e, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void store(float *const *slot, int e, float (*x)[4]) {
		constexpr int access[] = {ACCESS...};
		if constexpr (K < SLOTS) {
			if constexpr ((access[K] & W) != 0)
				store_to<!(KEEP >> K & 1)>(reinterpret_cast<float4 *>(slot[K] + e), make_float4(x[K][0], x[K][1], x[K][2], x[K][3]));
			store<K + 1>(slot, e, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void load_one(float *const *slot, int e, float (*x)[4]) {
		constexpr int access[] = {ACCESS...};
		if constexpr (K < SLOTS) {
			if constexpr ((access[K] & R) != 0) x[K][0] = load_from<!(KEEP >> K & 1)>(static_cast<const float *>(slot[K] + e));
			load_one<K + 1>(slot, e, x);
		}
	}
	template <int K = 0> static __device__ __forceinline__ void store_one(float *const *slot, int e, float (*x)[4]) {
		constexpr int access[] = {ACCESS...};
		if constexpr (K < SLOTS) {
			if constexpr ((access[K] & W) != 0) store_to<!(KEEP >> K & 1)>(slot[K] + e, x[K][0]);
			store_one<K + 1>(slot, e, x);
		}
	}

	// one updates element q of x and adds its terms to accumulator to of each sum.
	static __device__ __forceinline__ void one(const float *c, float (*x)[4], int q, float (*acc)[4], int to) {
		float term[SUMS + 1];
		if constexpr (SUMS > 0) {
			if constexpr (SLOTS == 1) F(c, x[0][q], term);
			if constexpr (SLOTS == 2) F(c, x[0][q], x[1][q], term);
			if constexpr (SLOTS == 3) F(c, x[0][q], x[1][q], x[2][q], term);
			if constexpr (SLOTS == 4) F(c, x[0][q], x[1][q], x[2][q], x[3][q], term);
			if constexpr (SLOTS == 5) F(c, x[0][q], x[1][q], x[2][q], x[3][q], x[4][q], term);
			if constexpr (SLOTS == 6) F(c, x[0][q], x[1][q], x[2][q], x[3][q], x[4][q], x[5][q], term);
			#pragma unroll
			for (int k = 0; k < SUMS; k++)
				#pragma unroll
				for (int j = 0; j < 4; j++)
					if (j == to) acc[k][j] += term[k];
		} else {
			if constexpr (SLOTS == 2) F(c, x[0][q], x[1][q]);
			if constexpr (SLOTS == 3) F(c, x[0][q], x[1][q], x[2][q]);
			if constexpr (SLOTS == 4) F(c, x[0][q], x[1][q], x[2][q], x[3][q]);
			if constexpr (SLOTS == 5) F(c, x[0][q], x[1][q], x[2][q], x[3][q], x[4][q]);
		}
	}

	// run handles len elements at each slot, four by four: the fours first,
	// first+step and so on. Fours are those of memory where the slots agree on
	// them, so that the first and the last may be cut.
	static __device__ __forceinline__ void run(const float *c, float *const *slot, int len, int first, int step, float (*acc)[4]) {
		u64 differ = 0;
		#pragma unroll
		for (int k = 1; k < SLOTS; k++) differ |= reinterpret_cast<u64>(slot[0]) ^ reinterpret_cast<u64>(slot[k]);
		const bool vector = (differ & 15) == 0;
		const int shift = vector ? int(reinterpret_cast<u64>(slot[0]) >> 2 & 3) : 0;
		for (int e = 4 * first - shift; e < len; e += 4 * step) {
			float x[SLOTS][4];
			if (vector && e >= 0 && e + 4 <= len) {
				load(slot, e, x);
				#pragma unroll
				for (int q = 0; q < 4; q++) one(c, x, q, acc, q);
				store(slot, e, x);
			} else {
				#pragma unroll 1
				for (int q = 0; q < 4; q++) {
					if (e + q < 0 || e + q >= len) continue;
					load_one(slot, e + q, x);
					one(c, x, 0, acc, q);
					store_one(slot, e + q, x);
				}
			}
		}
	}
};

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
template <int SLOTS> struct Span {
	Chunk chunk;
	u64 n; // of the tensor
	u64 from;
	int len;
	float *slot[SLOTS];

	__device__ __forceinline__ Span(const Table *t, u64 i) {
		chunk = t->chunk[i];
		const Tensor *tensor = t->tensor + chunk.tensor;
		n = tensor->n;
		from = chunk.index * t->span;
		len = int(n - from < t->span ? n - from : t->span);
		#pragma unroll
		for (int k = 0; k < SLOTS; k++) slot[k] = tensor->slot[k] + from;
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
		const Span<P::SLOTS> s(t, i);
		P::run(f, s.slot, s.len, lane(), 32, 0);
	}
}

// applied runs the last pass of an update with norms over one chunk.
template <class P> __device__ __forceinline__ void applied(const Table *t, float *f, u64 i) {
	const Span<P::SLOTS> s(t, i);
	const State *state = t->state + s.chunk.tensor;
	if (__ldcg(&state->skip)) return;
	f[TENSOR] = float(__ldcg(&state->scalar));
	P::run(f, s.slot, s.len, lane(), 32, 0);
}

// apply runs it over all, last things first: they may still be in the cache.
template <class P> __device__ __forceinline__ void apply(const Table *t, const double *coef) {
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
	const Span<P::SLOTS> s(t, i);
	const Tensor *tensor = t->tensor + s.chunk.tensor;
	const u64 first = s.from / UNIT; // unit of the tensor
	float *unit = t->unit + (tensor->unit + first) * SUMS;
	for (int from = 0; from < s.len; from += 4 * UNIT) {
		const int at = from + int(lane() / 8) * UNIT;
		float acc[SUMS][4] = {};
		float *slot[P::SLOTS];
		#pragma unroll
		for (int k = 0; k < P::SLOTS; k++) slot[k] = s.slot[k] + at;
		P::run(f, slot, s.len - at < UNIT ? s.len - at : UNIT, lane() % 8, 8, acc);
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

// Which slots of a first pass the second needs.
template <int... ACCESS> constexpr u32 used() {
	u32 mask = 0, bit = 1;
	((mask |= ACCESS != NONE ? bit : 0, bit <<= 1), ...);
	return mask;
}

// KERNEL limits registers so that at least so many blocks share a multiprocessor.
#define KERNEL(name, blocks) extern "C" __global__ void __launch_bounds__(BLOCK, blocks) name##_f32(const Table *t, const double *c)
#define SLOTS(...) __VA_ARGS__

// UPDATE makes an elementwise kernel of the function of its name.
#define UPDATE(name, slots) \
	KERNEL(name, 5) { elementwise<Pass<name, 0, 0, slots>>(t, c); }

// REDUCTION makes a kernel of a function with one sum.
#define REDUCTION(name, slots) \
	KERNEL(name, 5) { reduction<Pass<name, 1, 0, slots>>(t, c); }

// NORM_UPDATE makes kernels of name_norms, name_apply and what makes a scalar of
// the sums between them: a launch for each pass, and one for both.
#define NORM_UPDATE(name, scalar, sums, first, second) \
	typedef Pass<name##_norms, sums, used<second>(), first> name##_first; \
	typedef Pass<name##_apply, 0, 0, second> name##_second; \
	KERNEL(name##_norms, 3) { norms<name##_first, scalar>(t, c); } \
	KERNEL(name##_apply, 4) { apply<name##_second>(t, c); } \
	KERNEL(name##_group, 3) { grouped<name##_first, name##_second, scalar>(t, c); }

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
