package kernels

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// numbers are of every magnitude, some of them odd.
func numbers(rng *rand.Rand, n int) []float32 {
	odd := []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, 1e-39, math.MaxFloat32, 0x1.ff7p127, 1.00390625, 1.01171875}
	x := make([]float32, n)
	for i := range x {
		switch rng.IntN(8) {
		case 0:
			x[i] = odd[rng.IntN(len(odd))]
		default:
			x[i] = float32(rng.NormFloat64() * math.Exp2(float64(rng.IntN(200)-100)))
		}
		if rng.IntN(2) == 0 {
			x[i] = -x[i]
		}
	}
	return x
}

// TestBF16 holds rounding against the two neighbours of a number.
func TestBF16(t *testing.T) {
	for _, x := range numbers(rand.New(rand.NewPCG(1, 2)), 20_000) {
		got := []float32{x}
		BF16.Round(got)
		down := math.Float32frombits(math.Float32bits(x) &^ 0xffff)
		up := math.Float32frombits(math.Float32bits(down) + 1<<16)
		want := down
		// Where the one above is infinite, half way to it is what the next binade's
		// first number would make it.
		distance := 2 * (float64(x) - float64(down)) / (math.Ldexp(1, max(math.Ilogb(float64(down)), -126)-7))
		if d := math.Abs(distance); d > 1 || d == 1 && math.Float32bits(down)>>16&1 == 1 {
			want = up
		}
		if got[0] != want || math.Signbit(float64(got[0])) != math.Signbit(float64(x)) {
			t.Fatalf("%x rounds to %x, want %x", x, got[0], want)
		}
	}
	special := []float32{float32(math.Inf(1)), float32(math.Inf(-1)), math.Float32frombits(0xff800001), math.Float32frombits(0x7fffffff)}
	BF16.Round(special)
	if special[0] != float32(math.Inf(1)) || special[1] != float32(math.Inf(-1)) || special[2] == special[2] || special[3] == special[3] {
		t.Errorf("infinities and NaNs round to %v", special)
	}
}

// TestBlocks holds the error of blocks to what is promised, number by number.
func TestBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, d := range []DType{Q8, UQ8} {
		worst, bound := 0.0, math.Exp2(-float64(d.Fraction())-1)
		for range 300 {
			x := make([]float32, 1+rng.IntN(3*Block))
			spread := rng.IntN(24)
			scale := math.Exp2(float64(rng.IntN(120) - 60))
			for i := range x {
				x[i] = float32(scale * rng.NormFloat64() * math.Exp2(-float64(rng.IntN(1+spread))))
				if d == UQ8 {
					x[i] = float32(math.Abs(float64(x[i])))
				}
				if rng.IntN(10) == 0 {
					x[i] = 0
				}
			}
			y := slices.Clone(x)
			d.Round(y)
			for from := 0; from < len(x); from += Block {
				block := x[from:min(from+Block, len(x))]
				most := 0.0
				for _, v := range block {
					most = max(most, math.Abs(float64(v)))
				}
				for i, v := range block {
					got, want := float64(y[from+i]), float64(v)
					floor := most * math.Exp2(-15-float64(d.Fraction()))
					switch {
					case math.Abs(want) >= most*0x1p-10:
						worst = max(worst, math.Abs(got/want-1))
					case math.Abs(got-want) > math.Abs(want)*1.5*bound+floor, d == UQ8 && (got > 0) != (want > 0):
						t.Fatalf("%v: %g of a block up to %g rounds to %g", d, want, most, got)
					}
				}
			}
		}
		t.Logf("%v: largest relative error %.5f, promised %.5f", d, worst, bound)
		if worst > bound*1.04 || worst < bound*0.9 {
			t.Errorf("%v: largest relative error %v, want about %v", d, worst, bound)
		}
	}
}

