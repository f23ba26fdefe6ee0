package backend

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/optbench/optbench/kernels"
	"github.com/optbench/optbench/kernels/cpu"
)

// nothing is a span that only remembers what it was made of.
type nothing struct{ piece }

func (nothing) Run(*cpu.Coefs, int, int) {}

// TestCut cuts plans of many shapes for many workers. Every element of every
// piece has one owner, the owners are in order, cuts lie where they may, and
// nobody has much more to do than the others.
func TestCut(t *testing.T) {
	memory := make([]float32, 3_000_000)
	base := unsafe.Pointer(&memory[0])
	adam, lamb := kernels.Adam{}.Kernel().Float32(), kernels.LAMB{}.Kernel().Float32()
	rng := rand.New(rand.NewPCG(1, 2))
	shapes := [][]int{
		{1}, {15}, {16}, {17}, {1023}, {1024}, {1025}, {10_000}, {99_999}, {1_000_000}, {2_999_999},
		{3, 1_000_000, 3}, {500_000, 0, 500_000, 1},
	}
	tiny := make([]int, 10_000)
	for i := range tiny {
		tiny[i] = rng.IntN(200)
	}
	shapes = append(shapes, tiny)
	for range 50 {
		var shape []int
		for range 1 + rng.IntN(8) {
			shape = append(shape, rng.IntN(1<<rng.IntN(19)))
		}
		shapes = append(shapes, shape)
	}
	for _, shape := range shapes {
		for _, threads := range []int{1, 2, 3, 7, 16, 64, 255} {
			checkCut(t, adam, 0, false, base, shape, threads)
			checkCut(t, lamb, 0, true, base, shape, threads)
			checkCut(t, lamb, 1, false, base, shape, threads)
		}
	}
}

func checkCut(t *testing.T, k *kernels.Stored, pass int, withSums bool, base unsafe.Pointer, shape []int, threads int) {
	t.Helper()
	grain := lineSize
	if len(k.Passes) > 1 {
		grain = kernels.Unit
	}
	var pieces []piece
	sums := make([]float32, 2*(3_000_000/kernels.Unit+len(shape)))
	sumAt := unsafe.Pointer(&sums[0])
	total, at := 0, 0
	for _, n := range shape {
		pc := piece{form: k, pass: pass, arrays: make([]unsafe.Pointer, len(k.Slots)), n: n}
		for i := range pc.arrays {
			pc.arrays[i] = unsafe.Add(base, 4*at)
		}
		if withSums {
			pc.sums = sumAt
			sumAt = unsafe.Add(sumAt, 4*k.Passes[pass].Sums*kernels.Units(n))
		}
		pieces = append(pieces, pc)
		total, at = total+pc.bytes(), at+n
	}
	p := &cpuPlan{backend: &cpuBackend{info: Info{Threads: threads}}, stages: []*stage{{pieces: pieces}}}
	p.cut(func(pc piece) cpu.Span { return nothing{pc} })
	workers := p.stages[0].workers
	if total == 0 {
		if len(workers) > 0 {
			t.Errorf("%d workers for nothing", len(workers))
		}
		return
	}
	if want := min(threads, max(1, total/minBytes)); len(workers) != want {
		t.Errorf("%d bytes, %d threads: %d workers, want %d", total, threads, len(workers), want)
	}
	which, from := 0, 0 // the element that is due
	for w, tasks := range workers {
		load := 0
		for _, task := range tasks.tasks {
			got := task.span.(nothing).piece
			for from == pieces[which].n {
				which, from = which+1, 0
			}
			pc := pieces[which]
			for i, s := range got.arrays {
				if s != unsafe.Add(pc.arrays[i], 4*from) {
					t.Fatalf("%s, shape %v, %d threads: worker %d: slot %d of piece %d does not go on at element %d",
						k.Name, head(shape), threads, w, i, which, from)
				}
			}
			if from%grain != 0 {
				t.Fatalf("%s, shape %v, %d threads: piece %d is cut at element %d, want a multiple of %d",
					k.Name, head(shape), threads, which, from, grain)
			}
			if withSums && got.sums != unsafe.Add(pc.sums, 4*k.Passes[pass].Sums*(from/kernels.Unit)) {
				t.Fatalf("%s, shape %v, %d threads: the sums of piece %d from element %d on are misplaced",
					k.Name, head(shape), threads, which, from)
			}
			if got.n < 1 || from+got.n > pc.n {
				t.Fatalf("%s, shape %v, %d threads: elements [%d, %d) of %d", k.Name, head(shape), threads, from, from+got.n, pc.n)
			}
			from += got.n
			load += got.bytes()
		}
		if most := total/len(workers) + 2*k.PassBytes(pass, grain); load > most {
			t.Errorf("%s, shape %v, %d threads: worker %d moves %d bytes of %d, want at most %d",
				k.Name, head(shape), threads, w, load, total, most)
		}
	}
	for which < len(pieces) && from == pieces[which].n {
		which, from = which+1, 0
	}
	if which < len(pieces) {
		t.Fatalf("%s, shape %v, %d threads: nobody has piece %d from element %d on", k.Name, head(shape), threads, which, from)
	}
}

