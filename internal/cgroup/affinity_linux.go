package cgroup

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// affinity is the number of CPUs on which the process may run now.
func affinity() int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || set.Count() == 0 {
		return runtime.NumCPU()
	}
	return set.Count()
}
