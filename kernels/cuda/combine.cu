#include "update.cuh"

__device__ void combine(const float *c, float &y, float x) { y = c[1] * y + c[2] * x; }

LOOP(combine, output(RW), input(R))
