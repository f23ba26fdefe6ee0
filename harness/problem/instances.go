package problem

import (
	"fmt"
	"sync"

	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/kernels"
)

// Instances keeps objectives of package dense from one problem to the next: they are
// dear to draw, and their minima to compute, and the same for every seed of a run.
// Nil keeps nothing.
type Instances struct {
	mu   sync.Mutex
	free []instance // the one that was used last comes last
}

// An instance is an objective that no problem uses.
type instance struct {
	key       instanceKey
	objective any // dense.Objective of the key's type
}

type instanceKey struct {
	spec  string
	dim   int
	dtype kernels.DType
}

const (
	// dataSeed is what the data of every problem are drawn from.
	dataSeed = 1
	// maxFree is how many instances are kept: about what tasks that run side by side
	// use in turn.
	maxFree = 8
)

// take returns an objective, drawn if there is none.
func take[T kernels.Real](in *Instances, s dense.Spec, key instanceKey) (dense.Objective[T], error) {
	if in != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		for i := len(in.free) - 1; i >= 0; i-- {
			if in.free[i].key == key {
				o := in.free[i].objective.(dense.Objective[T])
				in.free = append(in.free[:i], in.free[i+1:]...)
				return o, nil
			}
		}
		// Whoever needs another waits: drawing takes all processors.
	}
	o, err := dense.New[T](s, key.dim, dataSeed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key.spec, err)
	}
	return o, nil
}

// give takes an objective back.
func (in *Instances) give(key instanceKey, objective any) {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.free) == maxFree {
		in.free = in.free[1:]
	}
	in.free = append(in.free, instance{key, objective})
}
