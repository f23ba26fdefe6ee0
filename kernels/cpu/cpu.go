// Package cpu holds the host implementations of the kernels in package kernels:
// the definitions themselves, and assembly for AVX2, AVX-512 and NEON that gives the
// same bits.
//
// The assembly is generated from the bodies in _asm, one per pass; go generate
// writes it anew.
package cpu

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

//go:generate go -C _asm run . -out ../zz_amd64.s -stubs ../zz_amd64.go -pkg cpu -dir ..

// A Func is a pass in assembly. It runs elements [i, n) of the arrays at ptr. Where
// the pass has sums, i is a multiple of kernels.Unit, and of kernels.Block where
// there are arrays of blocks; the sums of each unit are stored in order from sums
// on; otherwise sums is not used. Of a noise i is a multiple of kernels.NoiseGroup.
type Func struct {
	run   func(c *[kernels.MaxCoef]float32, ptr *[MaxSlots]uintptr, i, n int, sums *float32)
	whole int // n-i must be a multiple of it
}

// MaxSlots is the number of arrays that a kernel may have.
const MaxSlots = 8

// An ISA is an instruction set that this binary has kernels for.
type ISA struct {
	Name    string
	Missing string // why this machine cannot run it; "" where it can
	kernels map[string]Func
	streams map[string]Func
}

// Go is the name of the instruction set of the definitions themselves.
const Go = "go"

// ISAs lists every instruction set built into this binary, best first. The
// last is always [Go].
func ISAs() []ISA { return append(isas(), ISA{Name: Go}) }

// has reports whether the instruction set has assembly for a pass.
func (isa ISA) has(f *kernels.Stored, pass int) bool {
	return isa.kernels[symbol(f, pass)].run != nil
}

// Kernel names what [ISA.Bind] will run: "avx512/adamw_f32".
func (isa ISA) Kernel(f *kernels.Stored) string {
	name := isa.Name
	if !isa.has(f, 0) {
		name = Go
	}
	return name + "/" + f.Name + "_" + f.Storage.Name
}

