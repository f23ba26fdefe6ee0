#include "update.cuh"

__device__ void rosenbrock(const float *c, float p, float &g, float before, float after, float *sum) {
	const float most = 0x1.fffffep+127f;
	float b = before > most ? 0.0f : p - before * before;
	float a = after > most ? 0.0f : after - p * p;
	float d = after > most ? 0.0f : p - 1.0f;
	g = (c[1] * b + (d + d)) - c[2] * (p * a);
	sum[0] = c[3] * (a * a) + d * d;
}

REDUCTION(rosenbrock, input(R), output(W), neighbour(R), neighbour(R))