// TestBlocksSpecial: blocks of zeros, of numbers too small for a scale, and with
// numbers that are none.
func TestBlocksSpecial(t *testing.T) {
	for _, d := range []DType{Q8, UQ8} {
		for _, largest := range []float32{0, math.SmallestNonzeroFloat32, 0x1p-101} {
			x := []float32{0, largest, 0}
			if d.Round(x); !slices.Equal(x, []float32{0, 0, 0}) {
				t.Errorf("%v: a block up to %g rounds to %v, want zeros", d, largest, x)
			}
		}
		for _, bad := range []float64{math.NaN(), math.Inf(1)} {
			x := []float32{0, 1, float32(bad)}
			d.Round(x)
			for i, v := range x {
				if finite(float64(v)) {
					t.Errorf("%v: element %d of a block with %v is %v, want it not finite", d, i, bad, v)
				}
			}
		}
		for _, v := range []float32{0x1p-100, 1, 0.3, 1e38} {
			y := []float32{v}
			if d.Round(y); math.Abs(float64(y[0]/v)-1) > 0x1p-22 {
				t.Errorf("%v: the only number of a block, %g, rounds to %g", d, v, y[0])
			}
		}
	}
}

// TestEncode: what is written is what rounding says, and nothing beyond it.
func TestEncode(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, d := range []DType{F32, BF16, Q8, UQ8} {
		for _, n := range []int{0, 1, 255, 256, 257, 1000} {
			x := numbers(rng, n)
			if d == UQ8 {
				for i := range x {
					x[i] = float32(math.Abs(float64(x[i])))
				}
			}
			raw := make([]byte, d.Bytes(n)+3)
			d.Encode(raw, x)
			got := make([]float32, n)
			d.Decode(got, raw)
			if d.Round(x); !slices.EqualFunc(got, x, same[float32]) {
				t.Errorf("%v, %d numbers: written and read again they are not what they round to", d, n)
			}
			if !slices.Equal(raw[d.Bytes(n):], []byte{0, 0, 0}) {
				t.Errorf("%v, %d numbers: more than %d bytes are written", d, n, d.Bytes(n))
			}
		}
	}
}

// TestForms holds what forms say of their arrays together.
func TestForms(t *testing.T) {
	for _, k := range Kernels() {
		for _, f := range k.Forms() {
			if k.Form(f.Types) != nil && k.Form(f.Types).Storage != f.Storage {
				t.Errorf("%s: the types of %s are found as those of %s", k.Name, f.Storage.Name, k.Form(f.Types).Storage.Name)
			}
			for pass := range f.Passes {
				if a := f.Access(pass); len(a) != len(f.Types) {
					t.Errorf("%s in %s: %d accesses to %d arrays", k.Name, f.Storage.Name, len(a), len(f.Types))
				}
			}
			if f.HasMaster() && (f.Writes(0) != f.Writes(len(f.Slots)) || f.ArrayName(len(f.Slots)) != "master") {
				t.Errorf("%s in %s: the last array is no master copy", k.Name, f.Storage.Name)
			}
		}
	}
	if got := len(Find("sgd").Cases[0].Kernel().Forms()); got != 4 {
		t.Errorf("sgd, which has no states, has %d forms, want f32, f64, bf16 and bf16-master", got)
	}
}

// TestMaster: a master copy steps as float32 does, and the parameters are its
// copy.
func TestMaster(t *testing.T) {
	each(t, func(t *testing.T, u Update, rng *rand.Rand) {
		f, _ := u.Kernel().In(FindStorage("bf16-master"))
		plain := group[float32](u, rng, 1030, 7)
		for _, slots := range plain {
			BF16.Round(slots[1])
		}
		stored := clone(plain)
		for i := range stored {
			stored[i] = append(stored[i], slices.Clone(stored[i][0]))
		}
		Reference(u, At(4), 1, plain)
		ReferenceIn(f, u, At(4), 1, stored)
		for i := range plain {
			last := len(stored[i]) - 1
			if !slices.Equal(stored[i][last], plain[i][0]) || !equal(stored[i][1:last], plain[i][1:]) {
				t.Errorf("tensor %d: the master copy does not step as float32", i)
			}
			if BF16.Round(plain[i][0]); !slices.Equal(stored[i][0], plain[i][0]) {
				t.Errorf("tensor %d: the parameters are not the master copy, rounded", i)
			}
		}
	})
}