// symbol is the name of a pass in the tables: "adamw_f32", "lamb_norms_bf16".
func symbol(f *kernels.Stored, pass int) string {
	name := f.Name
	if p := f.Passes[pass].Name; p != "" {
		name += "_" + p
	}
	return name + "_" + f.Storage.Name
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
type Span interface {
	// Run runs elements [from, to) of the span; from is a multiple of
	// kernels.Unit, and so is to, or it is the end.
	Run(c *Coefs, from, to int)
}

// Bind makes the span of a pass over the n elements of each array. Where the
// pass has sums, those of each unit of kernels.Unit elements go to sums, which
// holds numbers of the arithmetic type. The caller keeps the memory alive.
func (isa ISA) Bind(f *kernels.Stored, pass int, arrays []unsafe.Pointer, n int, sums unsafe.Pointer) Span {
	p := &f.Passes[pass]
	if p.Draw32 != nil {
		return isa.BindNoise(f, arrays, 0, n)
	}
	if f.Wide() {
		return newLoop(p.Update64, p.Terms64, arrays, n, p.Sums, sums)
	}
	fn := isa.kernels[symbol(f, pass)]
	if fn.run == nil {
		if f.Storage == kernels.Float32 {
			return newLoop(p.Update32, p.Terms32, arrays, n, p.Sums, sums)
		}
		return newNarrow(f, pass, arrays, n, sums)
	}
	if whole := n / fn.whole * fn.whole; whole < n {
		rest := advance(f, arrays, whole)
		restSums := unsafe.Add(sums, 4*p.Sums*(whole/kernels.Unit))
		return parts{newCall(fn, arrays, p.Sums, sums), ISA{Name: Go}.Bind(f, pass, rest, n-whole, restSums), whole}
	}
	if head := misaligned(f, arrays); head > 0 && head < n && p.Sums == 0 && fn.whole == 1 {
		return parts{newCall(fn, arrays, 0, nil), newCall(fn, advance(f, arrays, head), 0, nil), head}
	}
	return newCall(fn, arrays, p.Sums, sums)
}

// BindNoise makes the span of a noise over n elements, which are those from first
// on, a multiple of kernels.NoiseGroup, of the arrays that the noise is for.
func (isa ISA) BindNoise(f *kernels.Stored, arrays []unsafe.Pointer, first, n int) Span {
	p := &f.Passes[0]
	if f.Wide() {
		return &drawing[float64]{newLoop[float64](nil, nil, arrays, n, 0, nil), p.Draw64, first}
	}
	fn := isa.kernels[symbol(f, 0)]
	if fn.run == nil {
		return &drawing[float32]{newLoop[float32](nil, nil, arrays, n, 0, nil), p.Draw32, first}
	}
	if whole := n / fn.whole * fn.whole; whole < n {
		rest := ISA{Name: Go}.BindNoise(f, advance(f, arrays, whole), first+whole, n-whole)
		return parts{isa.BindNoise(f, arrays, first, whole), rest, whole}
	}
	s := newCall(fn, arrays, 0, nil)
	s.first = first
	for i := range arrays {
		s.ptr[i] -= uintptr(4 * first) // where element 0 is, or would be
	}
	return s
}

// lineSize is the alignment at which no vector crosses a cache line.
const lineSize = 64

// misaligned returns how many elements come before the first that starts a cache
// line in all arrays: memory of a caller's may start anywhere. It is zero where the
// arrays do not agree, or all start one.
func misaligned(f *kernels.Stored, arrays []unsafe.Pointer) int {
	off := uintptr(arrays[0]) % lineSize
	for i, p := range arrays {
		if f.Types[i] != kernels.F32 || uintptr(p)%lineSize != off || off%4 != 0 {
			return 0
		}
	}
	return int((lineSize - off) % lineSize / 4)
}

// advance returns the arrays from an element on.
func advance(f *kernels.Stored, arrays []unsafe.Pointer, n int) []unsafe.Pointer {
	out := make([]unsafe.Pointer, len(arrays))
	for i, d := range f.Types {
		out[i] = unsafe.Add(arrays[i], d.Bytes(n))
	}
	return out
}

// parts is a span whose elements from split on are another's.
type parts struct {
	first, rest Span
	split       int
}

func (p parts) Run(c *Coefs, from, to int) {
	if from < p.split {
		p.first.Run(c, from, min(to, p.split))
	}
	if to > p.split {
		p.rest.Run(c, max(from, p.split)-p.split, to-p.split)
	}
}

// Stream makes a span with a mix of memory traffic of f that changes nothing: it
// loads what is read and stores what is written. It is the machine's
// best, whatever instruction set the pass runs on. Of narrow types, and on machines
// without masks, a few elements at the end may be left out, and of blocks, their scales.
func Stream(f *kernels.Stored, m kernels.Mix, arrays []unsafe.Pointer, n int) Span {
	var at []unsafe.Pointer
	for _, t := range m {
		at = append(at, arrays[t.Array])
	}
	name, words := m.Name(), 1
	if f.Wide() { // each as two words
		name, words = strings.ReplaceAll(name, "8", "4"), 2
	}
	for _, isa := range isas() {
		if fn := isa.streams[name]; fn.run != nil && isa.Missing == "" {
			return scaled{newCall(fn, at, 0, nil), words}
		}
	}
	return newStreamLoop(m, at, n)
}

// scaled is a span over more elements than it is told.
type scaled struct {
	span   Span
	factor int
}

func (s scaled) Run(c *Coefs, from, to int) { s.span.Run(c, s.factor*from, s.factor*to) }

// chunk is how many elements one call into assembly handles at most. Go cannot
// interrupt the call, and whoever stops the world waits for it: this many take
// some tens of microseconds, with powers a few hundred. A multiple of kernels.Unit.
const chunk = 1 << 16

// call is a span in assembly.
type call struct {
	fn     Func
	ptr    [MaxSlots]uintptr
	sums   unsafe.Pointer
	stride int // sums per unit
	first  int // of a noise, the index of the span's first element
}

func newCall(fn Func, arrays []unsafe.Pointer, stride int, sums unsafe.Pointer) *call {
	s := &call{fn: fn, stride: stride, sums: sums}
	for i, p := range arrays {
		s.ptr[i] = uintptr(p)
	}
	return s
}

func (s *call) Run(c *Coefs, from, to int) {
	for i := from; i < to; i += chunk {
		sums := (*float32)(unsafe.Add(s.sums, 4*s.stride*(i/kernels.Unit)))
		s.fn.run(&c.f32, &s.ptr, s.first+i, s.first+min(i+chunk, to), sums)
	}
}

// loop is a span in Go over arrays of the arithmetic type.
type loop[T kernels.Real] struct {
	update kernels.Loop[T]
	terms  kernels.Terms[T]
	slots  [][]T
	part   [][]T // the part of the slots at hand
	acc    [][kernels.Lanes]T
	sums   []T
}

func newLoop[T kernels.Real](update kernels.Loop[T], terms kernels.Terms[T], arrays []unsafe.Pointer, n, stride int, sums unsafe.Pointer) *loop[T] {
	s := &loop[T]{update: update, terms: terms}
	for _, p := range arrays {
		s.slots = append(s.slots, unsafe.Slice((*T)(p), n))
	}
	s.part = slices.Clone(s.slots)
	if stride > 0 {
		s.acc = make([][kernels.Lanes]T, stride)
		s.sums = unsafe.Slice((*T)(sums), stride*kernels.Units(n))
	}
	return s
}

func (s *loop[T]) Run(c *Coefs, from, to int) {
	for k, x := range s.slots {
		s.part[k] = x[from:to]
	}
	if s.update != nil {
		s.update(of[T](c), s.part)
	}
	if s.terms == nil {
		return
	}
	sums := s.sums[from/kernels.Unit*len(s.acc):]
	for i := from; i < to; i += kernels.Unit {
		for k, x := range s.slots {
			s.part[k] = x[i:min(i+kernels.Unit, to)]
		}
		clear(s.acc)
		s.terms(of[T](c), s.part, s.acc)
		for k := range s.acc {
			sums[k] = kernels.Fold(&s.acc[k])
		}
		sums = sums[len(s.acc):]
	}
}

// drawing is a span of a noise in Go.
type drawing[T kernels.Real] struct {
	*loop[T]
	draw  kernels.Drawing[T]
	first int // the index of the span's first element
}

func (s *drawing[T]) Run(c *Coefs, from, to int) {
	for k, x := range s.slots {
		s.part[k] = x[from:to]
	}
	s.draw(of[T](c), s.first+from, s.part)
}

// narrow is a span in Go over arrays of other types than the arithmetic one, a
// unit at a time: widened, updated, rounded and read again for the terms.
type narrow struct {
	form   *kernels.Stored
	pass   int
	access []kernels.Access
	memory [][]byte    // the arrays
	wide   [][]float32 // room for a unit of each
	unit   [][]float32 // the unit at hand
	slots  [][]float32 // the same, slot by slot
	acc    [][kernels.Lanes]float32
	sums   []float32
}

func newNarrow(f *kernels.Stored, pass int, arrays []unsafe.Pointer, n int, sums unsafe.Pointer) *narrow {
	s := &narrow{form: f, pass: pass, access: f.Access(pass)}
	for i, p := range arrays {
		s.memory = append(s.memory, unsafe.Slice((*byte)(p), f.Types[i].Bytes(n)))
		s.wide = append(s.wide, make([]float32, kernels.Unit))
	}
	s.unit = slices.Clone(s.wide)
	s.slots = make([][]float32, len(f.Slots))
	if stride := f.Passes[pass].Sums; stride > 0 {
		s.acc = make([][kernels.Lanes]float32, stride)
		s.sums = unsafe.Slice((*float32)(sums), stride*kernels.Units(n))
	}
	return s
}

func (s *narrow) Run(c *Coefs, from, to int) {
	p, unit, slots := &s.form.Passes[s.pass], s.unit, s.slots
	for i := from; i < to; i += kernels.Unit {
		n := min(kernels.Unit, to-i)
		for k, d := range s.form.Types {
			unit[k] = s.wide[k][:n]
			if s.access[k]&kernels.Read != 0 {
				d.Decode(unit[k], s.memory[k][d.Bytes(i):])
			}
		}
		copy(slots, unit)
		if s.form.HasMaster() {
			slots[0] = unit[len(slots)]
		}
		if p.Update32 != nil {
			p.Update32(&c.f32, slots)
			for k, d := range s.form.Types {
				if s.access[k]&kernels.Write == 0 {
					continue
				}
				x := unit[k]
				if k == 0 {
					x = slots[0] // the master copy, where there is one
				}
				d.Encode(s.memory[k][d.Bytes(i):], x)
			}
		}
		if p.Terms32 == nil {
			continue
		}
		for k, d := range s.form.Types {
			if s.access[k]&kernels.Write != 0 {
				d.Decode(unit[k], s.memory[k][d.Bytes(i):])
			}
		}
		clear(s.acc)
		p.Terms32(&c.f32, slots, s.acc)
		for k, d := range s.form.Types {
			if s.form.ArrayRole(k) == kernels.Scratch {
				d.Encode(s.memory[k][d.Bytes(i):], unit[k])
			}
		}
		for k := range s.acc {
			s.sums[i/kernels.Unit*len(s.acc)+k] = kernels.Fold(&s.acc[k])
		}
	}
}
