#include "update.cuh"

__device__ void cubic_saddle(const float *c, float p, float &g, float h, float *sum) {
	float a = fabsf(p), d = a - c[2];
	bool stiff = h > 0;
	float steep = h * p;
	g = stiff ? steep : c[1] * (p * d);
	sum[0] = stiff ? 0.5f * steep * p : c[3] * (d * d * (a + c[4]));
}

REDUCTION(cubic_saddle, input(R), output(W), input(R))
