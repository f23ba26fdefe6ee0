// Package cgroup tells what the system lets this process use: the CPUs of its
// affinity mask, and the limits of its control groups, version 2 or 1.
package cgroup

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Threads is how many threads the process can keep busy: the CPUs of its affinity
// mask, bounded by the quota of its control groups and by GOMAXPROCS; at least one.
func Threads() int {
	return bounded(min(affinity(), runtime.GOMAXPROCS(0)), CPUs(os.DirFS("/")))
}

// dirs lists the directories of the process's control groups that hold a
// controller, version 2 or 1, from its own up to the root. In a container the root
// is often the only one that exists.
func dirs(root fs.FS, controller string) []string {
	var out []string
	for line := range strings.Lines(read(root, "proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var mounts []string
		switch {
		case parts[1] == "":
			mounts = []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"}
		case slices.Contains(strings.Split(parts[1], ","), controller):
			mounts = []string{"sys/fs/cgroup/" + controller}
			if parts[1] != controller {
				mounts = append(mounts, "sys/fs/cgroup/"+parts[1])
			}
		}
		for _, mount := range mounts {
			for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
				out = append(out, path.Join(mount, dir))
				if dir == "/" {
					break
				}
			}
		}
	}
	return out
}

// CPUs is the number of CPUs that the control groups allow; 0 where they set no
// limit. Root is the root of the file system.
func CPUs(root fs.FS) float64 {
	var least float64
	for _, dir := range dirs(root, "cpu") {
		quota, period, _ := strings.Cut(read(root, dir+"/cpu.max"), " ")
		if quota == "" {
			quota, period = read(root, dir+"/cpu.cfs_quota_us"), read(root, dir+"/cpu.cfs_period_us")
		}
		if q, p := number(quota), number(period); q > 0 && p > 0 && (least == 0 || q/p < least) {
			least = q / p
		}
	}
	return least
}

// bounded is how many of n threads a quota of CPUs can keep busy: at least one.
func bounded(n int, quota float64) int {
	if quota > 0 && quota < float64(n) {
		n = int(quota)
	}
	return max(1, n)
}

// Memory lowers the machine's total and available memory to what the control
// groups allow. Cached file contents that were not used lately are available.
func Memory(root fs.FS, machine, available uint64) (uint64, uint64) {
	total := machine
	for _, dir := range dirs(root, "memory") {
		limit, used, cached := "/memory.max", "/memory.current", "inactive_file"
		if read(root, dir+limit) == "" {
			limit, used, cached = "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file"
		}
		allowed := count(read(root, dir+limit))
		if allowed == 0 || allowed >= machine {
			continue
		}
		needed := count(read(root, dir+used))
		needed -= min(needed, parseKey(read(root, dir+"/memory.stat"), cached))
		total = min(total, allowed)
		available = min(available, allowed-min(allowed, needed))
	}
	return total, available
}

// parseKey finds the count in lines "key count".
func parseKey(text, key string) uint64 {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(line, " "); ok && k == key {
			return count(v)
		}
	}
	return 0
}

// read returns the text of a file, or nothing where it cannot be read.
func read(root fs.FS, name string) string {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// number returns a number of a file, or 0 where it is none, such as "max".
func number(s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return x
}

// count returns a count of a file, or 0 where it is none.
func count(s string) uint64 {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