// head is as much of a shape as one wants to read.
func head(shape []int) []int { return shape[:min(len(shape), 8)] }

// TestCoalesce joins what lies side by side in every slot, and only that.
func TestCoalesce(t *testing.T) {
	x, y := make([]float32, 100), make([]float32, 100)
	form := kernels.SGD{}.Kernel().Float32()
	var owner allocation
	at := func(i, j, n int) tensor {
		array := func(p *float32) *buffer { return &buffer{owner: &owner, base: unsafe.Pointer(p), len: n} }
		return tensor{form: form, arrays: []*buffer{array(&x[i]), array(&y[j])}, n: n}
	}
	mine := func(t tensor) tensor { t.arrays[0].owner = new(allocation); return t }
	for _, c := range []struct {
		in   []tensor
		want []int
	}{
		{nil, nil},
		{[]tensor{at(0, 0, 10), at(10, 10, 20), at(30, 30, 5)}, []int{35}},
		{[]tensor{at(0, 50, 10), at(10, 60, 20)}, []int{30}},
		{[]tensor{at(0, 0, 10), at(10, 11, 20)}, []int{10, 20}},
		{[]tensor{at(10, 10, 20), at(0, 0, 10)}, []int{20, 10}},
		{[]tensor{at(0, 0, 10), at(11, 11, 20), at(31, 31, 1)}, []int{10, 21}},
		{[]tensor{at(0, 0, 10), at(0, 0, 0), at(10, 10, 5), at(99, 99, 0)}, []int{15}},
		{[]tensor{mine(at(0, 0, 10)), at(10, 10, 20)}, []int{10, 20}},
	} {
		got := coalesce(c.in)
		if len(got) != len(c.want) {
			t.Errorf("%d tensors, want %v", len(got), c.want)
			continue
		}
		for i, x := range got {
			if x.n != c.want[i] {
				t.Errorf("tensor %d has %d elements, want %v", i, x.n, c.want)
			}
		}
	}
}

// TestStreamRuns: a stream moves its bytes also where the last step of its plan
// was skipped.
func TestStreamRuns(t *testing.T) {
	b, err := Options{Threads: 1}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Wrap(b, make([]float32, 100))
	if err != nil {
		t.Fatal(err)
	}
	g, err := Wrap(b, []float32{99: float32(math.Inf(1))})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := b.Bind(Group{Update: kernels.ClippedGD{LR: 1, MaxNorm: 1}, Tensors: []Tensor{{[]Buffer{p, g}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Step(kernels.At(1)); err != nil {
		t.Fatal(err)
	}
	if n, err := plan.Skipped(); n != 1 || err != nil {
		t.Fatalf("skipped %d (%v), want 1", n, err)
	}
	stream, err := plan.Stream()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stream.(*cpuPlan).stages {
		for _, tasks := range s.workers {
			for _, task := range tasks.tasks {
				if task.state.skip {
					t.Error("a part of the stream would be skipped")
				}
			}
		}
	}
	for _, c := range []interface{ Close() error }{stream, plan, b} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEmptyView: the view of nothing at the end of an array points into the
// array, not at what lies behind it, which the collector must not be shown.
func TestEmptyView(t *testing.T) {
	b, err := Options{Threads: 1}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 2048)
	whole, err := Wrap(b, x)
	if err != nil {
		t.Fatal(err)
	}
	view := whole.Slice(2048, 2048)
	at := uintptr(view.(*buffer).base)
	if from := uintptr(unsafe.Pointer(&x[0])); at < from || at > uintptr(unsafe.Pointer(&x[2047])) {
		t.Errorf("the view points at %#x, the array lies at %#x", at, from)
	}
	if view.Len() != 0 || view.Slice(0, 0).Len() != 0 {
		t.Errorf("the view has %d elements", view.Len())
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
