//go:build cuda && linux && (amd64 || arm64)

package converge

import (
	"testing"

	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/internal/cudasim"
)

func init() {
	device := cudasim.Device{Name: "PTX interpreter", Multiprocessors: 2, Blocks: 2, L2: 1 << 20, Memory: 1 << 26}
	if err := cudasim.Install(device); err != nil {
		panic(err)
	}
}

// TestOnDevice runs whole optimizer steps, gradients and noise among them, on a
// simulated device: it must end at the same bits as a CPU.
func TestOnDevice(t *testing.T) {
	r := runner(20)
	for _, task := range []Task{
		aTask("phi4", "lamb", 0.01),
		aTask("rosenbrock", "adamw", 0.001),
		aTask("diagonal", "clipped-gd", 0.01),
		aTask("logistic", "adam", 0.01),
	} {
		if task.Objective != "logistic" {
			task.Noise = "gaussian:scale=0.1"
		}
		want := one(t, r, task, 1)
		task.Backend = "cuda:sim"
		got := one(t, r, task, 1)
		if got.StateHash != want.StateHash {
			t.Errorf("%s on %s: the state is %s by %s, want %s", task.Optimizer, task.Objective, got.StateHash, got.Kernel, want.StateHash)
		}
	}
}

// TestMethodsOnDevice runs every method that is made of several updates on a simulated
// device: each point, value and state must be that of a CPU.
func TestMethodsOnDevice(t *testing.T) {
	r := runner(40)
	for _, d := range method.All() {
		task := aTask("phi4", d.Name, 0.01)
		task.Noise = "gaussian:scale=0.1"
		want := one(t, r, task, 1)
		task.Backend = "cuda:sim"
		if got := one(t, r, task, 1); !same(got, want) {
			t.Errorf("%s by %s: got\n%+v, want\n%+v", d.Name, got.Kernel, bare(got), bare(want))
		}
	}
}
