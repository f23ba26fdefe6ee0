package machine

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

const (
	attempts             = 4
	latencyBudget        = 5 * time.Millisecond // for all rounds of an attempt
	latencyRounds        = 15
	exchanges            = 200  // round trips of a round: 20 to 80 microseconds between cores
	spinsPerLook         = 1024 // at the clock, while waiting for the other thread
	hungUp        uint32 = 1<<32 - 1
)

// A line is a word that shares no cache line with another, nor the next line,
// which is fetched with it.
type line struct {
	_    [128]byte
	word atomic.Uint32
	_    [128]byte
}

// CoreToCore returns how long a store of one thread takes to be seen by another:
// the one-way latency of a cache line between two cores, as the median of several
// rounds. It differs by a factor of several between cores of one die and of two,
// and so does the cost of starting and ending a step on several threads.
//
// It returns after 20 ms at the latest, and as a rule within one, with 0 where
// fewer than two threads are usable or where the system did not run two at once.
func CoreToCore(threads int) time.Duration {
	if threads < 2 || runtime.GOMAXPROCS(0) < 2 || runtime.NumCPU() < 2 {
		return 0
	}
	for range attempts {
		if d := coreToCore(); d > 0 {
			return d
		}
	}
	return 0
}

func coreToCore() time.Duration {
	deadline := time.Now().Add(latencyBudget)
	ball := new(line)

	// The other thread is not waited for: if it has not run by now, it finds that
	// this one hung up, or the deadline passed, whenever it does.
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for turn := uint32(1); await(&ball.word, turn, deadline); turn += 2 {
			if !ball.word.CompareAndSwap(turn, turn+1) {
				return
			}
		}
	}()

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer ball.word.Store(hungUp)
	var rounds []time.Duration
	turn := uint32(0)
	for range latencyRounds {
		start := time.Now()
		for range exchanges {
			ball.word.Store(turn + 1)
			turn += 2
			if !await(&ball.word, turn, deadline) {
				return median(rounds)
			}
		}
		rounds = append(rounds, time.Since(start)/(2*exchanges))
	}
	return median(rounds)
}

// await spins until the word is turn, and reports whether that came to pass before
// the deadline and before the other side hung up.
func await(word *atomic.Uint32, turn uint32, deadline time.Time) bool {
	for {
		for range spinsPerLook {
			switch word.Load() {
			case turn:
				return true
			case hungUp:
				return false
			}
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// median is the lower median; 0 of nothing.
func median(rounds []time.Duration) time.Duration {
	if len(rounds) == 0 {
		return 0
	}
	slices.Sort(rounds)
	return rounds[(len(rounds)-1)/2]
}
