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
		err := d.Launch(d.entry(p.kernel.Name, l.Entry), ptxsim.Launch{
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

// layout says where tensors lie in the arrays of their slots.
type layout struct {
	lens []int
	at   [][]int // of each tensor and slot, the first element
	size int     // elements of each array
}

// place spreads tensors over arrays. Shift gives, for a tensor and a slot, by how
// many elements it starts behind a multiple of 16 bytes.
func place(lens []int, slots int, shift func(tensor, slot int) int) layout {
	l := layout{lens: lens}
	next := 8
	for i, n := range lens {
		at := make([]int, slots)
		for s := range at {
			at[s] = next + shift(i, s)%4
		}
		l.at = append(l.at, at)
		next += (n+4+7)/8*8 + 8
	}
	l.size = next
	return l
}

func (l layout) of(data [][]float32) [][][]float32 {
	out := make([][][]float32, len(l.lens))
	for i, n := range l.lens {
		for s, x := range data {
			out[i] = append(out[i], x[l.at[i][s]:][:n:n])
		}
	}
	return out
}

// values fills the arrays of a kernel's slots.
func values(k *kernels.Kernel, size int, draw func() float32) [][]float32 {
	out := make([][]float32, len(k.Slots))
	for s, slot := range k.Slots {
		out[s] = make([]float32, size)
		for i := range out[s] {
			x := draw()
			if slot.Role == kernels.SecondMoment || slot.Role == kernels.Threshold {
				x = float32(math.Abs(float64(x)))
			}
			out[s][i] = x
		}
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

// upload makes the arrays of a kernel's slots on the device, and the tensors.
func (d *device) upload(k *kernels.Kernel, l layout, data [][]float32) ([]*ptxsim.Array, []Tensor) {
	var arrays []*ptxsim.Array
	for s, x := range data {
		a := d.Alloc(k.Slots[s].Name, 4*len(x))
		b := make([]byte, 0, 4*len(x))
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		a.Write(0, b)
		arrays = append(arrays, a)
	}
	var tensors []Tensor
	for i, n := range l.lens {
		t := Tensor{Len: int64(n)}
		for s, a := range arrays {
			t.Slots = append(t.Slots, a.Addr()+4*uint64(l.at[i][s]))
		}
		tensors = append(tensors, t)
	}
	return arrays, tensors
}

// differ returns the first place where memory is not what it should be: any of
// it, also round the tensors. NaN equals NaN.
func differ(k *kernels.Kernel, arrays []*ptxsim.Array, want [][]float32) error {
	for s, a := range arrays {
		if k.Slots[s].Role == kernels.Scratch {
			continue
		}
		for i, x := range want[s] {
			got := math.Float32frombits(binary.LittleEndian.Uint32(a.Bytes()[4*i:]))
			if math.Float32bits(got) != math.Float32bits(x) && (got == got || x == x) {
				return fmt.Errorf("slot %s, element %d of its array: got %v (%x), want %v (%x)",
					k.Slots[s].Name, i, got, math.Float32bits(got), x, math.Float32bits(x))
			}
		}
	}
	return nil
}
