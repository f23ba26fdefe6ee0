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

// An example is a form of a kernel with the constants of one step.
type example struct {
	*kernels.Stored
	coef kernels.Coef
}

// examples are every form of every kernel but those of float64, with the
// constants of every case of the updates, objectives and noise laws that use it.
func examples() []example {
	var out []example
	add := func(k *kernels.Kernel, c kernels.Coef) {
		for _, f := range k.Forms() {
			if !f.Wide() {
				out = append(out, example{f, c})
			}
		}
	}
	add(kernels.SquaredNorm, kernels.Coef{kernels.CoefGrad: 0.5})
	add(kernels.InnerProduct, kernels.Coef{})
	add(kernels.Combination, kernels.Coef{1: 0.75, 2: -0.3})
	add(kernels.Copying, kernels.Coef{})
	for _, d := range kernels.Objectives() {
		for _, o := range d.Cases {
			add(o.Kernel(), o.Coef(1000, kernels.At(3)))
		}
	}
	for _, d := range kernels.Noises() {
		for _, law := range d.Cases {
			c := law.Coef(1000, kernels.Sample{Seed: 0x0123456789abcdef, Index: 0xfedcba987654})
			add(law.Kernel(), c)
			add(law.Kernel().Scaled, c)
		}
	}
	for _, d := range kernels.All() {
		for i, u := range d.Cases {
			c := u.Coef(kernels.Step{T: 1 + 10*i, LRScale: 1, GradScale: 0.75})
			c[kernels.CoefTensor] = 0.01
			add(u.Kernel(), c)
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
	f, p := e.Stored, &e.Passes[pass]
	offset = offset / f.Grain() * f.Grain()
	var got, want [][]byte
	var gotAt, wantAt []unsafe.Pointer
	for k, d := range f.Types {
		size := offset + n
		if f.Grain() == 1 {
			size += behind
		}
		x := make([]float32, size)
		for i := range x {
			x[i] = draw()
			if role := f.ArrayRole(k); d == kernels.UQ8 || f.ArrayName(k) == "ta" || role == kernels.Threshold {
				x[i] = float32(math.Abs(float64(x[i]))) // a power, a threshold: defined from 0 on
			}
		}
		memory := words(d.Bytes(len(x)) + behind)
		d.Encode(memory, x)
		other := append(words(0), memory...)
		got, want = append(got, memory), append(want, other)
		at := d.Bytes(offset)
		gotAt, wantAt = append(gotAt, unsafe.Pointer(&memory[at])), append(wantAt, unsafe.Pointer(&other[at]))
	}
	sums := make([]float32, 1+p.Sums*kernels.Units(n))
	wantSums := slices.Clone(sums)

	var c Coefs
	c.Set(&e.coef)
	isa.Bind(f, pass, gotAt, n, unsafe.Pointer(&sums[0])).Run(&c, 0, n)
	ISA{Name: Go}.Bind(f, pass, wantAt, n, unsafe.Pointer(&wantSums[0])).Run(&c, 0, n)

	compare := func(where string, offset int, a, b []float32) {
		for i := range a {
			if math.Float32bits(a[i]) != math.Float32bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
				t.Fatalf("%s/%s, %d elements from %d on: %s at %d: got %v (%x), want %v (%x)",
					isa.Name, symbol(f, pass), n, offset, where, i-offset, a[i], math.Float32bits(a[i]), b[i], math.Float32bits(b[i]))
			}
		}
	}
	for k, d := range f.Types {
		size := len(got[k])
		if d.Grain() == 1 {
			size /= d.Bytes(1)
		} else {
			size = offset + n
			if !slices.Equal(got[k][d.Bytes(size):], want[k][d.Bytes(size):]) {
				t.Fatalf("%s/%s: array %s is written behind its end", isa.Name, symbol(f, pass), f.ArrayName(k))
			}
		}
		a, b := make([]float32, size), make([]float32, size)
		d.Decode(a, got[k])
		d.Decode(b, want[k])
		compare("array "+f.ArrayName(k), offset, a, b)
	}
	compare("the sums", 0, sums, wantSums)
}

// TestNoiseFirst draws parts of arrays, far from their start too: an element's
// number depends on its place alone.
func TestNoiseFirst(t *testing.T) {
	const n = 1000
	for _, isa := range available(t) {
		for _, e := range examples() {
			draw := e.Passes[0].Draw32
			if draw == nil {
				continue
			}
			var c Coefs
			c.Set(&e.coef)
			for _, first := range []int{0, kernels.NoiseGroup, 1 << 20, 1<<34 - 5*kernels.NoiseGroup, 1<<40 + kernels.NoiseGroup} {
				var got, want [][]float32
				var at []unsafe.Pointer
				for range e.Slots {
					x := slices.Repeat([]float32{2}, n)
					got, want, at = append(got, x), append(want, slices.Clone(x)), append(at, unsafe.Pointer(&x[0]))
				}
				span := isa.BindNoise(e.Stored, at, first, n)
				span.Run(&c, 0, 5*kernels.NoiseGroup)
				span.Run(&c, 5*kernels.NoiseGroup, n)
				draw(kernels.Round[float32](&e.coef), first, want)
				if !slices.Equal(got[0], want[0]) {
					t.Errorf("%s, %s from %d on: got %v..., want %v...", isa.Name, e.Name, first, got[0][:4], want[0][:4])
				}
			}
		}
	}
}

// words returns bytes that are aligned as float32 is.
func words(n int) []byte {
	x := make([]float32, n/4+1)
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))[:n]
}

