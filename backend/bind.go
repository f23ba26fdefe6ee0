package backend

import (
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

// A builder makes the stages of a plan.
type builder struct {
	binder
	plan  *cpuPlan
	at    int    // the stage in which the next op starts
	spans []span // memory used by the ops of stages from at on
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

// add adds op number i to the plan.
func (b *builder) add(i int, op Op) error {
	checked, err := b.check(i, op)
	if err != nil {
		return err
	}
	switch c := checked.(type) {
	case *checkedGroup:
		b.group(c)
	case *checkedNorm:
		b.squaredNorm(c)
	case *checkedLoop:
		b.loop(c)
	case *checkedMap:
		b.scalarMap(c)
	}
	return nil
}

// number returns where a scalar is.
func number(x *buffer) *float64 { return (*float64)(x.base) }

// pieces returns tensors as bare memory.
func pieces(tensors []tensor) []piece {
	var out []piece
	for _, t := range tensors {
		pc := piece{form: t.form, n: t.n}
		for _, x := range t.arrays {
			pc.arrays = append(pc.arrays, x.base)
		}
		out = append(out, pc)
	}
	return out
}

// A boundGroup is a group at work: its constants, derived stage by stage.
type boundGroup struct {
	state
	plan    *cpuPlan
	update  kernels.Update
	scale   *float64
	tensors int
}

func (b *builder) group(c *checkedGroup) {
	tensors, form := pieces(c.tensors), c.form
	bg := &boundGroup{plan: b.plan, update: c.Update, tensors: len(c.tensors)}
	if c.scale != nil {
		bg.scale = number(c.scale)
	}
	b.begin(c.spans)
	first := b.stage(b.at)
	first.host = append(first.host, bg.begin)
	at := b.at
	if c.norm != nil {
		bg.scaleByNorm(b, c.norm, tensors)
		at++
	}
	if form.Scalar != nil {
		bg.bindNorms(b, at, form, tensors)
		return
	}
	b.plan.kernels = append(b.plan.kernels, b.plan.backend.isa.Kernel(form))
	s := b.stage(at)
	s.host = append(s.host, bg.ready)
	for _, pc := range pieces(coalesce(c.tensors)) {
		pc.state = &bg.state
		s.pieces = append(s.pieces, pc)
	}
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

func (b *builder) squaredNorm(c *checkedNorm) {
	b.begin(c.spans)
	out := number(c.out)
	st := &state{}
	plan := b.plan
	s := b.stage(b.at)
	s.host = append(s.host, func() { st.coefs.Set(&kernels.Coef{kernels.CoefGrad: plan.step.GradScale}) })
	sums := b.sumSquares(pieces(c.tensors), 0, st)
	b.at++
	next := b.stage(b.at)
	next.host = append(next.host, func() { *out = sums() })
}

// loop adds a kernel of one pass over one tensor.
func (b *builder) loop(c *checkedLoop) {
	b.begin(c.spans)
	plan, st, s := b.plan, &state{}, b.stage(b.at)
	plan.kernels = append(plan.kernels, plan.backend.isa.Kernel(c.form))
	if c.coef != nil || c.factors != nil {
		s.host = append(s.host, func() {
			if c.coef != nil {
				c.coef(&st.coef, plan.step)
			}
			for i, x := range c.factors {
				st.coef[1+i] = *number(x)
			}
			st.coefs.Set(&st.coef)
		})
	}
	if c.out == nil {
		for _, pc := range pieces(coalesce([]tensor{c.tensor})) {
			pc.state = st
			s.pieces = append(s.pieces, pc)
		}
		return
	}
	out, sums := number(c.out), newUnitSums(c.form.Wide(), c.n, 1)
	if c.n > 0 {
		pc := pieces([]tensor{c.tensor})[0]
		pc.state, pc.sums = st, sums.base
		s.pieces = append(s.pieces, pc)
	}
	b.at++
	next := b.stage(b.at)
	next.host = append(next.host, func() { *out = sums.total(0) })
}

func (b *builder) scalarMap(m *checkedMap) {
	out, in := number(m.out), make([]*float64, len(m.in))
	for i, x := range m.in {
		in[i] = number(x)
	}
	b.begin(m.spans)
	plan, values, c := b.plan, make([]float64, len(in)), new(kernels.Coef)
	s := b.stage(b.at)
	s.host = append(s.host, func() {
		for i, x := range in {
			values[i] = *x
		}
		*c = m.Coef(plan.step)
		*out = kernels.Eval(m.Map, c, values)
	})
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
