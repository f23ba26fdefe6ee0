//go:build amd64 && !purego

package cpu

import "golang.org/x/sys/cpu"

// isas gates each instruction set by what its generated code requires; a test
// holds the gates against the code.
func isas() []ISA {
	return []ISA{
		{
			Name:    "avx512",
			Missing: missing(cpu.X86.HasAVX512F && cpu.X86.HasBMI2, "AVX-512F and BMI2"),
			kernels: avx512Kernels, streams: avx512Streams,
		},
		{
			Name:    "avx2",
			Missing: missing(cpu.X86.HasAVX2 && cpu.X86.HasFMA, "AVX2 and FMA3"),
			kernels: avx2Kernels, streams: avx2Streams,
		},
	}
}

func missing(has bool, what string) string {
	if has {
		return ""
	}
	return "this processor, or the kernel, lacks " + what
}

// Spin tells the core that the thread is waiting.
func Spin() { spin() }
