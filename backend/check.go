package backend

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/optbench/optbench/kernels"
)

// A binder checks the ops of a plan for a device, before anything is bound.
type binder struct {
	device device
	wide   bool // it computes in float64
	users  []*allocation
	seen   map[*allocation]bool
}

// span is a range of memory that an op uses.
type span struct {
	from, to uintptr
	write    bool
}

// A tensor is a tensor that was checked.
type tensor struct {
	form   *kernels.Stored
	arrays []*buffer
	n      int
}

// The ops of a plan, checked, with the memory that they use.
type (
	checkedGroup struct {
		Group
		form    *kernels.Stored
		tensors []tensor
		scale   *buffer     // nil for none
		norm    kernels.Map // of the global norm, that scales the update; nil for none
		spans   []span
	}
	checkedNorm struct {
		tensors []tensor // of one array
		out     *buffer
		spans   []span
	}
	checkedMap struct {
		kernels.Map
		in    []*buffer
		out   *buffer
		spans []span
	}
)

// check returns op number i checked.
func (b *binder) check(i int, op Op) (checked any, err error) {
	switch op := op.(type) {
	case Group:
		if checked, err = b.checkGroup(op); err != nil {
			name := "no update"
			if op.Update != nil {
				name = op.Update.Name()
			}
			return nil, fmt.Errorf("bind: op %d (group, %s): %w", i, name, err)
		}
	case SquaredNorm:
		if checked, err = b.checkNorm(op); err != nil {
			return nil, fmt.Errorf("bind: op %d (squared norm): %w", i, err)
		}
	case ScalarMap:
		if checked, err = b.checkMap(op); err != nil {
			return nil, fmt.Errorf("bind: op %d (scalar map): %w", i, err)
		}
	default:
		return nil, fmt.Errorf("bind: op %d: %T is not an op", i, op)
	}
	return checked, nil
}

// buffer returns the buffer as one of this device's that can be used.
func (b *binder) buffer(x Buffer) (*buffer, error) {
	h, ok := x.(*buffer)
	switch {
	case x == nil:
		return nil, fmt.Errorf("no buffer")
	case !ok || h.owner.device != b.device:
		return nil, fmt.Errorf("the buffer is of another backend")
	case h.owner.freed:
		return nil, fmt.Errorf("the buffer: %w", ErrClosed)
	}
	if !b.seen[h.owner] {
		b.seen[h.owner] = true
		b.users = append(b.users, h.owner)
	}
	return h, nil
}

// scalar returns the buffer as one that holds a number.
func (b *binder) scalar(x Buffer) (*buffer, error) {
	h, err := b.buffer(x)
	if err != nil {
		return nil, err
	}
	if h.dtype != kernels.F64 || h.len != 1 {
		return nil, fmt.Errorf("a scalar is a buffer of 1 f64, got %d of %v", h.len, h.dtype)
	}
	return h, nil
}

func (b *binder) checkGroup(g Group) (*checkedGroup, error) {
	if g.Update == nil {
		return nil, fmt.Errorf("no update")
	}
	if err := kernels.Check(g.Update); err != nil {
		return nil, err
	}
	c := &checkedGroup{Group: g}
	if err := c.checkTensors(b); err != nil {
		return nil, err
	}
	if g.Scale != nil {
		var err error
		if c.scale, err = b.scalar(g.Scale); err != nil {
			return nil, fmt.Errorf("scale: %w", err)
		}
		c.spans = append(c.spans, c.scale.span(false))
	}
	if s, ok := g.Update.(kernels.Scaler); ok {
		c.norm = s.Scale()
	}
	return c, nil
}

// checkTensors checks the tensors of the group, and finds the form of the kernel that
// their types ask for.
func (c *checkedGroup) checkTensors(b *binder) error {
	k := c.Update.Kernel()
	c.form = k.Float32()
	for ti, t := range c.Tensors {
		if len(t.Slots) != len(k.Slots) && len(t.Slots) != len(k.Slots)+1 {
			return fmt.Errorf("tensor %d: %d slots, want %d (%s)", ti, len(t.Slots), len(k.Slots), arrayNames(c.form))
		}
		var out tensor
		var types []kernels.DType
		for si, x := range t.Slots {
			h, err := b.buffer(x)
			if err != nil {
				return fmt.Errorf("tensor %d, slot %s: %w", ti, c.form.ArrayName(si), err)
			}
			if si == 0 {
				out.n = h.len
			}
			if h.len != out.n {
				return fmt.Errorf("tensor %d: slot %s has %d elements, want %d as slot %s",
					ti, c.form.ArrayName(si), h.len, out.n, c.form.ArrayName(0))
			}
			types, out.arrays = append(types, h.dtype), append(out.arrays, h)
		}
		f := k.Form(types)
		switch {
		case f == nil:
			return fmt.Errorf("tensor %d: slots of %v, want %s", ti, types, formNames(k))
		case f.Wide() && !b.wide:
			return fmt.Errorf("tensor %d is f64: %w, want cpu:go", ti, ErrUnsupported)
		case ti > 0 && f.Storage != c.form.Storage:
			return fmt.Errorf("tensor %d is stored as %s, want %s as tensor 0", ti, f.Storage.Name, c.form.Storage.Name)
		}
		c.form, out.form = f, f
		for si, h := range out.arrays {
			c.spans = append(c.spans, h.span(f.Writes(si)))
		}
		c.tensors = append(c.tensors, out)
	}
	if both := overlap(c.spans); both != nil {
		return fmt.Errorf("%s and %s share memory that the update writes",
			arrayAt(c.tensors, both[0].from), arrayAt(c.tensors, both[1].from))
	}
	return nil
}

