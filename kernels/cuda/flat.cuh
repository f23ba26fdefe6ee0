// The flat coordinate of some objectives: flatPart of package kernels.

__device__ __forceinline__ void flat_part(float x, float &slope, float &value) {
	float t = x > 1.0f ? 1.0f : x;
	t = t < -1.0f ? -1.0f : t;
	float q = t * t, far = fabsf(x) - fabsf(t);
	slope = t * (3.0f - q);
	value = 0.25f * (q * (6.0f - q)) + (far + far);
}
