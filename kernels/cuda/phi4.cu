#include "update.cuh"

__device__ void phi4(const float *c, float p, float &g, float left, float right, float up, float down, float *sum) {
	float l = p - left, u = p - up;
	float q = p * p - 1.0f;
	g = ((l + (p - right)) + (u + (p - down))) + c[1] * (q * p);
	sum[0] = 0.5f * (l * l + u * u) + c[2] * (q * q);
}

REDUCTION(phi4, input(R), output(W), neighbour(R), neighbour(R), neighbour(R), neighbour(R))
