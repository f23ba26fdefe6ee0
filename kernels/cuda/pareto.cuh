// What the symmetric and the skewed Pareto law share.
#include "noise.cuh"

__device__ __forceinline__ float pareto_size(const float *c, u32 word) { return exp_2(-log_2(uniform(word)) * c[2]); }
