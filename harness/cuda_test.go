//go:build cuda && linux && (amd64 || arm64)

package harness

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/internal/cudasim"
)

func init() {
	device := cudasim.Device{Name: "PTX interpreter", Multiprocessors: 3, Blocks: 2, L2: 100 << 10, Memory: 1 << 22}
	if err := cudasim.Install(device); err != nil {
		panic(err)
	}
}

// TestOnDevice measures cases on a simulated device as on a CPU: verified, beside
// their limit, cold where its cache says so.
func TestOnDevice(t *testing.T) {
	env := machine.Environment{UsableThreads: 2, Caches: machine.Caches{L2: 1 << 20, L3: 1 << 25}}
	cases, err := Cases([]string{"backend=cuda:sim", "update=adam,lamb,clipped-gd", "n=1000,20000", "threads=1,2"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 6 {
		t.Fatalf("%d cases, want one for each update and size: threads are the host's", len(cases))
	}
	m := NewMeter(Profile{Name: "test", Target: 0.5, Time: 100 * time.Millisecond, Warmup: time.Millisecond}, "run", 1, env)
	var kernels []string
	for _, c := range cases {
		if want := map[int]string{1000: Hot, 20000: Cold}[c.N]; c.Cache != want || c.Threads != 1 {
			t.Errorf("case %+v: want it %s, with one thread", c, want)
		}
		r, err := m.Measure(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Verified || r.LimitShare <= 0 || r.Median <= 0 {
			t.Errorf("case %+v: got %+v", c, r)
		}
		kernels = append(kernels, r.Kernel)
	}
	if want := []string{"cuda/adam_f32", "cuda/sgd_f32", "cuda/lamb_group_f32", "cuda/adam_f32", "cuda/sgd_f32", "cuda/lamb_f32"}; !slices.Equal(kernels, want) {
		t.Errorf("ran %q, want %q", kernels, want)
	}
	devices, err := Devices(cases)
	if g := devices["cuda:sim"]; err != nil || g.Multiprocessors != 3 || g.CopyBytesPerSecond <= 0 {
		t.Errorf("devices are %+v (%v)", devices, err)
	}
	if sizes, err := Cases([]string{"backend=cuda:sim", "update=adam"}, env); err != nil || len(sizes) != 2 || sizes[1].N != 2*roundDown(2*100<<10/4) {
		t.Errorf("the default sizes on a device are of %+v (%v), want them to follow its cache", sizes, err)
	}
}
