package harness

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/sample"
	"github.com/optbench/optbench/kernels"
)

// BenchmarkBeside steps a case and another in turns, either going first, and reports the
// median over rounds of the time per parameter as a ratio to the other's ("ratio", with
// its 95 % interval, "lo" and "hi") and to that of its own stream ("of-limit"). What the
// machine does to one it does to the other: two rows of a table, minutes apart, have no
// such ratio. "core-ns" is the latency between two cores at the time, and "cycles/16" the
// cycles of the clock at the time that 16 parameters take, on one thread within a cache.
func BenchmarkBeside(b *testing.B) {
	if testing.Short() {
		b.Skip("takes up to 4 GiB")
	}
	const memory, cached = 2e7, 1e5 // parameters
	type side struct {
		update  string
		n       int
		tensors int
		dtype   string
		clip    float64
		on      func(*testing.B, backend.Backend) backend.Backend // nil: on arrays that Alloc placed
	}
	adam := func(n int) side { return side{update: "adam", n: n} }
	type pair struct {
		name      string
		of, other side
	}
	var pairs []pair
	add := func(name string, of, other side) { pairs = append(pairs, pair{name, of, other}) }
	for _, update := range []string{"sgd", "momentum", "adagrad", "adamw", "cclip", "acclip:alpha=2", "acclip"} {
		add(fmt.Sprintf("update=%s/n=%g/over=adam", update, memory), side{update: update, n: memory}, adam(memory))
	}
	for _, dtype := range []string{"bf16", "bf16-states", "bf16-master", "q8-states"} {
		add(fmt.Sprintf("dtype=%s/n=%g/over=f32", dtype, memory), side{update: "adam", n: memory, dtype: dtype}, adam(memory))
	}
	for _, update := range []string{"lamb", "lars"} {
		for _, tensors := range []int{4096, 1024, 256, 128, 64, 16, 1} {
			cut := adam(1 << 26)
			cut.tensors = tensors
			add(fmt.Sprintf("update=%s/layer=%d/over=adam", update, 1<<26/tensors), side{update: update, n: 1 << 26, tensors: tensors}, cut)
		}
	}
	add(fmt.Sprintf("clip=1/n=%g/over=unclipped", memory), side{update: "adam", n: memory, clip: 1}, adam(memory))
	// Sizes of an array, in MiB: those that repeat the rows of memory would meet in one bank.
	for _, mib := range []int{16, 24, 32, 48, 64, 128, 192, 256, 384, 512} {
		add(fmt.Sprintf("MiB=%d/over=96", mib), adam(mib<<18), adam(96<<18))
	}
	for _, mib := range []int{64, 96, 256} {
		add(fmt.Sprintf("arrays=make/MiB=%d/over=alloc", mib), side{update: "adam", n: mib << 18, on: onHeap}, adam(mib<<18))
		add(fmt.Sprintf("arrays=odd/MiB=%d/over=alloc", mib), side{update: "adam", n: mib << 18, on: offByOne}, adam(mib<<18))
	}
	for _, n := range []int{cached / 10, cached} {
		add(fmt.Sprintf("update=adamw/n=%d/over=avx2", n), side{update: "adamw", n: n}, side{update: "adamw", n: n, on: named("cpu:avx2")})
	}

	for _, p := range pairs {
		for _, threads := range []int{1, 0} {
			b.Run(fmt.Sprintf("%s/threads=%d", p.name, threads), func(b *testing.B) {
				be, err := backend.Options{Threads: threads}.Open("cpu")
				if err != nil {
					b.Fatal(err)
				}
				defer be.Close()
				ready := func(s side) *bench {
					c := Case{Update: s.update, N: s.n, Tensors: max(1, s.tensors), DType: s.dtype, Clip: s.clip}
					if c.DType == "" {
						c.DType = "f32"
					}
					u, err := kernels.Parse(c.Update)
					if err != nil {
						b.Fatal(err)
					}
					sizes, err := Shapes(c)
					if err != nil {
						b.Fatal(err)
					}
					on := be
					if s.on != nil {
						on = s.on(b, be)
					}
					bn, err := newBench(on, u, c, sizes, 1, 0)
					b.Cleanup(func() {
						if err := bn.close(); err != nil {
							b.Error(err)
						}
					})
					if err != nil {
						b.Fatal(err)
					}
					return bn
				}
				of, other := ready(p.of), ready(p.other)
				cfg := sample.Config{MaxTime: 2 * time.Second, WarmupTime: 100 * time.Millisecond, MinSamples: 15, MinSampleTime: minSampleTime, Seed: 1}
				for b.Loop() {
					series, _, err := sample.Measure(b.Context(), cfg, of, other, limit{of}, chain{})
					if err != nil {
						b.Fatal(err)
					}
					ratio, lo, hi := sample.Ratio(series[0], series[1])
					sizes := float64(p.other.n) / float64(p.of.n)
					share, _, _ := sample.Ratio(series[2], series[0])
					b.ReportMetric(ratio*sizes, "ratio")
					b.ReportMetric(lo*sizes, "lo")
					b.ReportMetric(hi*sizes, "hi")
					b.ReportMetric(share, "of-limit")
					b.ReportMetric(1e9*series[0].Summary().Median/float64(p.of.n), "ns/param")
					if threads == 1 && p.of.n <= cached && runtime.GOARCH == "amd64" {
						chains, _, _ := sample.Ratio(series[0], series[3])
						b.ReportMetric(16*chains*links*cyclesPerLink/float64(p.of.n), "cycles/16")
					}
					b.ReportMetric(0, "ns/op") // of all the rounds together, which says nothing
				}
				b.ReportMetric(float64(machine.CoreToCore(be.Info().Threads)), "core-ns")
			})
		}
	}
}

// A chain is a clock: integer multiplications that wait for each other, three cycles each
// on every x86 of the last years (A. Fog, Instruction tables). The compiler keeps them,
// for it knows no factor.
type chain struct{}

const links, cyclesPerLink = 1 << 12, 3

var factor uint64 = 0x9e3779b97f4a7c15

func (chain) Run(reps int) (time.Duration, error) {
	start := time.Now()
	x, f := uint64(1), factor
	for range reps * links / 8 {
		x *= f
		x *= f
		x *= f
		x *= f
		x *= f
		x *= f
		x *= f
		x *= f
	}
	took := time.Since(start)
	factor = x | 1
	return took, nil
}

// heap is a backend whose arrays lie where make placed them, some elements further.
type heap struct {
	backend.Backend
	off int
}

func onHeap(_ *testing.B, be backend.Backend) backend.Backend { return heap{be, 0} }

func offByOne(_ *testing.B, be backend.Backend) backend.Backend { return heap{be, 1} }

func (h heap) Alloc(_ kernels.DType, n int) (backend.Buffer, error) {
	return backend.Wrap(h.Backend, make([]float32, n+h.off)[h.off:])
}

// named opens another backend of as many threads, where it is there.
func named(name string) func(*testing.B, backend.Backend) backend.Backend {
	return func(b *testing.B, be backend.Backend) backend.Backend {
		other, err := backend.Options{Threads: be.Info().Threads}.Open(name)
		if err != nil {
			b.Skip(err)
		}
		b.Cleanup(func() {
			if err := other.Close(); err != nil {
				b.Error(err)
			}
		})
		return other
	}
}
