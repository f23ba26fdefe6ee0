package backend

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/klauspost/cpuid/v2"

	"github.com/optbench/optbench/kernels"
	"github.com/optbench/optbench/kernels/cpu"
)

// An update with norms runs over a tensor twice. Where a tensor is small enough
// for what the second pass needs to be still in a cache, each worker takes whole
// tensors, one after the other, and memory is read once: 28 bytes per parameter
// of LAMB instead of 40. The second pass of a tensor runs beside the first of the
// next, strip by strip, so that one computes while the other waits for memory.
// Sums have one order in any case, and so the bits are the same.

// strip is how many elements of either pass run in turn.
const strip = kernels.Unit

// staysInCache reports whether all that the passes use of a tensor fits in half of
// the second-level cache, or in two thirds of a worker's share of the last.
func (pc piece) staysInCache(threads int) bool {
	form := pc.form
	if form.Resident != nil {
		form, _ = form.Resident.In(form.Storage)
	}
	var size int
	for _, d := range form.Types {
		size += d.Bytes(pc.n)
	}
	l2, l3 := cpuid.CPU.Cache.L2, cpuid.CPU.Cache.L3
	return size <= max(l2/2, l3*2/3/threads, 1<<18)
}

// A layer is a tensor that one worker takes as a whole.
type layer struct {
	piece
	group  *boundGroup
	own    state // with the tensor's scalar
	first  cpu.Span
	second cpu.Span
	sums   *unitSums
	totals []float64
}

// layers takes the tensors of a group that stay in a cache out of those given,
// and returns the others. It leaves to the others what would give one worker
// more than its share.
func (bg *boundGroup) layers(threads int, tensors []piece) (taken []*layer, rest []piece) {
	fits := func(pc piece) bool { return !pc.form.Wide() && pc.staysInCache(threads) }
	var total int
	for _, pc := range tensors {
		if fits(pc) {
			total += pc.n
		}
	}
	for _, pc := range tensors {
		if fits(pc) && (threads == 1 || pc.n <= total/(4*threads)) {
			taken = append(taken, &layer{piece: pc, group: bg})
		} else {
			rest = append(rest, pc)
		}
	}
	return taken, rest
}

// assign divides layers among workers: the largest first, each to who has least.
// A worker then takes its layers in their order.
func assign(layers []*layer, workers int) [][]*layer {
	order := make([]int, len(layers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(layers[b].n, layers[a].n) })
	load, owner := make([]int, workers), make([]int, len(layers))
	for _, i := range order {
		w := slices.Index(load, slices.Min(load))
		owner[i] = w
		load[w] += layers[i].n
	}
	out := make([][]*layer, workers)
	for i, l := range layers {
		out[owner[i]] = append(out[owner[i]], l)
	}
	return out
}

// bindLayers binds the passes of the layers of one worker. Kernels with a resident form
// keep what is between their passes in scratch memory, of which two layers at a
// time have a part.
func bindLayers(isa cpu.ISA, layers []*layer, scratch func(bytes int) (unsafe.Pointer, error)) error {
	most := 0
	for _, l := range layers {
		if l.form.Resident != nil {
			most = max(most, 4*l.n)
		}
	}
	var both [2]unsafe.Pointer
	if most > 0 {
		for i := range both {
			var err error
			if both[i], err = scratch(most); err != nil {
				return err
			}
		}
	}
	for i, l := range layers {
		form, arrays := l.form, l.arrays
		if form.Resident != nil {
			form, _ = form.Resident.In(form.Storage)
			arrays = slices.Insert(slices.Clone(arrays), len(form.Slots)-1, both[i%2])
		}
		stride := form.Passes[0].Sums
		l.sums, l.totals = newUnitSums(false, l.n, stride), make([]float64, stride)
		l.first = isa.Bind(form, 0, arrays, l.n, l.sums.base)
		l.second = isa.Bind(form, 1, arrays, l.n, nil)
	}
	return nil
}

// runLayers runs the layers of one worker.
func runLayers(layers []*layer) {
	var last *layer
	for _, l := range layers {
		if l.group.skip {
			continue
		}
		for i := 0; i < l.n || last != nil && i < last.n; i += strip {
			if i < l.n {
				l.first.Run(&l.group.coefs, i, min(i+strip, l.n))
			}
			if last != nil && i < last.n {
				last.second.Run(&last.own.coefs, i, min(i+strip, last.n))
			}
		}
		last = nil
		if l.scalar() {
			last = l
		}
	}
	if last != nil {
		last.second.Run(&last.own.coefs, 0, last.n)
	}
}

// scalar makes the scalar of the tensor of its sums, and reports whether the
// tensor is to be stepped.
func (l *layer) scalar() bool {
	for k := range l.totals {
		l.totals[k] = l.sums.total(k)
	}
	if !finite(l.totals...) {
		l.group.plan.skipped.Add(1)
		return false
	}
	l.own.coef = l.group.coef
	l.own.coef[kernels.CoefTensor] = l.form.Scalar(&l.own.coef, l.totals)
	l.own.coefs.Set(&l.own.coef)
	return true
}
