package dense

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/optbench/optbench/kernels"
)

// grain is how many elements a loop over a vector takes at a time.
const grain = 1 << 14

// split cuts [0,n) into pieces of size elements, of which only the last may be
// shorter, calls f for each and returns the sum of what it returns, in the order
// of the pieces. Pieces are cut by size alone, so that results do not depend on
// the number of processors that work on them.
func split(n, size int, f func(piece, lo, hi int) float64) float64 {
	if n <= size {
		return f(0, 0, n)
	}
	pieces := (n + size - 1) / size
	workers := min(runtime.GOMAXPROCS(0), pieces)
	sums := make([]float64, pieces)
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= pieces {
				return
			}
			sums[i] = f(i, i*size, min(i*size+size, n))
		}
	}
	var others sync.WaitGroup
	for range workers - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	var total float64
	for _, s := range sums {
		total += s
	}
	return total
}

// product returns the inner product of two vectors, wherever they lie; see [dot].
func product[T kernels.Real](x, y []T) float64 {
	return split(len(x), grain, func(_, lo, hi int) float64 {
		var sum float64
		for i := lo; i < hi; i++ {
			sum += float64(x[i]) * float64(y[i])
		}
		return sum
	})
}
