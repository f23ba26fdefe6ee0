#include "cosh.cuh"
#include "flat.cuh"

__device__ void cosh_flat(const float *c, float p, float &g, float flat, float *sum) {
	float slope, value, flat_slope, flat_value;
	cosh_part(c[1] * p, slope, value);
	flat_part(p, flat_slope, flat_value);
	const bool is_flat = flat > 0;
	g = is_flat ? c[4] * flat_slope : c[2] * slope;
	sum[0] = is_flat ? c[4] * flat_value : c[3] * value;
}

REDUCTION(cosh_flat, input(R), output(W), input(R))
