//go:build !linux

package backend

import "runtime"

// usableThreads is how many threads the process may keep busy.
func usableThreads() int { return runtime.GOMAXPROCS(0) }
