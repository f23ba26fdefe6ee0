// Package cpu holds the host implementations of the kernels in package kernels:
// the definitions themselves, and assembly for AVX2 and AVX-512 that gives the
// same bits.
//
// The assembly is generated from the bodies in _asm, one per pass; go generate
// writes it anew.
package cpu

import (
	"slices"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

//go:generate go -C _asm run . -out ../zz_amd64.s -stubs ../zz_amd64.go -pkg cpu -table ../zz_table_amd64.go

// A Func runs one pass over elements [i, n) of the slots at ptr. Where the pass
// has sums, i is a multiple of kernels.Unit and the sums of each unit are
// stored in order from sums on; otherwise sums is not used.
type Func func(c *[kernels.MaxCoef]float32, ptr *[MaxSlots]uintptr, i, n int, sums *float32)

// MaxSlots is the number of slots that a kernel may have.
const MaxSlots = 8

// An ISA is an instruction set that this binary has kernels for.
type ISA struct {
	Name    string
	Missing string // why this machine cannot run it; "" where it can
	kernels map[string]Func
	streams map[mix]Func
}

// Go is the name of the instruction set of the definitions themselves.
const Go = "go"

// ISAs lists every instruction set built into this binary, best first. The
// last is always [Go].
func ISAs() []ISA { return append(isas(), ISA{Name: Go}) }

// has reports whether the instruction set has assembly for a pass.
func (isa ISA) has(k *kernels.Kernel, pass int) bool {
	return isa.kernels[symbol(k, pass)] != nil
}

// Kernel names what [ISA.Bind] will run: "avx512/adamw_f32".
func (isa ISA) Kernel(k *kernels.Kernel, d kernels.DType) string {
	name := isa.Name
	if !isa.has(k, 0) || d != kernels.F32 {
		name = Go
	}
	return name + "/" + k.Name + "_" + d.String()
}

// symbol is the name of a pass in the tables: "adamw", "lamb_norms".
func symbol(k *kernels.Kernel, pass int) string {
	if name := k.Passes[pass].Name; name != "" {
		return k.Name + "_" + name
	}
	return k.Name
}

// Coefs are the constants of a step in both arithmetic types.
type Coefs struct {
	f32 [kernels.MaxCoef]float32
	f64 [kernels.MaxCoef]float64
}

// Set rounds c to either type.
func (k *Coefs) Set(c *kernels.Coef) {
	for i, x := range c {
		k.f32[i], k.f64[i] = float32(x), x
	}
}

// of returns the constants of one type.
func of[T kernels.Real](k *Coefs) *[kernels.MaxCoef]T {
	if unsafe.Sizeof(T(0)) == 4 {
		return (*[kernels.MaxCoef]T)(unsafe.Pointer(&k.f32))
	}
	return (*[kernels.MaxCoef]T)(unsafe.Pointer(&k.f64))
}

// A Span is a pass over consecutive elements of a tensor, ready to run. One
// goroutine at a time may run it.
type Span interface{ Run(c *Coefs) }

// Bind makes the span of a pass over the n elements at each slot. Where the
// pass has sums, those of each unit of kernels.Unit elements go to sums, which
// holds elements of the same type. The caller keeps the memory alive.
func (isa ISA) Bind(k *kernels.Kernel, pass int, d kernels.DType, slots []unsafe.Pointer, n int, sums unsafe.Pointer) Span {
	p := &k.Passes[pass]
	if d == kernels.F64 {
		return newLoop(p.Loop64, slots, n, p.Sums, sums)
	}
	if fn := isa.kernels[symbol(k, pass)]; fn != nil {
		return newCall(fn, slots, n, p.Sums, sums)
	}
	return newLoop(p.Loop32, slots, n, p.Sums, sums)
}

// Stream makes a span with the memory traffic of a pass that changes nothing:
// it loads what the pass reads and stores what it writes. It is the machine's
// best, whatever instruction set the pass runs on.
func Stream(access []kernels.Access, d kernels.DType, slots []unsafe.Pointer, n int) Span {
	var read, written []unsafe.Pointer
	for i, a := range access {
		switch a {
		case kernels.Read:
			read = append(read, slots[i])
		case kernels.ReadWrite:
			written = append(written, slots[i])
		}
	}
	m, slots := mix{len(read), len(written)}, append(written, read...)
	for _, isa := range isas() {
		if fn := isa.streams[m]; fn != nil && isa.Missing == "" {
			return newCall(fn, slots, n*d.Size()/kernels.F32.Size(), 0, nil)
		}
	}
	if d == kernels.F64 {
		return newLoop(m.loop64, slots, n, 0, nil)
	}
	return newLoop(m.loop32, slots, n, 0, nil)
}

// chunk is how many elements one call into assembly handles at most. Go cannot
// interrupt the call, and whoever stops the world waits for it: this many take
// some tens of microseconds, with powers a few hundred. A multiple of kernels.Unit.
const chunk = 1 << 16

// call is a span in assembly.
type call struct {
	fn     Func
	ptr    [MaxSlots]uintptr
	n      int
	sums   unsafe.Pointer
	stride int // sums per unit
}

func newCall(fn Func, slots []unsafe.Pointer, n, stride int, sums unsafe.Pointer) *call {
	s := &call{fn: fn, n: n, stride: stride, sums: sums}
	for i, p := range slots {
		s.ptr[i] = uintptr(p)
	}
	return s
}

func (s *call) Run(c *Coefs) {
	for i := 0; i < s.n; i += chunk {
		sums := (*float32)(unsafe.Add(s.sums, 4*s.stride*(i/kernels.Unit)))
		s.fn(&c.f32, &s.ptr, i, min(i+chunk, s.n), sums)
	}
}

// loop is a span in Go.
type loop[T kernels.Real] struct {
	fn    kernels.Loop[T]
	slots [][]T
	unit  [][]T // the slots of the unit at hand
	acc   [][kernels.Lanes]T
	sums  []T
}

func newLoop[T kernels.Real](fn kernels.Loop[T], slots []unsafe.Pointer, n, stride int, sums unsafe.Pointer) *loop[T] {
	s := &loop[T]{fn: fn}
	for _, p := range slots {
		s.slots = append(s.slots, unsafe.Slice((*T)(p), n))
	}
	if stride > 0 {
		s.unit = slices.Clone(s.slots)
		s.acc = make([][kernels.Lanes]T, stride)
		s.sums = unsafe.Slice((*T)(sums), stride*kernels.Units(n))
	}
	return s
}

func (s *loop[T]) Run(c *Coefs) {
	if s.acc == nil {
		s.fn(of[T](c), s.slots, nil)
		return
	}
	n, sums := len(s.slots[0]), s.sums
	for i := 0; i < n; i += kernels.Unit {
		for k, x := range s.slots {
			s.unit[k] = x[i:min(i+kernels.Unit, n)]
		}
		clear(s.acc)
		s.fn(of[T](c), s.unit, s.acc)
		for k := range s.acc {
			sums[k] = kernels.Fold(&s.acc[k])
		}
		sums = sums[len(s.acc):]
	}
}

// mix is the memory traffic of a pass: how many arrays it only reads, and how
// many it reads and writes.
type mix struct{ reads, writes int }

func (m mix) loop32(_ *[kernels.MaxCoef]float32, s [][]float32, _ [][kernels.Lanes]float32) {
	streamLoop(m, s)
}

func (m mix) loop64(_ *[kernels.MaxCoef]float64, s [][]float64, _ [][kernels.Lanes]float64) {
	streamLoop(m, s)
}

// unity is 1. The compiler does not know, so it keeps the loads and stores.
var unity = 1.0

// streamLoop is a stream where there is no assembly.
func streamLoop[T kernels.Real](m mix, s [][]T) {
	one, read := T(unity), T(0)
	for i := range s[0] {
		for _, x := range s[:m.writes] {
			x[i] *= one
		}
		for _, x := range s[m.writes:] {
			read += x[i]
		}
	}
	if m.writes == 0 {
		unityFrom(read)
	}
}

// unityFrom keeps the loads of a stream that writes nothing.
//
//go:noinline
func unityFrom[T kernels.Real](T) {}
