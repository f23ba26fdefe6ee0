package backend

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/optbench/optbench/kernels/cpu"
)

// spinTime is how long a worker without work keeps its core before it parks.
// Waking a parked one costs microseconds, handing work to a spinning one a few
// hundred nanoseconds.
const spinTime = 50 * time.Microsecond

// A pool runs a function on several threads at once. The caller is worker 0;
// the others are goroutines locked to threads that live as long as the pool.
type pool struct {
	workers []*worker // those besides the caller
	job     uint64
}

type worker struct {
	job    atomic.Uint64    // the number of the last job handed over; stop ends it
	run    func(worker int) // that job: it comes over in the same cache line
	_      [48]byte         // the two counters are polled from different cores
	done   atomic.Uint64    // the number of the last job finished
	_      [56]byte
	parked atomic.Bool
	wake   chan struct{}
}

const stop = ^uint64(0)

func newPool(threads int) *pool {
	p := &pool{}
	for i := 1; i < threads; i++ {
		w := &worker{wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		go w.loop(i)
	}
	return p
}

// do runs f(0) ... f(n-1) at once, f(0) on the caller, and returns when all are
// done. n is at most the number of threads.
func (p *pool) do(n int, f func(worker int)) {
	if n == 1 {
		f(0)
		return
	}
	p.job++
	for _, w := range p.workers[:n-1] {
		w.run = f
		w.give(p.job)
	}
	f(0)
	for _, w := range p.workers[:n-1] {
		for spins := 1; w.done.Load() != p.job; spins++ {
			cpu.Spin()
			if spins%1024 == 0 {
				runtime.Gosched() // the worker may need this thread
			}
		}
	}
}

func (p *pool) close() {
	for _, w := range p.workers {
		w.give(stop)
	}
	p.workers = nil
}

func (w *worker) give(job uint64) {
	w.job.Store(job)
	if w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

func (w *worker) loop(index int) {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	for last := uint64(0); ; {
		job := w.next(last)
		if job == stop {
			return
		}
		w.run(index)
		w.done.Store(job)
		last = job
	}
}

// next waits for a job other than last: it spins, then parks.
func (w *worker) next(last uint64) uint64 {
	start := time.Now()
	for spins := 1; ; spins++ {
		if job := w.job.Load(); job != last {
			return job
		}
		cpu.Spin()
		if spins%64 != 0 || time.Since(start) < spinTime {
			continue
		}
		// A job given between the load above and the store below would find
		// the worker not parked, so it is looked for once more.
		w.parked.Store(true)
		if w.job.Load() == last || !w.parked.CompareAndSwap(true, false) {
			<-w.wake
		}
		start = time.Now()
	}
}
