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
	// A checkedLoop is a kernel of one pass over one tensor.
	checkedLoop struct {
		tensor
		coef    func(*kernels.Coef, kernels.Step) // derives its constants; nil for none
		factors []*buffer                         // the next constants, on the device
		out     *buffer                           // of what the pass sums; nil for none
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
	name := ""
	switch op := op.(type) {
	case Group:
		name = "group, " + nameOr(op.Update, "no update")
		checked, err = b.checkGroup(op)
	case SquaredNorm:
		name = "squared norm"
		checked, err = b.checkNorm(op)
	case Evaluation:
		name = "evaluation, " + nameOr(op.Objective, "no objective")
		checked, err = b.checkEvaluation(op)
	case Noise:
		name = "noise, " + nameOr(op.Law, "no law")
		checked, err = b.checkNoise(op)
	case Dot:
		name = "dot"
		checked, err = b.checkLoop(kernels.InnerProduct, []Buffer{op.X, op.Y}, op.Out)
	case Combination:
		name = "combination"
		checked, err = b.checkCombination(op)
	case Copy:
		name = "copy"
		checked, err = b.checkLoop(kernels.Copying, []Buffer{op.To, op.From}, nil)
	case ScalarMap:
		name = "scalar map"
		checked, err = b.checkMap(op)
	default:
		return nil, fmt.Errorf("bind: op %d: %T is not an op", i, op)
	}
	if err != nil {
		return nil, fmt.Errorf("bind: op %d (%s): %w", i, name, err)
	}
	return checked, nil
}

// nameOr returns the name of x, or what stands for none.
func nameOr(x interface{ Name() string }, none string) string {
	if x == nil {
		return none
	}
	return x.Name()
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
	var err error
	if c.form, c.tensors, c.spans, err = b.checkTensors(g.Update.Kernel(), g.Tensors); err != nil {
		return nil, err
	}
	if g.Scale != nil {
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

// checkTensors checks tensors for a kernel, and finds the form of it that their types
// ask for.
func (b *binder) checkTensors(k *kernels.Kernel, tensors []Tensor) (*kernels.Stored, []tensor, []span, error) {
	form := k.Float32()
	var out []tensor
	var spans []span
	fail := func(format string, args ...any) (*kernels.Stored, []tensor, []span, error) {
		return nil, nil, nil, fmt.Errorf(format, args...)
	}
	for ti, t := range tensors {
		if len(t.Slots) != len(k.Slots) && len(t.Slots) != len(k.Slots)+1 {
			return fail("tensor %d: %d slots, want %d (%s)", ti, len(t.Slots), len(k.Slots), arrayNames(form))
		}
		var one tensor
		var types []kernels.DType
		for si, x := range t.Slots {
			h, err := b.buffer(x)
			if err != nil {
				return fail("tensor %d, slot %s: %w", ti, form.ArrayName(si), err)
			}
			if si == 0 {
				one.n = h.len
			}
			if h.len != one.n {
				return fail("tensor %d: slot %s has %d elements, want %d as slot %s",
					ti, form.ArrayName(si), h.len, one.n, form.ArrayName(0))
			}
			types, one.arrays = append(types, h.dtype), append(one.arrays, h)
		}
		f := k.Form(types)
		switch {
		case f == nil:
			return fail("tensor %d: slots of %v, want %s", ti, types, formNames(k))
		case f.Wide() && !b.wide:
			return fail("tensor %d is f64: %w, want cpu:go", ti, ErrUnsupported)
		case ti > 0 && f.Storage != form.Storage:
			return fail("tensor %d is stored as %s, want %s as tensor 0", ti, f.Storage.Name, form.Storage.Name)
		}
		form, one.form = f, f
		for si, h := range one.arrays {
			spans = append(spans, h.span(f.Writes(si)))
		}
		out = append(out, one)
	}
	if both := overlap(spans); both != nil {
		return fail("%s and %s share memory that the update writes", arrayAt(out, both[0].from), arrayAt(out, both[1].from))
	}
	return form, out, spans, nil
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

func (b *binder) checkEvaluation(e Evaluation) (*checkedLoop, error) {
	if e.Objective == nil {
		return nil, fmt.Errorf("no objective")
	}
	if err := kernels.Check(e.Objective); err != nil {
		return nil, err
	}
	n := 0
	if len(e.Slots) > 0 && e.Slots[0] != nil {
		n = e.Slots[0].Len()
	}
	if _, err := e.Objective.Facts(n); err != nil {
		return nil, err
	}
	c, err := b.checkLoop(e.Objective.Kernel(), e.Slots, e.Value)
	if err != nil {
		return nil, err
	}
	c.coef = func(c *kernels.Coef, st kernels.Step) { *c = e.Objective.Coef(n, st) }
	return c, nil
}

func (b *binder) checkNoise(o Noise) (*checkedLoop, error) {
	if o.Law == nil {
		return nil, fmt.Errorf("no law")
	}
	if err := kernels.Check(o.Law); err != nil {
		return nil, err
	}
	if o.Index < 0 {
		return nil, fmt.Errorf("index is %d, want 1 or more, or 0 for that of the step", o.Index)
	}
	k, slots := o.Law.Kernel(), []Buffer{o.X}
	if o.Scale != nil {
		k, slots = k.Scaled, append(slots, o.Scale)
	}
	c, err := b.checkLoop(k, slots, nil)
	if err != nil {
		return nil, err
	}
	n := c.n
	c.coef = func(c *kernels.Coef, st kernels.Step) {
		s := kernels.Sample{Seed: o.Seed, Index: o.Index}
		if s.Index == 0 {
			s.Index = st.T
		}
		*c = o.Law.Coef(n, s)
	}
	return c, nil
}

func (b *binder) checkCombination(c Combination) (*checkedLoop, error) {
	y, err := b.scalar(c.A)
	if err != nil {
		return nil, fmt.Errorf("a: %w", err)
	}
	x, err := b.scalar(c.B)
	if err != nil {
		return nil, fmt.Errorf("b: %w", err)
	}
	out, err := b.checkLoop(kernels.Combination, []Buffer{c.Y, c.X}, nil)
	if err != nil {
		return nil, err
	}
	out.factors = []*buffer{y, x}
	out.spans = append(out.spans, y.span(false), x.span(false))
	return out, nil
}

// checkLoop checks a kernel of one pass over one tensor. What it sums goes to out.
func (b *binder) checkLoop(k *kernels.Kernel, slots []Buffer, out Buffer) (*checkedLoop, error) {
	_, tensors, spans, err := b.checkTensors(k, []Tensor{{slots}})
	if err != nil {
		return nil, err
	}
	c := &checkedLoop{tensor: tensors[0], spans: spans}
	if k.Passes[0].Sums > 0 {
		if c.out, err = b.scalar(out); err != nil {
			return nil, fmt.Errorf("out: %w", err)
		}
		c.spans = append(c.spans, c.out.span(true))
	}
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
