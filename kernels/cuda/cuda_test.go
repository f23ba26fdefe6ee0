package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/optbench/optbench/internal/ptxsim"
	"github.com/optbench/optbench/kernels"
)

// sizes are those at which something changes: an access of 16 bytes, a warp, a
// unit, a chunk, and one either side.
var sizes = []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 127, 128, 129, 1023, 1024, 1025, 4095, 4096, 4097, 0}

var shifts = map[string]func(tensor, slot int) int{
	"aligned": func(int, int) int { return 0 },
	"shifted": func(tensor, _ int) int { return tensor },
	"mixed":   func(tensor, slot int) int { return tensor + slot },
	// As the neighbours of a point lie, all within one array.
	"moved": func(tensor, slot int) int { return tensor + max(0, slot-1) },
}

// trial runs steps of an update on the simulator and by definition.
type trial struct {
	update kernels.Update
	lens   []int
	shift  string
	draw   func() float32
	scale  float64 // of the group; 0 for none
	form   Form
	cache  int64
	grid   int
	seed   uint64
	steps  int

	storage *kernels.Storage // nil for float32
}

func (tr trial) run(t *testing.T) {
	t.Helper()
	d := &device{Memory: new(ptxsim.Memory), t: t, grid: tr.grid, seed: tr.seed}
	k := tr.update.Kernel().Float32()
	if tr.storage != nil {
		k, _ = k.In(tr.storage)
	}
	l := place(k, tr.lens, shifts[tr.shift])
	want := values(l, tr.draw)
	arrays, tensors := d.upload(l, want)
	o := Options{Form: tr.form, CacheBytes: tr.cache}
	scale := 1.0
	if tr.scale != 0 {
		scale = tr.scale
		o.Scale[0] = d.scalar(scale).Addr()
	}
	var norm *plan
	var sum, factor *ptxsim.Array
	scaler, _ := tr.update.(kernels.Scaler)
	if scaler != nil && scaler.Scale() != nil {
		var gradients []Tensor
		for _, x := range tensors {
			gradients = append(gradients, Tensor{Arrays: x.Arrays[1:2], Len: x.Len})
		}
		sum, factor = d.scalar(0), d.scalar(0)
		norm = d.bind(kernels.SquaredNorm.Form(k.Types[1:2]), gradients, Options{Scale: o.Scale, Out: sum.Addr()})
		o.Scale[1] = factor.Addr()
	}
	p := d.bind(k, tensors, o)
	skipped := 0
	for i := range tr.steps {
		st := kernels.Step{T: 1 + 10*i, LRScale: 1, GradScale: 0.75}
		skipped += kernels.ReferenceIn(k, tr.update, st, scale, l.of(want))
		c := tr.update.Coef(st)
		coefs := d.coefs(&c)
		if norm != nil {
			if err := norm.step(coefs); err != nil {
				t.Fatal(err)
			}
			if err := d.evaluate(scaler.Scale(), scaler.Scale().Coef(st), sum, factor); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.step(coefs); err != nil {
			t.Fatal(err)
		}
		if err := differ(l, arrays, want); err != nil {
			t.Fatalf("%s in %s, %s, step %d: %v", kernels.Format(tr.update), k.Storage.Name, tr.shift, i+1, err)
		}
	}
	if got := Skipped(p.work.Bytes()); got != int64(skipped) {
		t.Errorf("%s: skipped %d, want %d", kernels.Format(tr.update), got, skipped)
	}
}

// TestUpdates holds every kernel to its definition, bit for bit.
func TestUpdates(t *testing.T) {
	for _, def := range kernels.All() {
		t.Run(def.Name, func(t *testing.T) {
			t.Parallel()
			for i, u := range def.Cases {
				for j, shift := range []string{"aligned", "shifted", "mixed"} {
					if testing.Short() && j != i%3 {
						continue
					}
					tr := trial{update: u, lens: sizes, shift: shift, grid: 1 << (2 * j), seed: uint64(i), steps: 2, draw: normal(uint64(i))}
					if j == 1 {
						tr.scale = 0.5
					}
					tr.run(t)
					if u.Kernel().Scalar != nil {
						tr.form, tr.cache, tr.grid = Persistent, 2*12*4097, 2+3*j
						tr.run(t)
					}
				}
				trial{update: u, lens: []int{4097, 0, 5}, shift: "shifted", grid: 3, steps: 2, draw: special(uint64(i))}.run(t)
			}
		})
	}
}

// TestStorages holds the kernels of all storages to their definitions.
func TestStorages(t *testing.T) {
	lens := []int{0, 1, 3, 4, 33, 129, 255, 256, 257, 1025, 4097}
	for _, def := range kernels.All() {
		t.Run(def.Name, func(t *testing.T) {
			t.Parallel()
			for _, f := range def.Cases[0].Kernel().Forms() {
				if f.Wide() || f.Storage == kernels.Float32 {
					continue
				}
				for j, shift := range []string{"aligned", "shifted", "mixed"} {
					u := def.Cases[j%len(def.Cases)]
					if testing.Short() && j > 0 {
						continue
					}
					tr := trial{update: u, storage: f.Storage, lens: lens, shift: shift, grid: 1 + 2*j, seed: uint64(j), steps: 2, draw: normal(uint64(j))}
					tr.run(t)
					tr.draw = special(uint64(j))
					tr.run(t)
					if f.Scalar != nil {
						tr.form, tr.cache = Persistent, 2*12*4097
						tr.run(t)
						tr.draw = normal(uint64(j))
						tr.run(t)
					}
				}
			}
		})
	}
}

// TestSkip holds kernels to leaving everything as it is where a factor or a norm
// is not finite, and to counting it.
func TestSkip(t *testing.T) {
	for _, def := range kernels.All() {
		for _, scale := range []float64{math.NaN(), math.Inf(1)} {
			for _, lens := range [][]int{{100, 0, 5000}, {0}, nil} {
				tr := trial{update: def.Cases[0], lens: lens, shift: "aligned", scale: scale, grid: 4, steps: 2, draw: normal(1)}
				tr.run(t)
			}
		}
		for _, u := range def.Cases {
			if s, ok := u.(kernels.Scaler); !ok || s.Scale() == nil {
				if u.Kernel().Scalar == nil {
					continue
				}
			}
			n := 0
			rare := normal(1)
			huge := func() float32 { // its square is infinite, once in a while
				if n++; n%3001 == 0 {
					return 1e30
				}
				return rare()
			}
			trial{update: u, lens: []int{100, 5000, 17}, shift: "aligned", grid: 4, steps: 2, draw: huge}.run(t)
		}
	}
}

// TestObjectives holds the gradient and the value of every objective, and the other
// loops of which no update is made, to their definitions.
func TestObjectives(t *testing.T) {
	type loop struct {
		*kernels.Kernel
		coef kernels.Coef
	}
	loops := []loop{
		{kernels.InnerProduct, kernels.Coef{}},
		{kernels.Combination, kernels.Coef{1, 0.75, -0.3}},
	}
	for _, d := range kernels.Objectives() {
		for _, o := range d.Cases {
			loops = append(loops, loop{o.Kernel(), o.Coef(1000, kernels.At(3))})
		}
	}
	for _, k := range loops {
		for i, shift := range []string{"aligned", "shifted", "mixed", "moved"} {
			for _, n := range []int{1, 37, 1024, 5000} {
				d := &device{Memory: new(ptxsim.Memory), t: t, grid: 4, seed: uint64(i)}
				f := k.Float32()
				l := place(f, []int{n}, shifts[shift])
				want := values(l, normal(uint64(n)))
				arrays, tensors := d.upload(l, want)
				out := d.scalar(0)
				if err := d.bind(f, tensors, Options{Out: out.Addr()}).step(d.coefs(&k.coef)); err != nil {
					t.Fatal(err)
				}
				x := l.of(want)[0]
				if k.Passes[0].Sums == 0 {
					kernels.RunPass(f, 0, &k.coef, x)
				} else if got, want := valueOf(out), kernels.PassSums(f, 0, &k.coef, x)[0]; got != want {
					t.Errorf("%s, %s, n=%d: value %v, want %v", k.Name, shift, n, got, want)
				}
				if err := differ(l, arrays, want); err != nil {
					t.Errorf("%s, %s, n=%d: %v", k.Name, shift, n, err)
				}
				if fours := int64(n / 4 * 16); shift == "moved" && k.Slots[len(k.Slots)-1].Role == kernels.Neighbour && (arrays[0].Loaded(16) != fours || arrays[1].Stored(16) != fours) {
					t.Errorf("%s, n=%d: %d bytes of the point and %d of the gradient move by four numbers, want %d", k.Name, n, arrays[0].Loaded(16), arrays[1].Stored(16), fours)
				}
			}
		}
	}
}

// TestNoises holds every noise law to its definition, of which tensors of one plan
// are arrays of their own.
func TestNoises(t *testing.T) {
	for _, def := range kernels.Noises() {
		t.Run(def.Name, func(t *testing.T) {
			t.Parallel()
			for i, law := range def.Cases {
				for j, k := range []*kernels.Kernel{law.Kernel(), law.Kernel().Scaled} {
					f, shift := k.Float32(), []string{"mixed", "shifted"}[j]
					d := &device{Memory: new(ptxsim.Memory), t: t, grid: 1 + 2*i, seed: uint64(i)}
					l := place(f, []int{1, 70, 1025, 5000}, shifts[shift])
					want := values(l, normal(uint64(i)))
					arrays, tensors := d.upload(l, want)
					c := law.Coef(1000, kernels.Sample{Seed: 0x0123456789abcdef, Index: 0xfedcba987654})
					if err := d.bind(f, tensors, Options{}).step(d.coefs(&c)); err != nil {
						t.Fatal(err)
					}
					for _, x := range l.of(want) {
						kernels.RunPass(f, 0, &c, x)
					}
					if err := differ(l, arrays, want); err != nil {
						t.Errorf("%s, %s: %v", k.Name, kernels.FormatNoise(law), err)
					}
				}
			}
		})
	}
}

// TestManyTensors runs ten thousand small tensors, on which a warp each has little
// to do.
func TestManyTensors(t *testing.T) {
	if testing.Short() {
		t.Skip("four times ten thousand tensors")
	}
	lens := slices.Repeat([]int{7, 1, 4, 0}, 2500)
	for _, name := range []string{"adam", "lamb"} {
		u := kernels.Find(name).Cases[0]
		trial{update: u, lens: lens, shift: "shifted", grid: 64, steps: 1, draw: normal(1)}.run(t)
	}
	u := kernels.Find("lamb").Cases[0]
	trial{update: u, lens: lens, shift: "shifted", form: Persistent, cache: 1 << 20, grid: 8, steps: 1, draw: normal(1)}.run(t)
	trial{update: kernels.Find("clipped-gd").Cases[0], lens: lens, shift: "shifted", grid: 64, steps: 1, draw: normal(1)}.run(t)
}

// forms are those that there are kernels for.
func forms() []*kernels.Stored {
	var out []*kernels.Stored
	for _, k := range shipped() {
		out = append(out, slices.DeleteFunc(k.Forms(), (*kernels.Stored).Wide)...)
	}
	return out
}

// TestTraffic holds kernels to the bytes that their forms are said to move: with
// no cache, and for the persistent form with one that holds two groups. Streams move
// what is stored in both directions, and change nothing.
func TestTraffic(t *testing.T) {
	const n = 1 << 14
	for _, f := range forms() {
		for _, form := range []Form{Passes, Persistent} {
			if form == Persistent && f.Scalar == nil {
				continue
			}
			name := fmt.Sprintf("%s in %s, form %d", f.Name, f.Storage.Name, form)
			d := &device{Memory: new(ptxsim.Memory), t: t, grid: 8}
			l := place(f, slices.Repeat([]int{n / 8}, 8), shifts["aligned"])
			data := values(l, normal(1))
			arrays, tensors := d.upload(l, data)
			cache := int64(0)
			if form == Persistent {
				cache = 2 * held(f, n/8)
			}
			p := d.bind(f, tensors, Options{Form: form, CacheBytes: cache, Out: d.scalar(0).Addr()})
			moved := func() (total, whole int64) {
				for i, a := range arrays {
					total += a.Loaded(0) + a.Stored(0)
					width := f.Types[i].Bytes(4)
					if f.Types[i].Grain() > 1 {
						width = 4 // a scale is as wide as four bytes
					}
					whole += a.Loaded(width) + a.Stored(width)
				}
				return total, whole
			}
			var want int64
			for _, s := range p.Streams() {
				for _, x := range s.mix {
					want += int64(f.Types[x.Array].Bytes(n))
					if x.Written {
						want += int64(f.Types[x.Array].Bytes(n))
					}
				}
				if err := d.place(s).step(0); err != nil {
					t.Fatalf("%s: its stream: %v", name, err)
				}
			}
			total, whole := moved()
			if total != want || whole != want {
				t.Errorf("%s: its streams move %d bytes, %d of them by four numbers; want %d", name, total, whole, want)
			}
			if err := differ(l, arrays, data); err != nil {
				t.Errorf("%s: its streams change %v", name, err)
			}

			if form == Persistent {
				d.Cache = ptxsim.NewCache(2 * int(cache))
			}
			coefs := d.coefs(&kernels.Coef{1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1})
			if err := p.step(coefs); err != nil {
				t.Fatal(err)
			}
			after, wide := moved()
			after, wide = after-total, wide-whole
			want = int64(f.Bytes(n))
			for i, d := range f.Types {
				switch {
				case d.Grain() > 1 && f.Access(0)[i]&kernels.Read != 0:
					want += n / kernels.Block * 31 * 4 // every lane of a warp reads the scale of its block
				case f.ArrayRole(i) == kernels.Neighbour:
					want += int64(d.Bytes(n)) // through the cache
				}
			}
			whole = want
			if f.Passes[0].Draw32 != nil {
				whole = 0 // neighbours in a group are drawn by different lanes
			}
			if after != want || wide != whole {
				t.Errorf("%s: threads move %d bytes, %d of them by four numbers; want %d and %d", name, after, wide, want, whole)
			}
			switch form {
			case Passes:
				if got, want := p.Bytes(), int64(f.Bytes(n)); got != want {
					t.Errorf("%s: says that it moves %d bytes, want %d", name, got, want)
				}
			case Persistent:
				if len(p.groups) < 4 {
					t.Fatalf("%s: the groups are %d, want several", name, p.groups)
				}
				d.Cache.Flush()
				var slots int64
				for _, a := range arrays {
					slots += d.Cache.Of(a)
				}
				if want := p.Bytes(); slots != want {
					t.Errorf("%s: memory moves %.2f bytes per element, want %.2f", name, float64(slots)/n, float64(want)/n)
				}
			}
		}
	}
	for _, c := range []struct {
		update string
		form   Form
		want   int64
	}{{"adam", Passes, 28}, {"lamb", Passes, 40}, {"lamb", Persistent, 28}, {"lars", Passes, 28}, {"lars", Persistent, 20}} {
		k := kernels.Find(c.update).Cases[0].Kernel().Float32()
		b, err := Bind(k, []Tensor{{make([]uint64, len(k.Types)), n}}, Options{Form: c.form, CacheBytes: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Bytes(); got != n*c.want {
			t.Errorf("%s, form %d: %d bytes for %d elements, want %d for each", c.update, c.form, got, n, c.want)
		}
	}
}

// TestLongTotals runs tensors of more than one block of units, with sums that need
// no rounding in float64 and with sums that must be taken one after the other.
func TestLongTotals(t *testing.T) {
	if testing.Short() {
		t.Skip("eight million elements")
	}
	const n = kernels.Unit*kernels.UnitBlock + 5
	k := kernels.SquaredNorm.Float32()
	rng := rand.New(rand.NewPCG(3, 4))
	for name, binades := range map[string]int{"even": 1, "uneven": 40} { // of the units' sizes
		d := &device{Memory: new(ptxsim.Memory), t: t, grid: 16}
		l := place(k, []int{n, 3000}, shifts["shifted"])
		drawn, size := 0, 1.0
		data := values(l, func() float32 {
			if drawn++; drawn%kernels.Unit == 0 {
				size = math.Ldexp(1, rng.IntN(binades))
			}
			return float32(size * (1 + rng.Float64()))
		})
		_, tensors := d.upload(l, data)
		out := d.scalar(0)
		c := kernels.Coef{kernels.CoefGrad: 0.75}
		if err := d.bind(k, tensors, Options{Out: out.Addr()}).step(d.coefs(&c)); err != nil {
			t.Fatal(err)
		}
		var want float64
		for _, x := range l.of(data) {
			want += kernels.SumSquares(&c, x[0])
		}
		if got := valueOf(out); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// TestMaps holds maps to their definitions.
func TestMaps(t *testing.T) {
	maps := []kernels.Map{kernels.ClipNorm{Max: 1}, kernels.InverseNorm{Eps: 1e-8}, kernels.InverseNorm{}}
	for _, def := range kernels.All() {
		for _, u := range def.Cases {
			if s, ok := u.(kernels.Scaler); ok && s.Scale() != nil {
				maps = append(maps, s.Scale())
			}
		}
	}
	for _, m := range maps {
		d := &device{Memory: new(ptxsim.Memory), t: t}
		c := m.Coef(kernels.At(1))
		for _, x := range []float64{0, 1e-320, 0.3, 1, 2, 1e300, math.Inf(1), math.NaN()} {
			in, out := d.scalar(x), d.scalar(7)
			if err := d.evaluate(m, c, in, out); err != nil {
				t.Fatal(err)
			}
			want := kernels.Eval(m, &c, []float64{x})
			if got := valueOf(out); math.Float64bits(got) != math.Float64bits(want) && (got == got || want == want) {
				t.Errorf("%s(%v): got %v, want %v", m.Name(), x, got, want)
			}
		}
	}
}

// TestGivesUp holds the persistent form to an error, not a hang, where its blocks
// are not all resident.
func TestGivesUp(t *testing.T) {
	k := kernels.Find("lamb").Cases[0].Kernel().Float32()
	d := &device{Memory: new(ptxsim.Memory), t: t, grid: 4, resident: 2}
	l := place(k, slices.Repeat([]int{100}, 80), shifts["aligned"])
	_, tensors := d.upload(l, values(l, normal(1)))
	p := d.bind(k, tensors, Options{Form: Persistent, CacheBytes: 2 * 12 * 100 * 20, Patience: 1000})
	if err := p.step(d.coefs(&kernels.Coef{1})); err != nil {
		t.Fatal(err)
	}
	if !Failed(p.work.Bytes()) {
		t.Error("a barrier that not all blocks can reach is not reported")
	}
}

// TestBind holds refusals to one line that says why.
func TestBind(t *testing.T) {
	lamb, adam := kernels.Find("lamb").Cases[0].Kernel(), kernels.Find("adam").Cases[0].Kernel()
	slots := []uint64{256, 512, 768, 1024}
	for _, c := range []struct {
		k    *kernels.Kernel
		t    Tensor
		o    Options
		want string
	}{
		{adam, Tensor{slots[:3], 1}, Options{}, "tensor 0: 3 arrays of 1 elements, want 4 arrays"},
		{adam, Tensor{[]uint64{256, 514, 768, 1024}, 1}, Options{}, "tensor 0: g starts at 0x202, want a multiple of 4"},
		{adam, Tensor{slots, 1}, Options{Form: Persistent}, "adam has one pass, and the persistent form is for two"},
		{lamb, Tensor{slots, 100}, Options{Form: Persistent, CacheBytes: 2000}, "a tensor of 100 elements takes 1200 bytes of cache, and a group may take 1000"},
	} {
		if _, err := Bind(c.k.Float32(), []Tensor{c.t}, c.o); fmt.Sprint(err) != c.want {
			t.Errorf("%s: got %v, want %s", c.k.Name, err, c.want)
		}
	}
	wide, _ := adam.In(kernels.FindStorage("f64"))
	if _, err := Bind(wide, nil, Options{}); fmt.Sprint(err) != "adam in f64 has no CUDA kernel" {
		t.Errorf("a storage without kernels: got %v", err)
	}
	if _, err := MapTable(make([]uint64, 5), 0); err == nil {
		t.Error("a map of five scalars is not refused")
	}
}

// TestHuge binds more elements than 32 bits count, on no memory at all.
func TestHuge(t *testing.T) {
	const n = 2_359_332_864
	b, err := Bind(kernels.SquaredNorm.Float32(), []Tensor{{[]uint64{1 << 32}, n}, {[]uint64{1 << 36}, 1}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b.chunks > maxChunks || int64(b.chunks-1)*b.span < n || b.units != n/kernels.Unit+1 {
		t.Errorf("%d chunks of %d elements, %d units, for %d elements", b.chunks, b.span, b.units, n+1)
	}
	if got := int64(len(b.Table(0, 0))); got != b.TableBytes() {
		t.Errorf("a table of %d bytes, want %d", got, b.TableBytes())
	}
}
