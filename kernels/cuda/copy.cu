#include "update.cuh"

__device__ void copy(const float *, float &y, float x) { y = x; }

UPDATE(copy, SLOTS(W, R))
