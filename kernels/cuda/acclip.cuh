// What the kernels of ACClip and its form with a second moment share.
#include "elementary.cuh"

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
