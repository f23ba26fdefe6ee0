package kernels

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// exponents are those that updates use, and the ends of the range.
var exponents = []float64{0.5, 1 / 1.8, 1 / 1.5, 2.0 / 3, 1 / 1.1, 1, 1.1, 1.5, 1.8, 2}

// ulpError is the distance of got from want, in units of float32's last place
// at want.
func ulpError(got float32, want float64) float64 {
	e := max(math.Ilogb(want), -126)
	return math.Abs(float64(got)-want) / math.Ldexp(1, e-23)
}

func TestPow32(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var worst, worstY float64
	var worstX float32
	try := func(x float32, y float64) {
		want := math.Pow(float64(x), y)
		got := Pow32(x, y)
		if want > math.MaxFloat32 { // rounds down to it or up to infinity
			if !math.IsInf(float64(got), 1) && (got != math.MaxFloat32 || want > 0x1.ffffff8p127) {
				t.Errorf("Pow32(%v, %v) is %v, want %v", x, y, got, want)
			}
			return
		}
		if e := ulpError(got, want); !(e <= worst) {
			worst, worstX, worstY = e, x, y
		}
	}
	ys := exponents
	for range 6 {
		ys = append(ys, 0.5+1.5*rng.Float64())
	}
	for _, y := range ys {
		for exponent := range uint32(255) { // 0 is that of denormals
			for range 100 {
				try(math.Float32frombits(exponent<<23|rng.Uint32()>>9), y)
			}
			try(math.Float32frombits(exponent<<23|1), y)
			try(math.Float32frombits(exponent<<23|1<<23-1), y)
		}
		for i := range int32(2000) { // either side of 1, and of the ends of the tables' intervals
			try(math.Float32frombits(uint32(0x3f800000+i-1000)), y)
			try(math.Float32frombits(uint32(0x3f3c0000+i%250-125+i/250*0x100000)), y)
		}
	}
	t.Logf("largest error %.4f ulp, at Pow32(%g, %g)", worst, worstX, worstY)
	if worst >= 0.6 {
		t.Errorf("error of %.4f ulp at Pow32(%g, %g), want less than 0.6", worst, worstX, worstY)
	}
}

func TestPow32Special(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	const least = math.SmallestNonzeroFloat32
	for _, y := range exponents {
		for _, c := range []struct{ x, want float32 }{{0, 0}, {1, 1}, {inf, inf}} {
			if got := Pow32(c.x, y); got != c.want || math.Signbit(float64(got)) {
				t.Errorf("Pow32(%v, %v) is %v, want %v", c.x, y, got, c.want)
			}
		}
		if got := Pow32(nan, y); got == got {
			t.Errorf("Pow32(NaN, %v) is %v, want NaN", y, got)
		}
	}
	for _, c := range []struct {
		x    float32
		y    float64
		want float32
	}{
		{math.MaxFloat32, 2, inf},
		{math.MaxFloat32, 1.01, inf},
		{math.MaxFloat32, 1, math.MaxFloat32},
		{0x1p64, 2, inf},
		{0x1p63, 2, 0x1p126},
		{least, 1, least},
		{least, 0.5, 0x1.6a09e6p-75},
		{least, 1.1, 0},
		{least, 2, 0},
		{0x1p-74, 2, 0x1p-148},
		{0x1.8p-75, 2, least}, // 1.125 * 2^-149
		{0x1.6p-75, 2, least}, // 0.945 * 2^-149
		{0x1.6p-76, 2, 0},     // 0.236 * 2^-149
	} {
		if got := Pow32(c.x, c.y); got != c.want {
			t.Errorf("Pow32(%g, %v) is %g, want %g", c.x, c.y, got, c.want)
		}
	}
}

// TestPowTables holds the tables to what their comment says of them.
func TestPowTables(t *testing.T) {
	polynomial := func(c []float64, x float64) float64 {
		y := 0.0
		for _, a := range slices.Backward(c) {
			y = math.FMA(y, x, a)
		}
		return y
	}
	tab := &PowTables
	var worstLog, worstExp float64
	for i := -1000; i <= 1000; i++ {
		r := 0.05451 * float64(i) / 1000
		worstLog = max(worstLog, math.Abs(polynomial(tab.Log2[:], r)-math.Log1p(r)/math.Ln2))
		f := 0.5 * float64(i) / 1000
		worstExp = max(worstExp, math.Abs(polynomial(tab.Exp2[:], f)/math.Exp2(f)-1))
	}
	t.Logf("log2(1+r) within 2^%.1f, 2^f within 2^%.1f", math.Log2(worstLog), math.Log2(worstExp))
	if worstLog >= 0x1p-32 || worstExp >= 0x1p-29 {
		t.Errorf("log2(1+r) has an error of %g, want less than 2^-32; 2^f of %g, want less than 2^-29", worstLog, worstExp)
	}
	for j, inv := range tab.Inv {
		if math.Abs(tab.Log[j]+math.Log2(inv)) > 1e-16 {
			t.Errorf("Log[%d] is %v, want %v", j, tab.Log[j], -math.Log2(inv))
		}
		// The eighth that Pow32 sends to j, as it splits it off.
		lo := math.Float64bits(1) - tab.Offset&^(7<<49) + (uint64(j)-4)<<49
		for _, b := range []uint64{lo, lo + 1<<49 - 1} {
			z := math.Float64frombits(b)
			if u := b + tab.Offset; u>>49&7 != uint64(j) || u>>52 != 1023 {
				t.Errorf("%v does not belong to eighth %d", z, j)
			}
			if r := math.FMA(z, inv, -1); math.Abs(r) > 0.05455 { // 0.0545, rounded
				t.Errorf("eighth %d: r is %v at %v, want 0.0545", j, r, z)
			}
		}
	}
}

// TestPowExponent: the two parts of an exponent survive rounding to float32.
func TestPowExponent(t *testing.T) {
	for _, y := range exponents {
		hi, lo := splitExponent(y)
		if hi+lo != y {
			t.Errorf("splitExponent(%v) adds up to %v", y, hi+lo)
		}
		if got := float64(float32(hi)) + float64(float32(lo)); math.Abs(got-y) > 0x1p-48*y {
			t.Errorf("splitExponent(%v) adds up to %v in float32", y, got)
		}
		for _, x := range []float32{1e-30, 0.3, 1, 7e20} {
			if got, want := pow(x, float32(hi), float32(lo)), Pow32(x, y); got != want {
				t.Errorf("pow(%v, %v) is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestOneMinusPow(t *testing.T) {
	var worst float64
	for _, beta := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 1e-9} {
		for _, n := range []int{1, 2, 3, 10, 1000, 1e6, 1<<31 + 1, math.MaxInt} {
			want, _ := exactOneMinusPow(beta, n).Float64()
			e := math.Abs(oneMinusPow(beta, n)-want) / want
			if worst = max(worst, e); !(e < 1e-13) {
				t.Errorf("1-%v^%d is %v, want %v", beta, n, oneMinusPow(beta, n), want)
			}
		}
	}
	t.Logf("largest relative error %.1e", worst)
}

func exactOneMinusPow(beta float64, n int) *big.Float {
	number := func(x float64) *big.Float { return new(big.Float).SetPrec(500).SetFloat64(x) }
	power, b := number(1), number(beta)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			power.Mul(power, b)
		}
		b.Mul(b, b)
	}
	if power.MantExp(nil) < -500 {
		return number(1) // Sub would write out all the digits between
	}
	return power.Sub(number(1), power)
}
