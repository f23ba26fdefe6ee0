package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLog2(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var worst float64
	var at float32
	try := func(x float32) {
		want := math.Log2(float64(x))
		unit := math.Ldexp(1, math.Ilogb(max(math.Abs(want), 0.5))-23)
		if e := math.Abs(float64(log2(x))-want) / unit; !(e <= worst) {
			worst, at = e, x
		}
	}
	for exponent := uint32(1); exponent < 255; exponent++ {
		for range 300 {
			try(math.Float32frombits(exponent<<23 | rng.Uint32()>>9))
		}
		try(math.Float32frombits(exponent << 23))
	}
	for i := range uint32(1 << 16) { // either side of 1, where the logarithm is small
		try(math.Float32frombits(0x3f000000 + i<<8))
	}
	t.Logf("largest error %.4f units, at log2(%g)", worst, at)
	if worst >= 0.9 {
		t.Errorf("error of %.4f units at log2(%g), want less than 0.9", worst, at)
	}
}

func TestExp2(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var worst float64
	var at float32
	for i := range 400_000 {
		x := float32(rng.Float64()*280 - 152)
		if i%2 == 0 {
			x = float32(rng.NormFloat64())
		}
		want := math.Exp2(float64(x))
		if want > math.MaxFloat32 {
			if got := exp2(x); !math.IsInf(float64(got), 1) {
				t.Errorf("exp2(%v) is %v, want +Inf", x, got)
			}
			continue
		}
		if e := ulpError(exp2(x), want); !(e <= worst) {
			worst, at = e, x
		}
	}
	t.Logf("largest error %.4f ulp, at exp2(%g)", worst, at)
	if worst >= 0.9 {
		t.Errorf("error of %.4f ulp at exp2(%g), want less than 0.9", worst, at)
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct{ x, want float32 }{
		{0, 1}, {1, 2}, {-1, 0.5}, {127, 0x1p127}, {128, inf}, {-149, 0x1p-149}, {-151, 0},
		{1e30, inf}, {inf, inf}, {-1e30, 0}, {-inf, 0}, {nan, nan},
	} {
		if got := exp2(c.x); !same(got, c.want) {
			t.Errorf("exp2(%v) is %v, want %v", c.x, got, c.want)
		}
	}
}

func TestSincos(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var worst float64
	var at float32
	try := func(x float32) {
		// As an exact fraction of a quarter turn, whose zeros have all their digits.
		rest := float64(x) - math.RoundToEven(float64(x))
		quarter := math.RoundToEven(rest * 4)
		s, c := math.Sincos(2 * math.Pi * (rest - quarter/4))
		for range (int(quarter) + 4) % 4 {
			s, c = c, -s
		}
		sin, cos := sincos(x)
		if e := max(ulpError(sin, s), ulpError(cos, c)); !(e <= worst) {
			worst, at = e, x
		}
	}
	for range 400_000 {
		try(float32(rng.Float64()*2 - 1))
		try(float32(rng.NormFloat64() * math.Ldexp(1, rng.IntN(60)-40)))
	}
	t.Logf("largest error %.4f ulp, at sincos(%g)", worst, at)
	if worst >= 1.6 {
		t.Errorf("error of %.4f ulp at sincos(%g), want less than 1.6", worst, at)
	}
	for _, c := range []struct{ x, sin, cos float32 }{
		{0, 0, 1}, {0.25, 1, 0}, {0.5, 0, -1}, {-0.25, -1, 0}, {-0.5, 0, -1}, {1, 0, 1}, {1.25, 1, 0}, {1 << 30, 0, 1}, {-3.75, 1, 0},
	} {
		if sin, cos := sincos(c.x); sin != c.sin || cos != c.cos {
			t.Errorf("sincos(%v) is %v, %v, want %v, %v", c.x, sin, cos, c.sin, c.cos)
		}
	}
	for _, x := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		if sin, cos := sincos(float32(x)); sin == sin || cos == cos {
			t.Errorf("sincos(%v) is %v, %v, want no numbers", x, sin, cos)
		}
	}
}

// TestTurnTables holds the polynomials to what their comment says of them.
func TestTurnTables(t *testing.T) {
	polynomial := func(c [4]float32, x float64) float64 {
		return ((float64(c[3])*x+float64(c[2]))*x+float64(c[1]))*x + float64(c[0])
	}
	var sin, cos float64
	for i := 1; i <= 2000; i++ {
		f := 0.125 * float64(i) / 2000
		s, c := math.Sincos(2 * math.Pi * f)
		sin = max(sin, math.Abs(f*polynomial(TurnTables.Sin, f*f)/s-1))
		cos = max(cos, math.Abs(1+f*f*polynomial(TurnTables.Cos, f*f)-c))
	}
	t.Logf("sine within a relative 2^%.1f, cosine within 2^%.1f", math.Log2(sin), math.Log2(cos))
	if sin >= 0x1p-25 || cos >= 0x1p-31 {
		t.Errorf("the sine has a relative error of %g, want less than 2^-25; the cosine of %g, want less than 2^-31", sin, cos)
	}
}
