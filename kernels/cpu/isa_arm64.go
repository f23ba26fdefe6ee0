//go:build arm64 && !purego

package cpu

// isas needs no gate: every arm64 that Go runs on has NEON.
func isas() []ISA {
	return []ISA{{Name: "neon", kernels: neonKernels, streams: neonStreams}}
}

// Spin tells the core that the thread is waiting.
func Spin() { spin() }
