package cuda

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/optbench/optbench/internal/ptxsim"
	"github.com/optbench/optbench/kernels"
)

// A device is the simulator with memory for one test.
type device struct {
	*ptxsim.Memory
	t *testing.T

	grid     int    // blocks of a launch at most
	resident int    // blocks at a time; 0 for all
	seed     uint64 // of the order in which warps run
}

var modules sync.Map // parsed, by name

func (d *device) entry(module, entry string) *ptxsim.Kernel {
	d.t.Helper()
	parsed, ok := modules.Load(module)
	if !ok {
		text, err := PTX(module)
		if err != nil {
			d.t.Fatal(err)
		}
		if parsed, err = ptxsim.Parse(text); err != nil {
			d.t.Fatalf("%s.ptx: %v", module, err)
		}
		modules.Store(module, parsed)
	}
	k, err := parsed.(*ptxsim.Module).Kernel(entry)
	if err != nil {
		d.t.Fatal(err)
	}
	return k
}

// coefs writes constants to device memory.
func (d *device) coefs(c *kernels.Coef) uint64 {
	a := d.Alloc("constants", CoefBytes)
	for i, x := range c {
		a.Write(8*i, binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
	}
	return a.Addr()
}

// scalar is a float64 in device memory.
func (d *device) scalar(x float64) *ptxsim.Array {
	a := d.Alloc("scalar", 8)
	a.Write(0, binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
	return a
}

func valueOf(a *ptxsim.Array) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(a.Bytes()))
}

// A plan is a bound kernel with its memory.
type plan struct {
	*Bound
	device *device
	table  *ptxsim.Array
	work   *ptxsim.Array
}

func (d *device) bind(k *kernels.Stored, tensors []Tensor, o Options) *plan {
	d.t.Helper()
	b, err := Bind(k, tensors, o)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.place(b)
}

// place gives a kernel its memory.
func (d *device) place(b *Bound) *plan {
	p := &plan{b, d, d.Alloc("table", int(b.TableBytes())), d.Alloc("work", int(b.WorkBytes()))}
	p.table.Write(0, b.Table(p.table.Addr(), p.work.Addr()))
	p.work.Write(0, make([]byte, p.work.Len()))
	return p
}

// step launches the kernel with constants at an address.
func (p *plan) step(coefs uint64) error {
	d := p.device
	for _, l := range p.Launches() {
		d.seed++
		module := p.kernel.Name
		if p.mix != nil {
			module = StreamModule
		}
		err := d.Launch(d.entry(module, l.Entry), ptxsim.Launch{
			Grid: min(l.Blocks, d.grid), Block: Threads, Resident: d.resident, Seed: d.seed,
			Args: []uint64{p.table.Addr(), coefs},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// evaluate runs a map.
func (d *device) evaluate(m kernels.Map, c kernels.Coef, in, out *ptxsim.Array) error {
	table, err := MapTable([]uint64{in.Addr()}, out.Addr())
	if err != nil {
		return err
	}
	a := d.Alloc("map", len(table))
	a.Write(0, table)
	return d.Launch(d.entry(m.Name(), MapEntry(m)), ptxsim.Launch{Grid: 1, Block: 1, Args: []uint64{a.Addr(), d.coefs(&c)}})
}

// layout says where tensors lie in their arrays.
type layout struct {
	form *kernels.Stored
	lens []int
	at   [][]int // of each tensor and array, the first element
	size int     // elements of each array
}

// place spreads tensors over arrays. Shift gives, for a tensor and an array, by how
// many elements it starts behind a multiple of four; blocks start where they must.
func place(f *kernels.Stored, lens []int, shift func(tensor, array int) int) layout {
	l := layout{form: f, lens: lens}
	step := max(16, f.Grain()) // of 16 numbers or more: whole sectors of a cache
	next := step
	for i, n := range lens {
		at := make([]int, len(f.Types))
		for a, d := range f.Types {
			at[a] = next
			if d.Grain() == 1 {
				at[a] += shift(i, a) % 4
			}
		}
		l.at = append(l.at, at)
		next += (n+4+step-1)/step*step + step
	}
	l.size = next
	return l
}

func (l layout) of(data [][]float32) [][][]float32 {
	out := make([][][]float32, len(l.lens))
	for i, n := range l.lens {
		for a, x := range data {
			out[i] = append(out[i], x[l.at[i][a]:][:n:n])
		}
	}
	return out
}

// values fills the arrays of a form with numbers that its types have.
func values(l layout, draw func() float32) [][]float32 {
	f := l.form
	out := make([][]float32, len(f.Types))
	for a, d := range f.Types {
		out[a] = make([]float32, l.size)
		for i := range out[a] {
			x := draw()
			if role := f.ArrayRole(a); role == kernels.SecondMoment || role == kernels.Threshold {
				x = float32(math.Abs(float64(x)))
			}
			out[a][i] = x
		}
		d.Round(out[a])
	}
	return out
}

func normal(seed uint64) func() float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() float32 { return float32(rng.NormFloat64()) }
}

// special draws numbers of every size, NaN, infinite ones, and zeros of
// either sign.
func special(seed uint64) func() float32 {
	rng := rand.New(rand.NewPCG(seed, 2))
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 0,
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, math.MaxFloat32, 0x1p-126, 1}
	return func() float32 {
		switch rng.IntN(3) {
		case 0:
			return odd[rng.IntN(len(odd))]
		case 1:
			return math.Float32frombits(rng.Uint32())
		}
		return float32(rng.NormFloat64())
	}
}

// upload makes the arrays of a form on the device, and the tensors.
func (d *device) upload(l layout, data [][]float32) ([]*ptxsim.Array, []Tensor) {
	f := l.form
	var arrays []*ptxsim.Array
	for a, x := range data {
		raw := make([]byte, f.Types[a].Bytes(len(x)))
		f.Types[a].Encode(raw, x)
		array := d.Alloc(f.ArrayName(a), len(raw))
		array.Write(0, raw)
		arrays = append(arrays, array)
	}
	var tensors []Tensor
	for i, n := range l.lens {
		t := Tensor{Len: int64(n)}
		for a, array := range arrays {
			t.Arrays = append(t.Arrays, array.Addr()+uint64(f.Types[a].Bytes(l.at[i][a])))
		}
		tensors = append(tensors, t)
	}
	return arrays, tensors
}

// differ returns the first place where memory is not what it should be: any of
// it, also round the tensors. NaN equals NaN, and what is left of the last block of a
// tensor is lost.
func differ(l layout, arrays []*ptxsim.Array, want [][]float32) error {
	got := make([]float32, l.size)
	for a, array := range arrays {
		d := l.form.Types[a]
		d.Decode(got, array.Bytes())
		lost := map[int]bool{}
		for i, n := range l.lens {
			if n%d.Grain() != 0 {
				lost[(l.at[i][a]+n)/d.Grain()] = true
			}
		}
		for i, x := range want[a] {
			if d.Grain() > 1 && lost[i/d.Grain()] && !l.holds(a, i) {
				continue
			}
			if math.Float32bits(got[i]) != math.Float32bits(x) && (got[i] == got[i] || x == x) {
				return fmt.Errorf("%s, element %d of its array: got %v (%x), want %v (%x)",
					l.form.ArrayName(a), i, got[i], math.Float32bits(got[i]), x, math.Float32bits(x))
			}
		}
	}
	return nil
}

// holds reports whether an element of an array is one of a tensor.
func (l layout) holds(array, element int) bool {
	for i, n := range l.lens {
		if from := l.at[i][array]; from <= element && element < from+n {
			return true
		}
	}
	return false
}
