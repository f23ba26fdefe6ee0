package cgroup

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestCgroup(t *testing.T) {
	const machine, free = 64 << 30, 60 << 30
	tests := []struct {
		name             string
		root             fs.FS
		quota            float64
		total, available uint64
	}{
		{"no control groups", files(), 0, machine, free},
		{"version 2, no limits", files(
			"proc/self/cgroup", "0::/\n",
			"sys/fs/cgroup/cpu.max", "max 100000\n",
			"sys/fs/cgroup/memory.max", "max\n"), 0, machine, free},
		{"version 2, the least of all levels", files(
			"proc/self/cgroup", "0::/a/b\n",
			"sys/fs/cgroup/a/cpu.max", "200000 100000\n",
			"sys/fs/cgroup/a/b/cpu.max", "max 100000\n",
			"sys/fs/cgroup/a/memory.max", "2147483648\n",
			"sys/fs/cgroup/a/memory.current", "2147483648\n",
			"sys/fs/cgroup/a/memory.stat", "anon 5\nfile 9\ninactive_file 1073741824\n",
			"sys/fs/cgroup/a/b/memory.max", "1073741824\n",
			"sys/fs/cgroup/a/b/memory.current", "4096\n"), 2, 1 << 30, 1<<30 - 4096},
		{"version 2, a full group above", files(
			"proc/self/cgroup", "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max", "2147483648\n",
			"sys/fs/cgroup/a/memory.current", "3147483648\n",
			"sys/fs/cgroup/a/b/memory.max", "1073741824\n"), 0, 1 << 30, 0},
		{"version 1, joint controllers, a container's root", files(
			"proc/self/cgroup", "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n",
			"sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 400\n"), 0.5, 1 << 30, 1<<30 - 600},
		{"version 1, no limits", files(
			"proc/self/cgroup", "4:memory:/\n3:cpu:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"), 0, machine, free},
		{"nonsense", files(
			"proc/self/cgroup", "x\n0::/../../..\n:::::\n",
			"sys/fs/cgroup/cpu.max", "1 0\n",
			"sys/fs/cgroup/memory.max", "-5\n"), 0, machine, free},
	}
	for _, tt := range tests {
		if got := CPUs(tt.root); got != tt.quota {
			t.Errorf("%s: quota is %g CPUs, want %g", tt.name, got, tt.quota)
		}
		if total, available := Memory(tt.root, machine, free); total != tt.total || available != tt.available {
			t.Errorf("%s: %d bytes of %d, want %d of %d", tt.name, available, total, tt.available, tt.total)
		}
	}
}

func TestBounded(t *testing.T) {
	for _, tt := range []struct {
		n     int
		quota float64
		want  int
	}{{8, 0, 8}, {8, 2.7, 2}, {8, 0.5, 1}, {8, 100, 8}, {0, 0, 1}, {8, 1e300, 8}} {
		if got := bounded(tt.n, tt.quota); got != tt.want {
			t.Errorf("bounded(%d, %g) = %d, want %d", tt.n, tt.quota, got, tt.want)
		}
	}
}

func TestThreads(t *testing.T) {
	if n := Threads(); n < 1 || n > affinity() {
		t.Errorf("%d threads, want 1 to %d", n, affinity())
	}
}

// files makes a file system of names and contents.
func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}
