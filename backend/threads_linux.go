package backend

import (
	"bytes"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// usableThreads is how many threads the process may keep busy: its affinity
// mask, bounded by the CPU quota of its control group.
func usableThreads() int {
	n := runtime.NumCPU()
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) == nil && set.Count() > 0 {
		n = set.Count()
	}
	if q := cgroupQuota(); q > 0 {
		n = min(n, max(1, int(q)))
	}
	return n
}

// cgroupQuota is the number of CPUs that the process's control group (version
// 2 or 1) or one above it allows; 0 where none is set.
func cgroupQuota() float64 {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	var least float64
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var read func(dir string) float64
		switch {
		case parts[1] == "":
			read = quotaV2
		case strings.Contains(","+parts[1]+",", ",cpu,"):
			read = quotaV1
		default:
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if q := read(dir); q > 0 && (least == 0 || q < least) {
				least = q
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

func quotaV2(dir string) float64 {
	text, err := os.ReadFile("/sys/fs/cgroup" + dir + "/cpu.max")
	if err != nil {
		return 0
	}
	quota, period, _ := bytes.Cut(bytes.TrimSpace(text), []byte(" "))
	return ratio(quota, period)
}

func quotaV1(dir string) float64 {
	quota, err := os.ReadFile("/sys/fs/cgroup/cpu" + dir + "/cpu.cfs_quota_us")
	if err != nil {
		return 0
	}
	period, err := os.ReadFile("/sys/fs/cgroup/cpu" + dir + "/cpu.cfs_period_us")
	if err != nil {
		return 0
	}
	return ratio(bytes.TrimSpace(quota), bytes.TrimSpace(period))
}

// ratio is quota/period; 0 where either is not a positive number ("max", -1).
func ratio(quota, period []byte) float64 {
	q, errQ := strconv.ParseFloat(string(quota), 64)
	p, errP := strconv.ParseFloat(string(period), 64)
	if errQ != nil || errP != nil || q <= 0 || p <= 0 {
		return 0
	}
	return q / p
}
