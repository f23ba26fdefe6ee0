package kernels

import "slices"

// A Storage is the types in which the arrays of an update are kept.
type Storage struct {
	Name   string
	Title  string
	param  DType
	grad   DType
	state  DType // of states that may have either sign
	moment DType // of second moments
	master bool
}

// Float32 is the storage of everything in float32.
var Float32 = &Storage{Name: "f32", Title: "float32"}

// Storages lists them. There are few: mixes of types that make sense, not their
// product.
var Storages = []*Storage{
	Float32,
	{Name: "f64", Title: "float64, on cpu:go alone", param: F64, grad: F64, state: F64, moment: F64},
	{Name: "bf16", Title: "everything in bfloat16", param: BF16, grad: BF16, state: BF16, moment: BF16},
	{Name: "bf16-states", Title: "states in bfloat16, parameters and gradients in float32", state: BF16, moment: BF16},
	{Name: "bf16-master", Title: "parameters and gradients in bfloat16, with a master copy and states in float32", param: BF16, grad: BF16, master: true},
	{Name: "q8-states", Title: "states in bytes with a scale for each block, parameters and gradients in float32", state: Q8, moment: UQ8},
}

// FindStorage returns the storage of that name, or nil.
func FindStorage(name string) *Storage {
	i := slices.IndexFunc(Storages, func(s *Storage) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return Storages[i]
}

func (s *Storage) dtype(r Role) DType {
	switch r {
	case Gradient:
		return s.grad
	case State:
		return s.state
	case SecondMoment:
		return s.moment
	case Scratch, Input, Output, Neighbour: // never narrow
		if s.param == F64 {
			return F64
		}
		return F32
	}
	return s.param
}

// A Stored kernel is a kernel over arrays of given types. Where the storage has
// a master copy, its array comes behind those of the kernel's slots: the kernel
// reads and writes the parameters there, and the parameter array takes a rounded
// copy.
type Stored struct {
	*Kernel
	Storage *Storage // the first in [Storages] that gives these types
	Types   []DType  // of each array
}

// In returns the kernel in a storage, or false where it does not exist: blocks
// serve kernels of one pass alone, for those with norms would round in the
// middle of one.
func (k *Kernel) In(s *Storage) (*Stored, bool) {
	out := k.in(s)
	if len(k.Passes) > 1 && slices.ContainsFunc(out.Types, func(d DType) bool { return d.Grain() > 1 }) {
		return nil, false
	}
	for _, first := range Storages {
		if same := k.in(first); slices.Equal(same.Types, out.Types) {
			return same, true
		}
	}
	return out, true
}

// Float32 returns the kernel over arrays of float32.
func (k *Kernel) Float32() *Stored { return k.in(Float32) }

func (k *Kernel) in(s *Storage) *Stored {
	out := &Stored{Kernel: k, Storage: s}
	for _, slot := range k.Slots {
		out.Types = append(out.Types, s.dtype(slot.Role))
	}
	if s.master && k.Slots[0].Role == Parameter {
		out.Types = append(out.Types, F32)
	}
	return out
}

// Forms returns the kernel in every storage that differs for it.
func (k *Kernel) Forms() []*Stored {
	var out []*Stored
	for _, s := range Storages {
		if f, ok := k.In(s); ok && f.Storage == s {
			out = append(out, f)
		}
	}
	return out
}

// Form returns the form of the kernel over arrays of the given types, or nil.
func (k *Kernel) Form(types []DType) *Stored {
	for _, f := range k.Forms() {
		if slices.Equal(f.Types, types) {
			return f
		}
	}
	return nil
}

// ArrayName returns the name of array i.
func (f *Stored) ArrayName(i int) string {
	if i == len(f.Slots) {
		return "master"
	}
	return f.Slots[i].Name
}

// ArrayRole returns what array i holds.
func (f *Stored) ArrayRole(i int) Role {
	if i == len(f.Slots) {
		return Parameter
	}
	return f.Slots[i].Role
}

// HasMaster reports whether the last array is a master copy of the parameters.
func (f *Stored) HasMaster() bool { return len(f.Types) > len(f.Slots) }

// Wide reports whether arithmetic is float64.
func (f *Stored) Wide() bool { return f.Types[0] == F64 }

// Grain is the multiple at which all arrays may be cut.
func (f *Stored) Grain() int {
	grain := 1
	for _, d := range f.Types {
		grain = max(grain, d.Grain())
	}
	return grain
}

// Access returns what a pass does with each array.
func (f *Stored) Access(pass int) []Access {
	access := f.Passes[pass].Access
	if !f.HasMaster() {
		return access
	}
	p := access[0]
	out := append(slices.Clone(access), p)
	out[0] = p & Write
	return out
}

// Writes reports whether any pass writes array i.
func (f *Stored) Writes(i int) bool { return f.anyAccess()[i]&Write != 0 }

// PassBytes returns the least memory traffic of a pass over n elements.
func (f *Stored) PassBytes(pass, n int) int {
	total := 0
	for i, a := range f.Access(pass) {
		if f.ArrayRole(i) != Neighbour { // memory that another slot reads
			total += a.times() * f.Types[i].Bytes(n)
		}
	}
	return total
}

// Bytes returns the least memory traffic of all passes over n elements.
func (f *Stored) Bytes(n int) int {
	total := 0
	for pass := range f.Passes {
		total += f.PassBytes(pass, n)
	}
	return total
}

// times is how often an access moves an array.
func (a Access) times() int { return int(a&1) + int(a>>1) }

// Bytes returns the least memory traffic of an update of n elements in a
// storage: of its kernel and of the norm that it needs first, if any. It is
// false where the update does not exist in the storage.
func Bytes(u Update, s *Storage, n int) (int, bool) {
	f, ok := u.Kernel().In(s)
	if !ok {
		return 0, false
	}
	total := f.Bytes(n)
	if sc, ok := u.(Scaler); ok && sc.Scale() != nil {
		norm, _ := SquaredNorm.In(s)
		total += norm.Bytes(n)
	}
	return total, true
}
