//go:build amd64 && !purego

package cpu

import (
	"strings"

	"golang.org/x/sys/cpu"
)

// isas gates each instruction set by what its generated code requires; a test
// holds the gates against the code.
func isas() []ISA {
	return []ISA{
		{Name: "avx512", Missing: missing(avx512Gate), kernels: avx512Kernels, streams: avx512Streams},
		{Name: "avx2", Missing: missing(avx2Gate), kernels: avx2Kernels, streams: avx2Streams},
	}
}

// An extension of the processor, by the name that generated code requires it.
type extension struct {
	name string
	has  bool
}

var (
	avx512Gate = []extension{{"AVX512F", cpu.X86.HasAVX512F}, {"AVX512BW", cpu.X86.HasAVX512BW}, {"AVX2", cpu.X86.HasAVX2}, {"BMI2", cpu.X86.HasBMI2}}
	avx2Gate   = []extension{{"AVX2", cpu.X86.HasAVX2}, {"FMA3", cpu.X86.HasFMA}}
)

func missing(gate []extension) string {
	var names []string
	for _, e := range gate {
		if !e.has {
			names = append(names, e.name)
		}
	}
	if names == nil {
		return ""
	}
	return "this processor, or the kernel, lacks " + strings.Join(names, " and ")
}

// Spin tells the core that the thread is waiting.
func Spin() { spin() }
