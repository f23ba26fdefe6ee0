#include "update.cuh"

__device__ void dot(const float *, float x, float y, float *sum) { sum[0] = x * y; }

REDUCTION(dot, input(R), input(R))
