//go:build (!amd64 && !arm64) || purego

package cpu

func isas() []ISA { return nil }

// Spin tells the core that the thread is waiting; here nothing does.
func Spin() {}
