// Package backendtest is the conformance suite for backends: whether one gives
// exactly the bits that package kernels defines, and keeps the promises of
// package backend. It serves any implementation, also one from elsewhere:
//
//	func TestConformance(t *testing.T) {
//		backendtest.Run(t, func() (backend.Backend, error) { return mydevice.Open(0) })
//	}
package backendtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// Run runs the whole suite. It opens the backend anew for every part.
func Run(t *testing.T, open func() (backend.Backend, error)) {
	with := func(name string, f func(*testing.T, backend.Backend)) {
		t.Run(name, func(t *testing.T) {
			b, err := open()
			if err != nil {
				t.Fatal(err)
			}
			f(t, b)
			if t.Failed() {
				return // what is still open would only hide the cause
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, d := range kernels.All() {
		for i, u := range d.Cases {
			with(fmt.Sprintf("%s/case=%d", d.Name, i), func(t *testing.T, b backend.Backend) {
				for _, f := range forms(b, u.Kernel()) {
					t.Run(f.Storage.Name, func(t *testing.T) { checkUpdate(t, b, u, f) })
				}
			})
		}
		with(d.Name+"/scale", func(t *testing.T, b backend.Backend) { checkScale(t, b, d.Cases[0]) })
		with(d.Name+"/clip", func(t *testing.T, b backend.Backend) {
			for _, f := range forms(b, d.Cases[0].Kernel()) {
				if !f.Wide() {
					checkClip(t, b, d.Cases[0], f)
				}
			}
		})
		with(d.Name+"/allocs", func(t *testing.T, b backend.Backend) {
			for _, f := range forms(b, d.Cases[0].Kernel()) {
				if !f.Wide() {
					checkAllocs(t, b, d.Cases[0], f)
				}
			}
		})
	}
	for _, d := range kernels.Objectives() {
		for i, o := range d.Cases {
			with(fmt.Sprintf("%s/case=%d", d.Name, i), func(t *testing.T, b backend.Backend) {
				for _, f := range forms(b, o.Kernel()) {
					if f.Wide() {
						checkObjective[float64](t, b, o, f)
					} else {
						checkObjective[float32](t, b, o, f)
					}
				}
			})
		}
	}
	for _, d := range kernels.Noises() {
		for i, law := range d.Cases {
			with(fmt.Sprintf("%s/case=%d", d.Name, i), func(t *testing.T, b backend.Backend) {
				for _, k := range []*kernels.Kernel{law.Kernel(), law.Kernel().Scaled} {
					for _, f := range forms(b, k) {
						if f.Wide() {
							checkNoise[float64](t, b, law, f)
						} else {
							checkNoise[float32](t, b, law, f)
						}
					}
				}
			})
		}
	}
	with("samples", checkSamples)
	with("vectors", checkVectors)
	with("order", checkOrder)
	with("scalars", checkScalars)
	with("skip", checkSkip)
	with("stream", checkStream)
	with("misuse", checkMisuse)
	with("lifetime", checkLifetime)
	with("memory", checkMemory)
}

// forms returns the forms of a kernel that the backend computes.
func forms(b backend.Backend, k *kernels.Kernel) []*kernels.Stored {
	return slices.DeleteFunc(k.Forms(), func(f *kernels.Stored) bool { return f.Wide() && b.Info().Name != "cpu:go" })
}

// sizes are those at which vector loops, masks, units and their tails differ,
// and one either side; the last two are worth more than one worker, and the
// last is left out of short tests.
var sizes = []int{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 255, 257, 1000, 1023, 1024, 1025, 2047, 2080, 5000, 20011}

// fewSizes are for the many forms that share the loops of the first: about a
// vector, a block and a unit.
var fewSizes = []int{0, 1, 15, 17, 33, 255, 257, 1025, 5000}

const steps = 3

func checkUpdate(t *testing.T, b backend.Backend, u kernels.Update, f *kernels.Stored) {
	if f.Wide() {
		checkSizes[float64](t, b, u, f)
	} else {
		checkSizes[float32](t, b, u, f)
	}
}

func checkSizes[T kernels.Real](t *testing.T, b backend.Backend, u kernels.Update, f *kernels.Stored) {
	for _, n := range sizes {
		if n > 5000 && testing.Short() || f.Storage != kernels.Float32 && !slices.Contains(fewSizes, n) {
			continue
		}
		for start := range 3 {
			if start > 1 && (n > 4096 || f.Grain() > 1) {
				continue
			}
			rng := rand.New(rand.NewPCG(uint64(n), uint64(start)))
			offset := start * f.Grain()
			cuts := partition(rng, n, f.Grain())
			values := ordinary
			if start == 1 {
				values = anything
			}
			w := newWorld[T](t, b, u, f, rng, offset, cuts, values)
			plan := w.bind(t, backend.Group{Update: u, Tensors: w.tensors})
			for s := 1; s <= steps; s++ {
				st := kernels.Step{T: s, LRScale: 1 / float64(s), GradScale: []float64{1, 0.5, 3}[s-1]}
				if err := plan.Step(st); err != nil {
					t.Fatal(err)
				}
				kernels.ReferenceIn(f, u, st, 1, w.want)
			}
			w.compare(t, fmt.Sprintf("n=%d offset=%d cuts=%v", n, offset, cuts))
			w.close(t, plan)
		}
	}
}

// partition cuts n elements at random multiples of grain into tensors, of which
// some are empty.
func partition(rng *rand.Rand, n, grain int) []int {
	cuts := []int{0}
	for at := 0; at < n && len(cuts) < 6; {
		at += rng.IntN(n - at + 1)
		cuts = append(cuts, at/grain*grain)
	}
	return append(cuts, n)
}

// A world is a set of tensors in a backend beside the same in plain slices.
// Guards surround the former: words, or before arrays of blocks, whole ones.
type world[T kernels.Real] struct {
	u       kernels.Update
	form    *kernels.Stored
	b       backend.Backend
	offset  int
	n       int
	buffers []backend.Buffer // one per array, tensors side by side
	host    [][]T            // likewise, with guards
	tensors []backend.Tensor
	want    [][][]T // views of host, tensor by tensor
}

func newWorld[T kernels.Real](t *testing.T, b backend.Backend, u kernels.Update, f *kernels.Stored, rng *rand.Rand, offset int, cuts []int, value func(*rand.Rand) float64) *world[T] {
	t.Helper()
	w := &world[T]{u: u, form: f, b: b, offset: offset, n: cuts[len(cuts)-1]}
	tail := 37 // guard words behind the data
	if f.Grain() > 1 {
		tail = 2*f.Grain() - w.n%f.Grain() // and what is left of the last block
	}
	for k, d := range f.Types {
		x := make([]T, offset+w.n+tail)
		for i := range x {
			v := value(rng)
			if i < offset || i >= offset+w.n {
				v = -7777.25
			}
			if role := f.ArrayRole(k); role == kernels.SecondMoment || role == kernels.Threshold {
				v = math.Abs(v)
			}
			x[i] = T(v)
		}
		buffer, err := b.Alloc(d, len(x))
		if err != nil {
			t.Fatal(err)
		}
		put(t, buffer, x)
		get(t, buffer, x) // as the type holds it
		w.buffers, w.host = append(w.buffers, buffer), append(w.host, x)
	}
	w.cut(cuts)
	return w
}

// put and get write and read a buffer of any type.
func put[T kernels.Real](t *testing.T, b backend.Buffer, x []T) {
	t.Helper()
	var err error
	if narrow, ok := any(x).([]float32); ok {
		raw := make([]byte, b.DType().Bytes(len(x)))
		b.DType().Encode(raw, narrow)
		err = b.Write(raw)
	} else {
		err = backend.Put(b, x)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func get[T kernels.Real](t *testing.T, b backend.Buffer, x []T) {
	t.Helper()
	var err error
	if narrow, ok := any(x).([]float32); ok {
		raw := make([]byte, b.DType().Bytes(len(x)))
		err = b.Read(raw)
		b.DType().Decode(narrow, raw)
	} else {
		err = backend.Get(b, x)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// cut makes the tensors between the cuts.
func (w *world[T]) cut(cuts []int) {
	w.tensors, w.want = nil, nil
	for k := 1; k < len(cuts); k++ {
		i, j := w.offset+cuts[k-1], w.offset+cuts[k]
		var t backend.Tensor
		var s [][]T
		for slot := range w.buffers {
			t.Slots = append(t.Slots, w.buffers[slot].Slice(i, j))
			s = append(s, w.host[slot][i:j])
		}
		w.tensors, w.want = append(w.tensors, t), append(w.want, s)
	}
}

func (w *world[T]) bind(t *testing.T, ops ...backend.Op) backend.Plan {
	t.Helper()
	plan, err := w.b.Bind(ops...)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// compare holds every array against the reference, guards included.
func (w *world[T]) compare(t *testing.T, context string) {
	t.Helper()
	if err := w.b.Sync(); err != nil {
		t.Fatal(err)
	}
	got := make([]T, len(w.host[0]))
	for k, want := range w.host {
		get(t, w.buffers[k], got)
		for i := range got {
			if last := w.offset + w.n; i >= last && i < (last+w.form.Grain()-1)/w.form.Grain()*w.form.Grain() {
				continue // the rest of the last block is lost
			}
			if !sameBits(got[i], want[i]) {
				t.Fatalf("%s in %s: %s, slot %s, element %d of %d: got %v (%x), want %v (%x)", w.form.Name, w.form.Storage.Name,
					context, w.form.ArrayName(k), i-w.offset, w.n, got[i], bits(got[i]), want[i], bits(want[i]))
			}
		}
	}
}

func (w *world[T]) close(t *testing.T, plans ...backend.Plan) {
	t.Helper()
	for _, p := range plans {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range w.buffers {
		if err := b.Free(); err != nil {
			t.Fatal(err)
		}
	}
}

// sameBits is equality of bits; any NaN equals any other, for processors
// differ in which one they make.
func sameBits[T kernels.Real](a, b T) bool { return bits(a) == bits(b) || a != a && b != b }

func bits[T kernels.Real](x T) uint64 {
	if unsafe.Sizeof(x) == 4 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(float64(x))
}

// ordinary is what training sees, over some decades.
func ordinary(rng *rand.Rand) float64 {
	return rng.NormFloat64() * math.Pow(10, float64(rng.IntN(5)-3))
}

var odd = []float64{
	0, math.Copysign(0, -1), 1, -1, math.SmallestNonzeroFloat32, 1e-40, -1e-40, 1e-20, 1e20, -1e30,
	math.MaxFloat32, -math.MaxFloat32, math.Inf(1), math.Inf(-1), math.NaN(),
}

// anything is ordinary but for one value in eight, which is odd.
func anything(rng *rand.Rand) float64 {
	if rng.IntN(8) == 0 {
		return odd[rng.IntN(len(odd))]
	}
	return ordinary(rng)
}

// checkObjective holds gradients and values to the definition, whatever the slots
// hold.
func checkObjective[T kernels.Real](t *testing.T, b backend.Backend, o kernels.Objective, f *kernels.Stored) {
	value := scalar(t, b, 0)
	for _, n := range sizes {
		if _, err := o.Facts(n); err != nil || n > 5000 && testing.Short() {
			continue
		}
		for start := range 2 {
			values := ordinary
			if start == 1 {
				values = anything
			}
			rng := rand.New(rand.NewPCG(uint64(n), uint64(start)))
			w := newWorld[T](t, b, nil, f, rng, start, []int{0, n}, values)
			plan := w.bind(t, backend.Evaluation{Objective: o, Slots: w.tensors[0].Slots, Value: value})
			context := fmt.Sprintf("n=%d offset=%d", n, start)
			for s := 1; s <= 2; s++ {
				if err := plan.Step(kernels.At(s)); err != nil {
					t.Fatal(err)
				}
				wantScalar(t, value, kernels.Evaluate(o, kernels.At(s), w.want[0]), context)
			}
			w.compare(t, context)
			if n == 1025 {
				wantNoAllocs(t, context, func() {
					if err := plan.Step(kernels.At(3)); err != nil {
						t.Fatal(err)
					}
				})
			}
			w.close(t, plan)
		}
	}
}

func wantScalar(t *testing.T, b backend.Buffer, want float64, context string) {
	t.Helper()
	got := make([]float64, 1)
	if err := backend.Get(b, got); err != nil {
		t.Fatal(err)
	}
	if !sameBits(got[0], want) {
		t.Fatalf("%s: got %v, want %v", context, got[0], want)
	}
}

// checkNoise holds what is added to the definition, which knows neither offsets nor
// workers, with the sample of each step.
func checkNoise[T kernels.Real](t *testing.T, b backend.Backend, law kernels.Noise, f *kernels.Stored) {
	const seed = 0xfeedfacecafebeef
	for _, n := range sizes {
		first := f.Storage == kernels.Float32 && len(f.Slots) == 1
		if n > 5000 && testing.Short() || !first && !slices.Contains(fewSizes, n) {
			continue
		}
		for start := range 2 {
			values := ordinary
			if start == 1 {
				values = anything
			}
			rng := rand.New(rand.NewPCG(uint64(n), uint64(start)))
			w := newWorld[T](t, b, nil, f, rng, start, []int{0, n}, values)
			op, x := backend.Noise{Law: law, Seed: seed, X: w.tensors[0].Slots[0]}, w.want[0][0]
			var scale []T
			if len(f.Slots) > 1 {
				op.Scale, scale = w.tensors[0].Slots[1], w.want[0][1]
			}
			plan := w.bind(t, op)
			context := fmt.Sprintf("n=%d offset=%d", n, start)
			for _, step := range []int{1, 1<<40 + 1} {
				if err := plan.Step(kernels.At(step)); err != nil {
					t.Fatal(err)
				}
				kernels.AddNoise(law, kernels.Sample{Seed: seed, Index: step}, x, scale)
			}
			w.compare(t, context)
			if n == 1025 {
				if allocs := testing.AllocsPerRun(5, func() { _ = plan.Step(kernels.At(3)) }); allocs != 0 {
					t.Errorf("%s: Step allocates %v times, want 0", f.Name, allocs)
				}
			}
			w.close(t, plan)
		}
	}
}

// checkSamples draws the same sample at two points, in one step and in two.
func checkSamples(t *testing.T, b backend.Backend) {
	const n = 3000
	law := kernels.FindNoise("gaussian").Cases[0]
	w := newWorld[float32](t, b, nil, kernels.Combination.Float32(), rand.New(rand.NewPCG(17, 18)), 0, []int{0, n}, ordinary)
	y, x := w.tensors[0].Slots[0], w.tensors[0].Slots[1]
	plan := w.bind(t,
		backend.Noise{Law: law, Seed: 1, X: y},
		backend.Noise{Law: law, Seed: 1, X: x},
		backend.Noise{Law: law, Seed: 1, Index: 7, X: x})
	for _, step := range []int{5, 7} {
		if err := plan.Step(kernels.At(step)); err != nil {
			t.Fatal(err)
		}
		kernels.AddNoise(law, kernels.Sample{Seed: 1, Index: step}, w.want[0][0], nil)
		kernels.AddNoise(law, kernels.Sample{Seed: 1, Index: step}, w.want[0][1], nil)
		kernels.AddNoise(law, kernels.Sample{Seed: 1, Index: 7}, w.want[0][1], nil)
	}
	w.compare(t, "samples drawn again")
	w.close(t, plan)
}

// checkVectors holds the ops on whole vectors to their definitions.
func checkVectors(t *testing.T, b backend.Backend) {
	const n = 5003
	w := newWorld[float32](t, b, nil, kernels.Combination.Float32(), rand.New(rand.NewPCG(15, 16)), 1, []int{0, n}, ordinary)
	y, x := w.tensors[0].Slots[0], w.tensors[0].Slots[1]
	half, minus, out := scalar(t, b, 0.5), scalar(t, b, -3), scalar(t, b, 0)
	plan := w.bind(t,
		backend.Combination{Y: y, X: x, A: half, B: minus},
		backend.Copy{To: x.Slice(0, n/2), From: y.Slice(n-n/2, n)},
		backend.Dot{X: x, Y: y, Out: out})
	if err := plan.Step(kernels.At(1)); err != nil {
		t.Fatal(err)
	}
	hy, hx := w.want[0][0], w.want[0][1]
	kernels.RunPass(kernels.Combination.Float32(), 0, &kernels.Coef{1: 0.5, 2: -3}, w.want[0])
	copy(hx[:n/2], hy[n-n/2:])
	wantScalar(t, out, kernels.PassSums(kernels.InnerProduct.Float32(), 0, &kernels.Coef{}, [][]float32{hx, hy})[0], "dot")
	w.compare(t, "combined, copied")
	w.close(t, plan)
}

// checkScale multiplies gradients by a scalar on the device, as Scale promises.
func checkScale(t *testing.T, b backend.Backend, u kernels.Update) {
	rng := rand.New(rand.NewPCG(1, 2))
	w := newWorld[float32](t, b, u, u.Kernel().Float32(), rng, 1, []int{0, 40, 3000}, ordinary)
	scale := scalar(t, b, 0.25)
	plan := w.bind(t, backend.Group{Update: u, Tensors: w.tensors, Scale: scale})
	if err := plan.Step(kernels.At(1)); err != nil {
		t.Fatal(err)
	}
	kernels.Reference(u, kernels.At(1), 0.25, w.want)
	w.compare(t, "scale 0.25")

	if err := backend.Put(scale, []float64{math.NaN()}); err != nil {
		t.Fatal(err)
	}
	if err := plan.Step(kernels.At(2)); err != nil {
		t.Fatal(err)
	}
	w.compare(t, "scale NaN leaves everything as it was")
	wantSkipped(t, plan, 2)
	w.close(t, plan)
}

func scalar(t *testing.T, b backend.Backend, x float64) backend.Buffer {
	t.Helper()
	s, err := b.Alloc(kernels.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.Put(s, []float64{x}); err != nil {
		t.Fatal(err)
	}
	return s
}

func wantSkipped(t *testing.T, plan backend.Plan, want int64) {
	t.Helper()
	if got, err := plan.Skipped(); err != nil || got != want {
		t.Errorf("skipped %d (%v), want %d", got, err, want)
	}
}

// checkClip clips two groups by their common norm: over all tensors in order,
// wherever they lie.
func checkClip(t *testing.T, b backend.Backend, u kernels.Update, f *kernels.Stored) {
	const maxNorm = 0.5
	rng := rand.New(rand.NewPCG(3, 4))
	w := newWorld[float32](t, b, u, f, rng, 0, []int{0, 256, 1536, 20000}, ordinary)
	ops, err := backend.ClipGlobalNorm(b, maxNorm,
		backend.Group{Update: u, Tensors: w.tensors[:1]}, backend.Group{Update: u, Tensors: w.tensors[1:]})
	if err != nil {
		t.Fatal(err)
	}
	plan := w.bind(t, ops...)
	for s := 1; s <= steps; s++ {
		st := kernels.Step{T: s, LRScale: 1, GradScale: 0.5}
		if err := plan.Step(st); err != nil {
			t.Fatal(err)
		}
		c := kernels.Coef{kernels.CoefGrad: st.GradScale}
		var norm float64
		for _, slots := range w.want {
			norm += kernels.SumSquares(&c, slots[1])
		}
		clip := kernels.ClipNorm{Max: maxNorm}
		mc := clip.Coef(st)
		factor := kernels.Eval(clip, &mc, []float64{norm})
		kernels.ReferenceIn(f, u, st, factor, w.want[:1])
		kernels.ReferenceIn(f, u, st, factor, w.want[1:])
	}
	w.compare(t, "clipped by the global norm")
	w.close(t, plan)
}

// checkAllocs holds Step to allocating nothing, in plans of one worker and of
// several.
func checkAllocs(t *testing.T, b backend.Backend, u kernels.Update, f *kernels.Stored) {
	for _, n := range []int{100, 20000} { // the second is worth several workers
		w := newWorld[float32](t, b, u, f, rand.New(rand.NewPCG(5, 6)), 0, []int{0, n / 512 * 256, n}, ordinary)
		plan := w.bind(t, backend.Group{Update: u, Tensors: w.tensors})
		st := kernels.At(1)
		wantNoAllocs(t, fmt.Sprintf("%s, n=%d", f.Storage.Name, n), func() {
			if err := plan.Step(st); err != nil {
				t.Fatal(err)
			}
			st.T++
		})
		w.close(t, plan)
	}
}

// wantNoAllocs holds f to allocating nothing. The runtime counts what all threads
// allocate, such as one that it starts meanwhile: what f does shows every time.
func wantNoAllocs(t *testing.T, context string, f func()) {
	t.Helper()
	var allocs float64
	for range 3 {
		if allocs = testing.AllocsPerRun(20, f); allocs == 0 {
			return
		}
	}
	t.Errorf("%s: Step allocates %v times, want 0", context, allocs)
}

// checkOrder binds ops that depend on one another: they run in order.
func checkOrder(t *testing.T, b backend.Backend) {
	u, v := kernels.SGD{LR: 0.5}, kernels.Momentum{LR: 0.25, Beta: 0.5}
	rng := rand.New(rand.NewPCG(7, 8))
	w := newWorld[float32](t, b, v, v.Kernel().Float32(), rng, 0, []int{0, 100, 50000}, ordinary)
	var short []backend.Tensor
	var shortWant [][][]float32
	for i := range w.tensors {
		short = append(short, backend.Tensor{Slots: w.tensors[i].Slots[:2]})
		shortWant = append(shortWant, w.want[i][:2])
	}
	plan := w.bind(t,
		backend.Group{Update: u, Tensors: short},
		backend.Group{Update: v, Tensors: w.tensors},
		backend.Group{Update: u, Tensors: short})
	for s := 1; s <= steps; s++ {
		if err := plan.Step(kernels.At(s)); err != nil {
			t.Fatal(err)
		}
		kernels.Reference(u, kernels.At(s), 1, shortWant)
		kernels.Reference(v, kernels.At(s), 1, w.want)
		kernels.Reference(u, kernels.At(s), 1, shortWant)
	}
	w.compare(t, "three groups on the same parameters")
	w.close(t, plan)
}

// checkScalars changes a scalar between two groups that use it, each of which
// must see the value of its place.
func checkScalars(t *testing.T, b backend.Backend) {
	u := kernels.SGD{LR: 0.5}
	w := newWorld[float32](t, b, u, u.Kernel().Float32(), rand.New(rand.NewPCG(13, 14)), 0, []int{0, 100, 3000}, ordinary)
	x := scalar(t, b, 4)
	half := backend.ScalarMap{Map: kernels.InverseNorm{}, In: []backend.Buffer{x}, Out: x} // 1/sqrt(4)
	plan := w.bind(t,
		backend.Group{Update: u, Tensors: w.tensors, Scale: x}, half, backend.Group{Update: u, Tensors: w.tensors, Scale: x},
		backend.SquaredNorm{X: []backend.Buffer{w.buffers[1].Slice(0, 100)}, Out: x})
	if err := plan.Step(kernels.At(1)); err != nil {
		t.Fatal(err)
	}
	kernels.Reference(u, kernels.At(1), 4, w.want)
	kernels.Reference(u, kernels.At(1), 0.5, w.want)
	w.compare(t, "scaled by 4, then by 1/2")
	c := kernels.Coef{kernels.CoefGrad: 1}
	want := kernels.SumSquares(&c, w.host[1][:100])
	got := make([]float64, 1)
	if err := backend.Get(x, got); err != nil || got[0] != want {
		t.Errorf("squared norm %v (%v), want %v", got[0], err, want)
	}
	w.close(t, plan)
}

// checkSkip feeds gradients whose norm is not finite.
func checkSkip(t *testing.T, b backend.Backend) {
	guarded := kernels.LAMB{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-6, PreClip: 1}
	for _, u := range []kernels.Update{kernels.Find("clipped-gd").Cases[0], kernels.Find("lars").Cases[0], kernels.Find("lamb").Cases[0], guarded} {
		w := newWorld[float32](t, b, u, u.Kernel().Float32(), rand.New(rand.NewPCG(9, 10)), 0, []int{0, 100, 4000}, ordinary)
		w.host[1][50] = float32(math.Inf(1)) // in the first tensor
		if err := backend.Put(w.buffers[1], w.host[1]); err != nil {
			t.Fatal(err)
		}
		plan := w.bind(t, backend.Group{Update: u, Tensors: w.tensors})
		if err := plan.Step(kernels.At(1)); err != nil {
			t.Fatal(err)
		}
		skipped := kernels.Reference(u, kernels.At(1), 1, w.want)
		w.compare(t, "a gradient that is not finite")
		wantSkipped(t, plan, int64(skipped))

		// The next good step is taken.
		w.host[1][50] = 1
		if err := backend.Put(w.buffers[1], w.host[1]); err != nil {
			t.Fatal(err)
		}
		if err := plan.Step(kernels.At(2)); err != nil {
			t.Fatal(err)
		}
		skipped += kernels.Reference(u, kernels.At(2), 1, w.want)
		w.compare(t, "a finite gradient after one that was not")
		wantSkipped(t, plan, int64(skipped))
		w.close(t, plan)
	}
}

// checkStream holds the stream of a plan to moving as much and changing nothing.
func checkStream(t *testing.T, b backend.Backend) {
	law := kernels.FindNoise("gaussian").Cases[0]
	w := newWorld[float32](t, b, nil, law.Kernel().Float32(), rand.New(rand.NewPCG(11, 12)), 1, []int{0, 3000}, anything)
	checkStreamOf(t, w, backend.Noise{Law: law, X: w.tensors[0].Slots[0]})
	for _, d := range kernels.All() {
		u := d.Cases[0]
		for _, f := range forms(b, u.Kernel()) {
			if f.Wide() {
				continue
			}
			w := newWorld[float32](t, b, u, f, rand.New(rand.NewPCG(11, 12)), f.Grain(), []int{0, 256, 3000}, anything)
			checkStreamOf(t, w, backend.Group{Update: u, Tensors: w.tensors})
		}
	}
}

func checkStreamOf(t *testing.T, w *world[float32], op backend.Op) {
	t.Helper()
	plan := w.bind(t, op)
	stream, err := plan.Stream()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Step(kernels.At(1)); err != nil {
		t.Fatal(err)
	}
	w.compare(t, "the stream changes nothing")
	if plan.Bytes() != stream.Bytes() || plan.Bytes() == 0 {
		t.Errorf("%s in %s: the plan moves %d bytes, its stream %d", w.form.Name, w.form.Storage.Name, plan.Bytes(), stream.Bytes())
	}
	w.close(t, stream, plan)
}
