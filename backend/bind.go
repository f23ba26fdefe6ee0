package backend

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/optbench/optbench/kernels"
	"github.com/optbench/optbench/kernels/cpu"
)

// A builder makes the stages of a plan.
type builder struct {
	plan  *cpuPlan
	at    int    // the stage in which the next op starts
	spans []span // memory used by the ops of stages from at on
	seen  map[*allocation]bool
}

// span is a range of memory that an op uses.
type span struct {
	from, to uintptr
	write    bool
}

func (b *builder) stage(i int) *stage {
	for len(b.plan.stages) <= i {
		b.plan.stages = append(b.plan.stages, &stage{})
	}
	return b.plan.stages[i]
}

// begin notes the memory of an op, and lets it wait for all earlier ops where
// it uses memory that one of them writes, or writes what one of them uses.
func (b *builder) begin(spans []span) {
	if all := slices.Concat(b.spans, spans); overlap(all) != nil {
		b.at, b.spans = len(b.plan.stages), spans
	} else {
		b.spans = all
	}
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

// add adds op number i to the plan.
func (b *builder) add(i int, op Op) error {
	var err error
	switch op := op.(type) {
	case Group:
		if err = b.group(op); err != nil {
			name := "no update"
			if op.Update != nil {
				name = op.Update.Name()
			}
			return fmt.Errorf("bind: op %d (group, %s): %w", i, name, err)
		}
	case SquaredNorm:
		if err = b.squaredNorm(op); err != nil {
			return fmt.Errorf("bind: op %d (squared norm): %w", i, err)
		}
	case Evaluation:
		if err = b.evaluation(op); err != nil {
			name := "no objective"
			if op.Objective != nil {
				name = op.Objective.Name()
			}
			return fmt.Errorf("bind: op %d (evaluation, %s): %w", i, name, err)
		}
	case Noise:
		if err = b.noise(op); err != nil {
			name := "no law"
			if op.Law != nil {
				name = op.Law.Name()
			}
			return fmt.Errorf("bind: op %d (noise, %s): %w", i, name, err)
		}
	case Dot:
		if err = b.loop(kernels.InnerProduct, []Buffer{op.X, op.Y}, nil, op.Out); err != nil {
			return fmt.Errorf("bind: op %d (dot): %w", i, err)
		}
	case Combination:
		if err = b.combination(op); err != nil {
			return fmt.Errorf("bind: op %d (combination): %w", i, err)
		}
	case Copy:
		if err = b.loop(kernels.Copying, []Buffer{op.To, op.From}, nil, nil); err != nil {
			return fmt.Errorf("bind: op %d (copy): %w", i, err)
		}
	case ScalarMap:
		if err = b.scalarMap(op); err != nil {
			return fmt.Errorf("bind: op %d (scalar map): %w", i, err)
		}
	default:
		return fmt.Errorf("bind: op %d: %T is not an op", i, op)
	}
	return nil
}

// host returns the buffer as one of this backend's that can be used.
func (b *builder) host(x Buffer) (*hostBuffer, error) {
	h, ok := x.(*hostBuffer)
	switch {
	case x == nil:
		return nil, fmt.Errorf("no buffer")
	case !ok || h.owner.backend != b.plan.backend:
		return nil, fmt.Errorf("the buffer is of another backend")
	case h.owner.freed:
		return nil, fmt.Errorf("the buffer: %w", ErrClosed)
	}
	if !b.seen[h.owner] {
		b.seen[h.owner] = true
		b.plan.users = append(b.plan.users, h.owner)
	}
	return h, nil
}

// scalar returns the number that a scalar buffer holds.
func (b *builder) scalar(x Buffer) (*float64, error) {
	h, err := b.host(x)
	if err != nil {
		return nil, err
	}
	if h.dtype != kernels.F64 || h.len != 1 {
		return nil, fmt.Errorf("a scalar is a buffer of 1 f64, got %d of %v", h.len, h.dtype)
	}
	return (*float64)(h.base), nil
}

func scalarSpan(x *float64, write bool) span {
	at := uintptr(unsafe.Pointer(x))
	return span{from: at, to: at + unsafe.Sizeof(*x), write: write}
}

// tensors validates the tensors of a group and returns them as bare memory, with
// the spans that they use, and the form of the kernel that their types ask for.
func (b *builder) tensors(k *kernels.Kernel, tensors []Tensor) (*kernels.Stored, []piece, []span, error) {
	form := k.Float32()
	var out []piece
	var spans []span
	for ti, t := range tensors {
		if len(t.Slots) != len(k.Slots) && len(t.Slots) != len(k.Slots)+1 {
			return nil, nil, nil, fmt.Errorf("tensor %d: %d slots, want %d (%s)", ti, len(t.Slots), len(k.Slots), arrayNames(form))
		}
		pc := piece{}
		var types []kernels.DType
		for si, x := range t.Slots {
			h, err := b.host(x)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("tensor %d, slot %s: %w", ti, form.ArrayName(si), err)
			}
			if si == 0 {
				pc.n = h.len
			}
			if h.len != pc.n {
				return nil, nil, nil, fmt.Errorf("tensor %d: slot %s has %d elements, want %d as slot %s",
					ti, form.ArrayName(si), h.len, pc.n, form.ArrayName(0))
			}
			types = append(types, h.dtype)
			pc.arrays, pc.owners = append(pc.arrays, h.base), append(pc.owners, h.owner)
			spans = append(spans, span{from: uintptr(h.base), to: uintptr(h.base) + uintptr(h.size())})
		}
		f := k.Form(types)
		switch {
		case f == nil:
			return nil, nil, nil, fmt.Errorf("tensor %d: slots of %v, want %s", ti, types, formNames(k))
		case f.Wide() && b.plan.backend.isa.Name != cpu.Go:
			return nil, nil, nil, fmt.Errorf("tensor %d is f64: %w, want cpu:%s", ti, ErrUnsupported, cpu.Go)
		case ti > 0 && f.Storage != form.Storage:
			return nil, nil, nil, fmt.Errorf("tensor %d is stored as %s, want %s as tensor 0", ti, f.Storage.Name, form.Storage.Name)
		}
		form, pc.form = f, f
		for si := range types {
			spans[len(spans)-len(types)+si].write = f.Writes(si)
		}
		out = append(out, pc)
	}
	if both := overlap(spans); both != nil {
		return nil, nil, nil, fmt.Errorf("%s and %s share memory that the update writes",
			arrayAt(out, both[0].from), arrayAt(out, both[1].from))
	}
	return form, out, spans, nil
}

