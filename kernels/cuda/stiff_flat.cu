#include "update.cuh"
#include "flat.cuh"

__device__ void stiff_flat(const float *c, float p, float &g, float h, float *sum) {
	float slope, value;
	flat_part(p, slope, value);
	bool stiff = h > 0;
	float steep = h * p;
	g = stiff ? steep : c[1] * slope;
	sum[0] = stiff ? 0.5f * steep * p : c[1] * value;
}

REDUCTION(stiff_flat, input(R), output(W), input(R))