// TestChunks runs every pass over more elements than one call into assembly
// takes, so that the calls must join.
func TestChunks(t *testing.T) {
	for _, isa := range available(t) {
		for _, e := range distinct(examples()) {
			for pass := range e.Passes {
				rng := rand.New(rand.NewPCG(1, 2))
				check(t, isa, e, pass, 3, chunk+kernels.Unit+5, func() float32 { return float32(rng.NormFloat64()) })
			}
		}
	}
}

// distinct keeps the first example of every form.
func distinct(all []example) []example {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(e example) bool {
		name := symbol(e.Stored, 0)
		defer func() { seen[name] = true }()
		return seen[name]
	})
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
		for pass := range e.Passes {
			f.Add(uint16(i), uint8(pass), uint8(i), uint16(1037+i), uint64(i), words)
		}
	}
	f.Fuzz(func(t *testing.T, which uint16, pass, offset uint8, n uint16, seed uint64, words []byte) {
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
			check(t, isa, e, int(pass)%len(e.Passes), int(offset)%64, int(n)%5000, draw)
		}
	})
}

// TestStream holds streams to changing nothing, whatever the types, and the loop
// that stands in for them.
func TestStream(t *testing.T) {
	const n = 1001
	for _, k := range kernels.Kernels() {
		for _, f := range k.Forms() {
			for pass := range f.Passes {
				rng := rand.New(rand.NewPCG(3, 4))
				var memory, before [][]byte
				var arrays []unsafe.Pointer
				for _, d := range f.Types {
					x := words(d.Bytes(n))
					for i := range x {
						x[i] = byte(rng.Uint32())
					}
					memory, before = append(memory, x), append(before, slices.Clone(x))
					arrays = append(arrays, unsafe.Pointer(&x[0]))
				}
				Stream(f, f.Mix(pass), arrays, n).Run(new(Coefs), 0, n)
				var ordered []unsafe.Pointer
				for _, t := range f.Mix(pass) {
					ordered = append(ordered, arrays[t.Array])
				}
				newStreamLoop(f.Mix(pass), ordered, n).Run(new(Coefs), 0, n)
				if !slices.EqualFunc(memory, before, slices.Equal[[]byte]) {
					t.Errorf("the stream of %s changed memory", symbol(f, pass))
				}
			}
		}
	}
}

// TestKernel holds the names in results to what runs.
func TestKernel(t *testing.T) {
	for _, f := range (kernels.AdamW{}).Kernel().Forms() {
		for _, isa := range ISAs() {
			want := isa.Name + "/adamw_" + f.Storage.Name
			if f.Wide() {
				want = "go/adamw_f64"
			}
			if got := isa.Kernel(f); got != want {
				t.Errorf("%s names it %s, want %s", isa.Name, got, want)
			}
		}
	}
}