// arrayAt names the tensor and array at an address.
func arrayAt(tensors []piece, address uintptr) string {
	for ti, pc := range tensors {
		for i, p := range pc.arrays {
			if uintptr(p) == address {
				return fmt.Sprintf("slot %s of tensor %d", pc.form.ArrayName(i), ti)
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

// A boundGroup is a group at work: its constants, derived stage by stage.
type boundGroup struct {
	state
	plan    *cpuPlan
	update  kernels.Update
	scale   *float64
	tensors int
}

func (b *builder) group(g Group) error {
	if g.Update == nil {
		return fmt.Errorf("no update")
	}
	if err := kernels.Check(g.Update); err != nil {
		return err
	}
	k := g.Update.Kernel()
	form, tensors, spans, err := b.tensors(k, g.Tensors)
	if err != nil {
		return err
	}
	bg := &boundGroup{plan: b.plan, update: g.Update, tensors: len(g.Tensors)}
	if g.Scale != nil {
		if bg.scale, err = b.scalar(g.Scale); err != nil {
			return fmt.Errorf("scale: %w", err)
		}
		spans = append(spans, scalarSpan(bg.scale, false))
	}
	b.begin(spans)
	first := b.stage(b.at)
	first.host = append(first.host, bg.begin)
	at := b.at
	if s, ok := g.Update.(kernels.Scaler); ok && s.Scale() != nil {
		bg.scaleByNorm(b, s.Scale(), tensors)
		at++
	}
	if k.Scalar != nil {
		bg.bindNorms(b, at, form, tensors)
		return nil
	}
	b.plan.kernels = append(b.plan.kernels, b.plan.backend.isa.Kernel(form))
	s := b.stage(at)
	s.host = append(s.host, bg.ready)
	for _, pc := range coalesce(tensors) {
		pc.state = &bg.state
		s.pieces = append(s.pieces, pc)
	}
	return nil
}

// begin derives the constants of the step.
func (bg *boundGroup) begin() {
	bg.skip = false // the last step's; the sums of this one are not yet known
	bg.coef = bg.update.Coef(bg.plan.step)
	if bg.scale != nil {
		bg.coef[kernels.CoefGrad] *= *bg.scale
	}
}

// ready rounds the constants, or skips the group where the factor on its
// gradients is not finite.
func (bg *boundGroup) ready() {
	bg.coefs.Set(&bg.coef)
	bg.skip = !finite(bg.coef[kernels.CoefGrad])
	if bg.skip {
		bg.plan.skipped.Add(int64(bg.tensors))
	}
}

// scaleByNorm adds the sum over all gradients in the stage where the group
// starts, and the factor made from it before the next.
func (bg *boundGroup) scaleByNorm(b *builder, m kernels.Map, tensors []piece) {
	first := b.stage(b.at)
	first.host = append(first.host, func() { bg.coefs.Set(&bg.coef) })
	sums := b.sumSquares(tensors, 1, &bg.state)
	next, in, c := b.stage(b.at+1), make([]float64, 1), new(kernels.Coef)
	next.host = append(next.host, func() {
		*c, in[0] = m.Coef(bg.plan.step), sums()
		bg.coef[kernels.CoefGrad] *= kernels.Eval(m, c, in)
	})
}

// bindNorms adds the two passes of an update with tensor norms, or both at once
// for tensors that stay in a cache.
func (bg *boundGroup) bindNorms(b *builder, at int, form *kernels.Stored, tensors []piece) {
	norms, apply := b.stage(at), b.stage(at+1)
	norms.host = append(norms.host, bg.ready)
	tensors = slices.DeleteFunc(tensors, func(pc piece) bool { return pc.n == 0 })
	isa := b.plan.backend.isa
	layers, tensors := bg.layers(b.plan.backend.info.Threads, tensors)
	norms.layers = append(norms.layers, layers...)
	var names []string
	if len(layers) > 0 {
		resident := form
		if form.Resident != nil {
			resident, _ = form.Resident.In(form.Storage)
		}
		names = append(names, isa.Kernel(resident))
	}
	if name := isa.Kernel(form); len(tensors) > 0 && !slices.Contains(names, name) || names == nil {
		names = append(names, name)
	}
	b.plan.kernels = append(b.plan.kernels, strings.Join(names, "+"))
	for _, pc := range tensors {
		k := pc.form
		sums := newUnitSums(k.Wide(), pc.n, k.Passes[0].Sums)
		own := &state{}
		pc.pass, pc.sums, pc.state = 0, sums.base, &bg.state
		norms.pieces = append(norms.pieces, pc)
		pc.pass, pc.sums, pc.state = 1, nil, own
		apply.pieces = append(apply.pieces, pc)
		totals := make([]float64, k.Passes[0].Sums)
		apply.host = append(apply.host, func() {
			if own.skip = bg.skip; own.skip {
				return // counted with the group
			}
			for i := range totals {
				totals[i] = sums.total(i)
			}
			if own.skip = !finite(totals...); own.skip {
				bg.plan.skipped.Add(1)
				return
			}
			own.coef = bg.coef
			own.coef[kernels.CoefTensor] = k.Scalar(&own.coef, totals)
			own.coefs.Set(&own.coef)
		})
	}
}

// sumSquares adds the squared norm of one array of every tensor in the stage at
// hand, and returns the total over the tensors in order, for later stages.
func (b *builder) sumSquares(tensors []piece, slot int, st *state) func() float64 {
	var all []*unitSums
	s := b.stage(b.at)
	for _, pc := range tensors {
		if pc.n == 0 {
			continue
		}
		form := kernels.SquaredNorm.Form(pc.form.Types[slot : slot+1])
		sums := newUnitSums(form.Wide(), pc.n, 1)
		all = append(all, sums)
		s.pieces = append(s.pieces, piece{
			form: form, arrays: pc.arrays[slot : slot+1], n: pc.n, sums: sums.base, state: st,
		})
	}
	return func() float64 {
		var total float64
		for _, sums := range all {
			total += sums.total(0)
		}
		return total
	}
}

func (b *builder) squaredNorm(r SquaredNorm) error {
	out, err := b.scalar(r.Out)
	if err != nil {
		return fmt.Errorf("out: %w", err)
	}
	var tensors []piece
	var spans []span
	for i, x := range r.X {
		h, err := b.host(x)
		if err != nil {
			return fmt.Errorf("x %d: %w", i, err)
		}
		form := kernels.SquaredNorm.Form([]kernels.DType{h.dtype})
		if form == nil {
			return fmt.Errorf("x %d is of %v: %w, want f32, f64 or bf16", i, h.dtype, ErrUnsupported)
		}
		tensors = append(tensors, piece{form: form, arrays: []unsafe.Pointer{h.base}, n: h.len})
		spans = append(spans, span{from: uintptr(h.base), to: uintptr(h.base) + uintptr(h.size())})
	}
	b.begin(append(spans, scalarSpan(out, true)))
	st := &state{}
	plan := b.plan
	s := b.stage(b.at)
	s.host = append(s.host, func() { st.coefs.Set(&kernels.Coef{kernels.CoefGrad: plan.step.GradScale}) })
	sums := b.sumSquares(tensors, 0, st)
	b.at++
	next := b.stage(b.at)
	next.host = append(next.host, func() { *out = sums() })
	return nil
}

func (b *builder) evaluation(e Evaluation) error {
	if e.Objective == nil {
		return fmt.Errorf("no objective")
	}
	if err := kernels.Check(e.Objective); err != nil {
		return err
	}
	n := 0
	if len(e.Slots) > 0 && e.Slots[0] != nil {
		n = e.Slots[0].Len()
	}
	if _, err := e.Objective.Facts(n); err != nil {
		return err
	}
	plan := b.plan
	coef := func(c *kernels.Coef) { *c = e.Objective.Coef(n, plan.step) }
	return b.loop(e.Objective.Kernel(), e.Slots, coef, e.Value)
}

func (b *builder) noise(o Noise) error {
	if o.Law == nil {
		return fmt.Errorf("no law")
	}
	if err := kernels.Check(o.Law); err != nil {
		return err
	}
	if o.Index < 0 {
		return fmt.Errorf("index is %d, want 1 or more, or 0 for that of the step", o.Index)
	}
	k, slots, n := o.Law.Kernel(), []Buffer{o.X}, 0
	if o.Scale != nil {
		k, slots = k.Scaled, append(slots, o.Scale)
	}
	if o.X != nil {
		n = o.X.Len()
	}
	plan := b.plan
	coef := func(c *kernels.Coef) {
		s := kernels.Sample{Seed: o.Seed, Index: o.Index}
		if s.Index == 0 {
			s.Index = plan.step.T
		}
		*c = o.Law.Coef(n, s)
	}
	return b.loop(k, slots, coef, nil)
}

func (b *builder) combination(c Combination) error {
	y, err := b.scalar(c.A)
	if err != nil {
		return fmt.Errorf("a: %w", err)
	}
	x, err := b.scalar(c.B)
	if err != nil {
		return fmt.Errorf("b: %w", err)
	}
	coef := func(c *kernels.Coef) { c[1], c[2] = *y, *x }
	return b.loop(kernels.Combination, []Buffer{c.Y, c.X}, coef, nil, scalarSpan(y, false), scalarSpan(x, false))
}

// loop adds a kernel of one pass over one tensor, whose constants coef derives
// before each run, if it is not nil. What the pass sums goes to out.
func (b *builder) loop(k *kernels.Kernel, slots []Buffer, coef func(*kernels.Coef), out Buffer, more ...span) error {
	form, tensors, spans, err := b.tensors(k, []Tensor{{slots}})
	if err != nil {
		return err
	}
	var value *float64
	if k.Passes[0].Sums > 0 {
		if value, err = b.scalar(out); err != nil {
			return fmt.Errorf("out: %w", err)
		}
		more = append(more, scalarSpan(value, true))
	}
	b.begin(append(spans, more...))
	b.plan.kernels = append(b.plan.kernels, b.plan.backend.isa.Kernel(form))
	st, s := &state{}, b.stage(b.at)
	if coef != nil {
		s.host = append(s.host, func() {
			coef(&st.coef)
			st.coefs.Set(&st.coef)
		})
	}
	pc := tensors[0]
	pc.state = st
	if value == nil {
		s.pieces = append(s.pieces, coalesce([]piece{pc})...)
		return nil
	}
	sums := newUnitSums(form.Wide(), pc.n, 1)
	if pc.n > 0 {
		pc.sums = sums.base
		s.pieces = append(s.pieces, pc)
	}
	b.at++
	next := b.stage(b.at)
	next.host = append(next.host, func() { *value = sums.total(0) })
	return nil
}

func (b *builder) scalarMap(m ScalarMap) error {
	if m.Map == nil {
		return fmt.Errorf("no map")
	}
	if err := kernels.Check(m.Map); err != nil {
		return fmt.Errorf("%s: %w", m.Map.Name(), err)
	}
	out, err := b.scalar(m.Out)
	if err != nil {
		return fmt.Errorf("out: %w", err)
	}
	in := make([]*float64, len(m.In))
	for i, x := range m.In {
		if in[i], err = b.scalar(x); err != nil {
			return fmt.Errorf("in %d: %w", i, err)
		}
	}
	spans := []span{scalarSpan(out, true)}
	for _, x := range in {
		if x != out {
			spans = append(spans, scalarSpan(x, false))
		}
	}
	b.begin(spans)
	plan, values, c := b.plan, make([]float64, len(in)), new(kernels.Coef)
	s := b.stage(b.at)
	s.host = append(s.host, func() {
		for i, x := range in {
			values[i] = *x
		}
		*c = m.Map.Coef(plan.step)
		*out = kernels.Eval(m.Map, c, values)
	})
	return nil
}

// coalesce joins tensors that lie one behind the other in every array, and drops
// the empty ones.
func coalesce(tensors []piece) []piece {
	var out []piece
	for _, pc := range tensors {
		switch {
		case pc.n == 0:
		case len(out) > 0 && out[len(out)-1].adjoins(pc):
			out[len(out)-1].n += pc.n
		default:
			out = append(out, pc)
		}
	}
	return out
}

// adjoins reports whether next continues pc in every array, within the same
// memory: that two arrays of a program's lie side by side is chance, and Go
// forbids to reach one through the other.
func (pc piece) adjoins(next piece) bool {
	if pc.n%pc.form.Grain() != 0 {
		return false // the last block is not full
	}
	for i, p := range pc.arrays {
		if uintptr(p)+uintptr(pc.form.Types[i].Bytes(pc.n)) != uintptr(next.arrays[i]) {
			return false
		}
	}
	return slices.Equal(pc.owners, next.owners)
}

// unitSums holds the sums of the units of a tensor.
type unitSums struct {
	base   unsafe.Pointer
	wide   bool // float64, else float32
	n      int  // numbers
	stride int  // numbers per unit
}

func newUnitSums(wide bool, elements, stride int) *unitSums {
	n := kernels.Units(elements) * stride
	memory := make([]float64, n) // enough, and aligned, for either type
	return &unitSums{unsafe.Pointer(unsafe.SliceData(memory)), wide, n, stride}
}

func (u *unitSums) total(k int) float64 {
	if u.wide {
		return kernels.Total(unsafe.Slice((*float64)(u.base), u.n), u.stride, k)
	}
	return kernels.Total(unsafe.Slice((*float32)(u.base), u.n), u.stride, k)
}

func finite(xs ...float64) bool {
	return !slices.ContainsFunc(xs, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
}
