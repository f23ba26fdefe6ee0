package cpu

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

// An example is a kernel with the constants of one step.
type example struct {
	kernel *kernels.Kernel
	coef   kernels.Coef
}

// examples are every kernel, with the constants of every case of the updates
// that use it.
func examples() []example {
	out := []example{{kernels.SquaredNorm, kernels.Coef{kernels.CoefGrad: 0.5}}}
	for _, d := range kernels.All() {
		for i, u := range d.Cases {
			c := u.Coef(kernels.Step{T: 1 + 10*i, LRScale: 1, GradScale: 0.75})
			c[kernels.CoefTensor] = 0.01
			out = append(out, example{u.Kernel(), c})
		}
	}
	return out
}

// available returns the instruction sets with assembly that this machine runs.
func available(t testing.TB) []ISA {
	out := slices.DeleteFunc(ISAs(), func(isa ISA) bool { return isa.Name == Go || isa.Missing != "" })
	if len(out) == 0 {
		t.Skip("no assembly for this machine")
	}
	return out
}

// check runs one pass by assembly and by the definition on the same memory,
// values drawn from draw, and compares all of it: also what lies before and
// behind, and the sums.
func check(t *testing.T, isa ISA, e example, pass, offset, n int, draw func() float32) {
	t.Helper()
	const behind = 40
	p := &e.kernel.Passes[pass]
	var got, want [][]float32
	var gotAt, wantAt []unsafe.Pointer
	for _, s := range e.kernel.Slots {
		x := make([]float32, offset+n+behind)
		for i := range x {
			x[i] = draw()
			if s.Name == "ta" || s.Role == kernels.Threshold {
				x[i] = float32(math.Abs(float64(x[i]))) // a power, a threshold: defined from 0 on
			}
		}
		y := slices.Clone(x)
		got, want = append(got, x), append(want, y)
		gotAt, wantAt = append(gotAt, unsafe.Pointer(&x[offset])), append(wantAt, unsafe.Pointer(&y[offset]))
	}
	sums := make([]float32, 1+p.Sums*kernels.Units(n))
	wantSums := slices.Clone(sums)
	got, want = append(got, sums), append(want, wantSums)

	var c Coefs
	c.Set(&e.coef)
	isa.Bind(e.kernel, pass, kernels.F32, gotAt, n, unsafe.Pointer(&sums[0])).Run(&c)
	ISA{Name: Go}.Bind(e.kernel, pass, kernels.F32, wantAt, n, unsafe.Pointer(&wantSums[0])).Run(&c)

	for k := range want {
		for i := range want[k] {
			a, b := got[k][i], want[k][i]
			if math.Float32bits(a) == math.Float32bits(b) || a != a && b != b {
				continue
			}
			where := "the sums"
			if k < len(e.kernel.Slots) {
				where, i = "slot "+e.kernel.Slots[k].Name, i-offset
			}
			t.Fatalf("%s/%s, %d elements from %d on: %s at %d: got %v (%x), want %v (%x)",
				isa.Name, symbol(e.kernel, pass), n, offset, where, i, a, math.Float32bits(a), b, math.Float32bits(b))
		}
	}
}

// TestChunks runs every pass over more elements than one call into assembly
// takes, so that the calls must join.
func TestChunks(t *testing.T) {
	for _, isa := range available(t) {
		for _, k := range kernels.Kernels() {
			all := examples()
			e := all[slices.IndexFunc(all, func(e example) bool { return e.kernel == k })]
			for pass := range k.Passes {
				rng := rand.New(rand.NewPCG(1, 2))
				check(t, isa, e, pass, 3, 2*chunk+kernels.Unit+5, func() float32 { return float32(rng.NormFloat64()) })
			}
		}
	}
}

// FuzzBind compares assembly with the definitions on memory of arbitrary bits:
// any kernel, length and alignment; numbers of every size, denormals,
// infinities, and NaN with any payload.
func FuzzBind(f *testing.F) {
	isas, all := available(f), examples()
	for i, e := range all {
		words := binary.LittleEndian.AppendUint32(nil, math.Float32bits(math.MaxFloat32))
		words = binary.LittleEndian.AppendUint32(words, 1) // the least denormal
		words = binary.LittleEndian.AppendUint32(words, 0xffa00001)
		for pass := range e.kernel.Passes {
			f.Add(uint8(i), uint8(pass), uint8(i), uint16(1037+i), uint64(i), words)
		}
	}
	f.Fuzz(func(t *testing.T, which, pass, offset uint8, n uint16, seed uint64, words []byte) {
		e := all[int(which)%len(all)]
		rng := rand.New(rand.NewPCG(seed, uint64(len(words))))
		draw := func() float32 {
			switch i := 4 * rng.IntN(1+len(words)/4); {
			case i+4 <= len(words) && rng.IntN(4) == 0:
				return math.Float32frombits(binary.LittleEndian.Uint32(words[i:]))
			case rng.IntN(4) == 0:
				return math.Float32frombits(rng.Uint32())
			}
			return float32(rng.NormFloat64())
		}
		for _, isa := range isas {
			check(t, isa, e, int(pass)%len(e.kernel.Passes), int(offset)%64, int(n)%5000, draw)
		}
	})
}

// TestStream holds streams to changing nothing, in either type.
func TestStream(t *testing.T) {
	for _, k := range kernels.Kernels() {
		for i := range k.Passes {
			t.Run(symbol(k, i), func(t *testing.T) {
				checkStream[float32](t, kernels.F32, k.Passes[i].Access)
				checkStream[float64](t, kernels.F64, k.Passes[i].Access)
			})
		}
	}
}

func checkStream[T kernels.Real](t *testing.T, d kernels.DType, access []kernels.Access) {
	t.Helper()
	const n = 1001
	rng := rand.New(rand.NewPCG(3, 4))
	var memory []T
	var slots []unsafe.Pointer
	for range n * len(access) {
		memory = append(memory, T(rng.NormFloat64()))
	}
	for i := range access {
		slots = append(slots, unsafe.Pointer(&memory[i*n]))
	}
	before := slices.Clone(memory)
	Stream(access, d, slots, n).Run(new(Coefs))
	if !slices.Equal(before, memory) {
		t.Errorf("the stream of %v changed memory", d)
	}
}

// TestKernel holds the names in results to what runs.
func TestKernel(t *testing.T) {
	k := kernels.AdamW{}.Kernel()
	for _, isa := range ISAs() {
		if got, want := isa.Kernel(k, kernels.F32), isa.Name+"/adamw_f32"; got != want {
			t.Errorf("%s names it %s, want %s", isa.Name, got, want)
		}
		if got, want := isa.Kernel(k, kernels.F64), "go/adamw_f64"; got != want {
			t.Errorf("%s names it %s, want %s", isa.Name, got, want)
		}
	}
}