// overlap returns two spans that share memory which one of them writes, or nil.
func overlap(spans []span) []span {
	sorted := slices.SortedFunc(slices.Values(spans), func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var reach, write span // the spans that reach furthest: of all, and of those that write
	for _, s := range sorted {
		if s.from == s.to {
			continue
		}
		if s.write && s.from < reach.to {
			return []span{reach, s}
		}
		if s.from < write.to {
			return []span{write, s}
		}
		if s.to > reach.to {
			reach = s
		}
		if s.write && s.to > write.to {
			write = s
		}
	}
	return nil
}

// arrayAt names the tensor and array at an address.
func arrayAt(tensors []tensor, address uintptr) string {
	for ti, t := range tensors {
		for i, x := range t.arrays {
			if x.span(false).from == address {
				return fmt.Sprintf("slot %s of tensor %d", t.form.ArrayName(i), ti)
			}
		}
	}
	return fmt.Sprintf("address %#x", address)
}

// arrayNames lists the arrays of a form: "p, g, m".
func arrayNames(f *kernels.Stored) string {
	var names []string
	for i := range f.Types {
		names = append(names, f.ArrayName(i))
	}
	return strings.Join(names, ", ")
}

// formNames lists the forms of a kernel: "p f32, g f32 (f32); or ...".
func formNames(k *kernels.Kernel) string {
	var forms []string
	for _, f := range k.Forms() {
		var arrays []string
		for i, d := range f.Types {
			arrays = append(arrays, f.ArrayName(i)+" "+d.String())
		}
		forms = append(forms, fmt.Sprintf("%s (%s)", strings.Join(arrays, ", "), f.Storage.Name))
	}
	return strings.Join(forms, "; or ")
}

func (b *binder) checkNorm(r SquaredNorm) (*checkedNorm, error) {
	c := &checkedNorm{}
	var err error
	if c.out, err = b.scalar(r.Out); err != nil {
		return nil, fmt.Errorf("out: %w", err)
	}
	for i, x := range r.X {
		h, err := b.buffer(x)
		if err != nil {
			return nil, fmt.Errorf("x %d: %w", i, err)
		}
		form := kernels.SquaredNorm.Form([]kernels.DType{h.dtype})
		if form == nil {
			return nil, fmt.Errorf("x %d is of %v: %w, want f32, f64 or bf16", i, h.dtype, ErrUnsupported)
		}
		c.tensors = append(c.tensors, tensor{form, []*buffer{h}, h.len})
		c.spans = append(c.spans, h.span(false))
	}
	c.spans = append(c.spans, c.out.span(true))
	return c, nil
}

func (b *binder) checkMap(m ScalarMap) (*checkedMap, error) {
	if m.Map == nil {
		return nil, fmt.Errorf("no map")
	}
	if err := kernels.Check(m.Map); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Map.Name(), err)
	}
	c := &checkedMap{Map: m.Map}
	var err error
	if c.out, err = b.scalar(m.Out); err != nil {
		return nil, fmt.Errorf("out: %w", err)
	}
	c.spans = append(c.spans, c.out.span(true))
	for i, x := range m.In {
		h, err := b.scalar(x)
		if err != nil {
			return nil, fmt.Errorf("in %d: %w", i, err)
		}
		c.in = append(c.in, h)
		if *h != *c.out {
			c.spans = append(c.spans, h.span(false))
		}
	}
	return c, nil
}

// coalesce joins tensors that lie one behind the other in every array, and drops
// the empty ones.
func coalesce(tensors []tensor) []tensor {
	var out []tensor
	for _, t := range tensors {
		switch {
		case t.n == 0:
		case len(out) > 0 && out[len(out)-1].adjoins(t):
			out[len(out)-1] = out[len(out)-1].join(t)
		default:
			out = append(out, t)
		}
	}
	return out
}

// adjoins reports whether next continues t in every array, within the same
// memory: that two arrays of a program's lie side by side is chance, and Go
// forbids to reach one through the other.
func (t tensor) adjoins(next tensor) bool {
	if t.n%t.form.Grain() != 0 {
		return false // the last block is not full
	}
	for i, x := range t.arrays {
		if y := next.arrays[i]; x.owner != y.owner || x.span(false).to != y.span(false).from {
			return false
		}
	}
	return true
}

// join returns t and what adjoins it as one.
func (t tensor) join(next tensor) tensor {
	out := tensor{form: t.form, n: t.n + next.n}
	for _, x := range t.arrays {
		both := *x
		both.len = out.n
		out.arrays = append(out.arrays, &both)
	}
	return out
}
