package backend

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestPool hands over many jobs, some while the workers spin and some when they
// have parked: each worker runs each job that it is meant for, once.
func TestPool(t *testing.T) {
	const threads = 5
	before := runtime.NumGoroutine()
	p := newPool(threads)
	var ran [threads]atomic.Int64
	var want [threads]int64
	for job := range 1000 {
		n := 1 + job*7%threads
		p.do(n, func(worker int) {
			if worker < 0 || worker >= n {
				t.Errorf("a job for %d workers ran on worker %d", n, worker)
				return
			}
			ran[worker].Add(1)
		})
		for i := range want {
			if i < n {
				want[i]++
			}
			if got := ran[i].Load(); got != want[i] {
				t.Fatalf("job %d, for %d workers: worker %d has run %d jobs, want %d", job, n, i, got, want[i])
			}
		}
		if job%100 == 0 {
			for _, w := range p.workers {
				eventually(t, "an idle worker has parked", w.parked.Load)
			}
		}
	}
	p.close()
	eventually(t, "the workers have ended", func() bool { return runtime.NumGoroutine() <= before })
}

// TestPoolParks holds idle workers to giving their cores back, and parked ones
// to coming when there is work, or the end.
func TestPoolParks(t *testing.T) {
	before := runtime.NumGoroutine()
	p := newPool(3)
	for range 5 {
		for _, w := range p.workers {
			eventually(t, "an idle worker has parked", w.parked.Load)
		}
		var ran atomic.Int64
		p.do(3, func(int) { ran.Add(1) })
		if ran.Load() != 3 {
			t.Fatalf("%d of 3 workers ran", ran.Load())
		}
	}
	for _, w := range p.workers {
		eventually(t, "an idle worker has parked", w.parked.Load)
	}
	p.close()
	eventually(t, "parked workers have ended", func() bool { return runtime.NumGoroutine() <= before })
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for start := time.Now(); !f(); runtime.Gosched() {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("waited 10 s until %s", what)
		}
	}
}
