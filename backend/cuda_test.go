//go:build cuda && linux && (amd64 || arm64)

package backend_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/internal/cudasim"
	"github.com/optbench/optbench/kernels"
)

// onDevice reports whether the tests are to run on a real device.
func onDevice() bool { return strings.Contains(os.Getenv("OPTBENCH_REQUIRE"), "cuda:0") }

// Where no device is asked for, the tests run on one that is simulated, small enough
// that tensors of both sizes occur: those that fit its cache and those that do not.
func init() {
	if onDevice() {
		return
	}
	device := cudasim.Device{Name: "PTX interpreter", Multiprocessors: 3, Blocks: 2, L2: 400 << 10, Memory: 1 << 26}
	if err := cudasim.Install(device); err != nil {
		panic(err)
	}
}

// simulated opens the simulated device, which must be left as it was.
func simulated(t *testing.T) backend.Backend {
	t.Helper()
	if onDevice() {
		t.Skip("the device is real")
	}
	cudasim.Reset()
	t.Cleanup(func() {
		if leaks := cudasim.Leaks(); len(leaks) > 0 {
			t.Errorf("not given back: %s", strings.Join(leaks, ", "))
		}
		cudasim.Reset()
	})
	b, err := backend.Open("cuda:sim")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// giveBack are the calls that give something back: where one fails, that is lost.
var giveBack = []string{"cuMemFree", "cuEventDestroy", "cuModuleUnload", "cuStreamDestroy", "cuCtxDestroy"}

// TestDriverFails lets every driver call of a program fail in turn. What depends on it
// must fail with an error that names the call and the driver's error, all else must
// be given back, and nothing may panic or wait for ever.
func TestDriverFails(t *testing.T) {
	b := simulated(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	defer backend.LimitGrids(2)() // more take longer and call nothing else
	cudasim.Reset()
	if err := program(); err != nil {
		t.Fatal(err)
	}
	calls := cudasim.Calls()
	if leaks := cudasim.Leaks(); len(leaks) > 0 {
		t.Fatalf("not given back: %s", strings.Join(leaks, ", "))
	}
	seen := map[string]int{}
	for i, call := range calls {
		if seen[call]++; seen[call] > 12 {
			continue // the same step over and over
		}
		cudasim.Reset()
		cudasim.FailAt(i+1, cudasim.LaunchFailed)
		err := program()
		if want := call + ": CUDA_ERROR_LAUNCH_FAILED"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("call %d, %s: got %v, want an error with %q", i+1, call, err, want)
		}
		if leaks := cudasim.Leaks(); len(leaks) > 1 || len(leaks) == 1 && !slices.Contains(giveBack, call) {
			t.Errorf("call %d, %s: not given back: %s", i+1, call, strings.Join(leaks, ", "))
		}
		cudasim.Forget()
	}
	for _, call := range cudasim.Entries() {
		if seen[call] == 0 {
			t.Errorf("the program does not call %s", call)
		}
	}
}

// program does all that one can do with a backend, up to the first error, and then
// closes what is open. It returns all errors.
func program() (err error) {
	b, err := backend.Open("cuda:sim")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	const n = 100
	t := backend.Tensor{}
	for range 4 {
		x, err := b.Alloc(kernels.F32, n)
		if err != nil {
			return err
		}
		if err := backend.Put(x, make([]float32, n)); err != nil {
			return err
		}
		t.Slots = append(t.Slots, x)
	}
	if _, err := b.Alloc(kernels.F32, 1<<24); !errors.Is(err, backend.ErrMemory) || !strings.Contains(err.Error(), "free") {
		return err
	}
	one, err := b.Alloc(kernels.F64, 1)
	if err != nil {
		return err
	}
	const many = 300_000 // more than is copied at a time
	large, err := b.Alloc(kernels.F32, many)
	if err != nil {
		return err
	}
	if err := backend.Put(large, make([]float32, many)); err != nil {
		return err
	}
	ops, err := backend.ClipGlobalNorm(b, 1, backend.Group{Update: lamb, Tensors: []backend.Tensor{t}})
	if err != nil {
		return err
	}
	plan, err := b.Bind(append(ops,
		backend.Group{Update: kernels.Find("clipped-gd").Cases[0], Tensors: []backend.Tensor{{Slots: t.Slots[:2]}}},
		backend.Combination{Y: t.Slots[2], X: t.Slots[1], A: one, B: one},
		backend.Copy{To: t.Slots[3], From: t.Slots[2]})...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	stream, err := plan.Stream()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	from, err := b.Mark()
	if err != nil {
		return err
	}
	if err := plan.Step(kernels.At(1)); err != nil {
		return err
	}
	for s := range 70 { // more than may be queued
		if err := stream.Step(kernels.At(s + 1)); err != nil {
			return err
		}
	}
	to, err := b.Mark()
	if err != nil {
		return err
	}
	if _, err := to.Since(from); err != nil {
		return err
	}
	if _, err := plan.Skipped(); err != nil {
		return err
	}
	if err := b.Sync(); err != nil {
		return err
	}
	return backend.Get(t.Slots[0], make([]float32, n))
}

// TestSticky holds an error of queued work to coming back from every later call.
func TestSticky(t *testing.T) {
	b := simulated(t)
	p, err := b.Alloc(kernels.F32, 10)
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.Alloc(kernels.F32, 10)
	if err != nil {
		t.Fatal(err)
	}
	plan := bind(t, b, backend.Group{Update: kernels.SGD{LR: 1}, Tensors: []backend.Tensor{{Slots: []backend.Buffer{p, g}}}})
	step(t, plan, 1)
	cudasim.FailAt(1, cudasim.LaunchFailed)
	const want = "cuStreamSynchronize: CUDA_ERROR_LAUNCH_FAILED"
	for name, call := range map[string]func() error{
		"sync":    b.Sync,
		"step":    func() error { return plan.Step(kernels.At(2)) },
		"read":    func() error { return backend.Get(p, make([]float32, 10)) },
		"write":   func() error { return backend.Put(p, make([]float32, 10)) },
		"skipped": func() error { _, err := plan.Skipped(); return err },
		"mark":    func() error { _, err := b.Mark(); return err },
	} {
		if err := b.Sync(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sync before %s: got %v, want an error with %q", name, err, want)
		}
		if err := call(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cuda:sim") {
			t.Errorf("%s: got %v, want an error with %q that says where", name, err, want)
		}
	}
	if err := plan.Close(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("close of the plan: got %v, want an error with %q", err, want)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestDeviceMemory holds an allocation that does not fit to saying how much was asked
// and how much is free, and to changing nothing.
func TestDeviceMemory(t *testing.T) {
	b := simulated(t)
	half, err := b.Alloc(kernels.BF16, 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Alloc(kernels.F32, 1<<24)
	want := fmt.Sprintf("%d bytes asked, %d free: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY", 1<<26, 1<<25)
	if !errors.Is(err, backend.ErrMemory) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %v with %q", err, backend.ErrMemory, want)
	}
	if err := half.Free(); err != nil {
		t.Error(err)
	}
	shut(t, b)
}

// TestDeviceFacts holds what is known of a device to what its driver says.
func TestDeviceFacts(t *testing.T) {
	b := simulated(t)
	want := backend.GPU{
		Name: "PTX interpreter", Capability: 70, Multiprocessors: 3, Memory: 1 << 26, L2: 400 << 10,
		MHz: 1000, MemoryMHz: 1000, BusBits: 64, Driver: "CUDA 12.0", BytesPerSecond: 16e9,
	}
	if got := b.Info(); got.GPU == nil || *got.GPU != want || got.Device != want.Name || got.Name != "cuda:sim" || got.Threads != 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	shut(t, b)
}

// TestForms names what runs: one launch for both passes over tensors that fit in the
// cache, a launch for each over those that do not.
func TestForms(t *testing.T) {
	b := simulated(t)
	var small, large backend.Tensor
	for range 4 {
		for n, x := range map[int]*backend.Tensor{1000: &small, 20_000: &large} {
			buffer, err := b.Alloc(kernels.F32, n)
			if err != nil {
				t.Fatal(err)
			}
			x.Slots = append(x.Slots, buffer)
		}
	}
	for _, c := range []struct {
		tensors []backend.Tensor
		name    string
		bytes   int64
	}{
		{[]backend.Tensor{small}, "cuda/lamb_group_f32", 28 * 1000},
		{[]backend.Tensor{large}, "cuda/lamb_f32", 40 * 20_000},
		{[]backend.Tensor{large, small}, "cuda/lamb_group_f32+cuda/lamb_f32", 28*1000 + 40*20_000},
	} {
		plan := bind(t, b, backend.Group{Update: lamb, Tensors: c.tensors})
		if got := plan.Kernels(); len(got) != 1 || got[0] != c.name || plan.Bytes() != c.bytes {
			t.Errorf("runs %q with %d bytes, want %q with %d", got, plan.Bytes(), c.name, c.bytes)
		}
		shut(t, plan)
	}
	shut(t, b)
}

// TestCrowdedDevice binds where blocks do not all run at the same time: passes must be
// launched one by one, and the name says so.
func TestCrowdedDevice(t *testing.T) {
	b := simulated(t)
	defer backend.Hurry(1000)()
	cudasim.Crowd(1)
	defer cudasim.Crowd(0)
	var x backend.Tensor
	for range 4 {
		buffer, err := b.Alloc(kernels.F32, 1000)
		if err != nil {
			t.Fatal(err)
		}
		x.Slots = append(x.Slots, buffer)
	}
	plan := bind(t, b, backend.Group{Update: lamb, Tensors: []backend.Tensor{x}})
	if got := plan.Kernels(); len(got) != 1 || got[0] != "cuda/lamb_f32" || plan.Bytes() != 40*1000 {
		t.Errorf("runs %q with %d bytes, want a launch for each pass", got, plan.Bytes())
	}
	step(t, plan, 1)
	shut(t, plan, b)
}

// TestGrids steps the same numbers with grids of several sizes, twice each: the bits
// must be the same.
func TestGrids(t *testing.T) {
	name, sizes := "cuda:sim", []int{1, 3000, 0, 20_000}
	if onDevice() {
		name, sizes = "cuda:0", []int{1, 3000, 0, 1 << 20, 1 << 26}
	}
	var want [][]float32
	for _, blocks := range []int{math.MaxInt, 1, 5, math.MaxInt} {
		undo := backend.LimitGrids(blocks)
		b := open(t, name)
		rng := rand.New(rand.NewPCG(1, 2))
		var tensors []backend.Tensor
		var got [][]float32
		for _, n := range sizes {
			var x backend.Tensor
			data, _ := slices4(rng, n)
			for _, values := range data {
				buffer, err := b.Alloc(kernels.F32, n)
				if err != nil {
					t.Fatal(err)
				}
				if err := backend.Put(buffer, values); err != nil {
					t.Fatal(err)
				}
				x.Slots = append(x.Slots, buffer)
			}
			tensors, got = append(tensors, x), append(got, data...)
		}
		ops, err := backend.ClipGlobalNorm(b, 1, backend.Group{Update: lamb, Tensors: tensors})
		if err != nil {
			t.Fatal(err)
		}
		plan := bind(t, b, ops...)
		for s := range 2 {
			step(t, plan, s+1)
		}
		for i := range got {
			if err := backend.Get(tensors[i/4].Slots[i%4], got[i]); err != nil {
				t.Fatal(err)
			}
		}
		if want == nil {
			want = got
		}
		compare(t, got, want)
		shut(t, plan, b)
		undo()
	}
}

// TestDeviceCopies writes and reads more than is copied at a time, after a step whose blocks
// met, of which something is read as well before the write.
func TestDeviceCopies(t *testing.T) {
	b := simulated(t)
	var small backend.Tensor
	for range 4 {
		x, err := b.Alloc(kernels.F32, 1000)
		if err != nil {
			t.Fatal(err)
		}
		small.Slots = append(small.Slots, x)
	}
	plan := bind(t, b, backend.Group{Update: lamb, Tensors: []backend.Tensor{small}})
	const n = 900_001 // over three pieces and a part
	x, err := b.Alloc(kernels.F32, n)
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float32, n), make([]float32, n)
	for i := range want {
		want[i] = float32(i)
	}
	step(t, plan, 1)
	if err := backend.Put(x, want); err != nil {
		t.Fatal(err)
	}
	if err := backend.Get(x, got); err != nil {
		t.Fatal(err)
	}
	compare(t, [][]float32{got}, [][]float32{want})
	shut(t, plan, b)
}

// TestBarrierGivesUp holds a launch whose blocks wait for one another in vain, for not
// all of them run at the same time, to an error that stays.
func TestBarrierGivesUp(t *testing.T) {
	b := simulated(t)
	defer backend.Hurry(1000)()
	tensors := make([]backend.Tensor, 100) // so many that a group takes several blocks
	for range 4 {
		array, err := b.Alloc(kernels.F32, 100*len(tensors))
		if err != nil {
			t.Fatal(err)
		}
		for i := range tensors {
			tensors[i].Slots = append(tensors[i].Slots, array.Slice(100*i, 100*i+100))
		}
	}
	plan := bind(t, b, backend.Group{Update: lamb, Tensors: tensors})
	cudasim.Crowd(1)
	defer cudasim.Crowd(0)
	step(t, plan, 1)
	for range 2 {
		if err := b.Sync(); err == nil || !strings.Contains(err.Error(), "lamb in one launch: its blocks waited for one another in vain") {
			t.Errorf("got %v, want an error that says what happened", err)
		}
	}
	if plan.Close() == nil {
		t.Error("the plan closes as if nothing had been")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
