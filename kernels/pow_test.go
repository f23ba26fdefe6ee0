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
		got := power32(x, y)
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
			try(math.Float32frombits(uint32(0x3f400000+i%250-125+i/250*0x100000)), y)
		}
	}
	t.Logf("largest error %.4f ulp, at Pow32(%g, %g)", worst, worstX, worstY)
	if worst >= 1.5 {
		t.Errorf("error of %.4f ulp at Pow32(%g, %g), want less than 1.5", worst, worstX, worstY)
	}
}

func TestPow32Special(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	const least = math.SmallestNonzeroFloat32
	for _, y := range exponents {
		for _, c := range []struct{ x, want float32 }{{0, 0}, {1, 1}, {inf, inf}} {
			if got := power32(c.x, y); got != c.want || math.Signbit(float64(got)) {
				t.Errorf("Pow32(%v, %v) is %v, want %v", c.x, y, got, c.want)
			}
		}
		if got := power32(nan, y); got == got {
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
		if got := power32(c.x, c.y); got != c.want {
			t.Errorf("Pow32(%g, %v) is %g, want %g", c.x, c.y, got, c.want)
		}
	}
}

// TestPowTables holds the tables to what their comment says of them.
func TestPowTables(t *testing.T) {
	polynomial := func(c []float32, x float64) (y float64) {
		for _, a := range slices.Backward(c) {
			y = (y + float64(a)) * x
		}
		return y
	}
	tab := &PowTables
	var worstLog, worstExp float64
	for i := range 2001 {
		r := -0.0595 + 0.1177*float64(i)/2000
		worstLog = max(worstLog, math.Abs(polynomial(tab.Log2[:], r)-math.Log1p(r)/math.Ln2))
		f := -0.5 + float64(i)/2000
		worstExp = max(worstExp, math.Abs((1+polynomial(tab.Exp2[:], f))/math.Exp2(f)-1))
	}
	t.Logf("log2(1+r) within 2^%.1f, 2^f within 2^%.1f", math.Log2(worstLog), math.Log2(worstExp))
	if worstLog >= 0x1p-26 || worstExp >= 0x1p-28 {
		t.Errorf("log2(1+r) has an error of %g, want less than 2^-26; 2^f of %g, want less than 2^-28", worstLog, worstExp)
	}
	for j, inv := range tab.Inv {
		log := float64(tab.Log[j])
		if math.Abs(log+math.Log2(float64(inv))) > 0x1p-28 || log*(1<<15) != math.Trunc(log*(1<<15)) {
			t.Errorf("Log[%d] is %v, want 15 fractional bits of %v", j, log, -math.Log2(float64(inv)))
		}
		// The eighth that Pow32 sends to j, as it splits it off.
		lo := math.Float32bits(1) - tab.Offset + uint32(j)<<20
		for _, b := range []uint32{lo, lo + 1<<20 - 1} {
			z := math.Float32frombits(b)
			if u := b + tab.Offset; u>>20&7 != uint32(j) || u>>23 != 127 {
				t.Errorf("%v does not belong to eighth %d", z, j)
			}
			if r := float64(z)*float64(inv) - 1; r < -0.0595 || r > 0.0582 {
				t.Errorf("eighth %d: r is %v at %v, want it in [-0.0595, 0.0582]", j, r, z)
			}
		}
	}
}

// TestFMA32 holds fma32 against exact arithmetic, where sums cancel, absorb one
// another or end half way between two numbers.
func TestFMA32(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	number := func(x float32) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(float64(x)) }
	draw := func() float32 {
		x := math.Float32frombits(rng.Uint32()&^0x7f800000 | uint32(127-30+rng.IntN(60))<<23)
		if rng.IntN(2) == 0 { // few digits: products and sums that end half way
			x = math.Float32frombits(math.Float32bits(x) &^ (1<<rng.IntN(23) - 1))
		}
		return x
	}
	for range 200_000 {
		x, y, z := draw(), draw(), draw()
		if rng.IntN(4) == 0 {
			z = -float32(x * y) // all but the rounding error cancels
		}
		exact := number(x)
		want, _ := exact.Add(exact.Mul(exact, number(y)), number(z)).Float32()
		if got := fma32(x, y, z); got != want {
			t.Fatalf("fma32(%x, %x, %x) is %x, want %x", x, y, z, got, want)
		}
	}
}

// power32 is Pow32 with its exponent in one number.
func power32(x float32, y float64) float32 {
	hi, lo := splitExponent(y)
	return Pow32(x, float32(hi), float32(lo))
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
			if got, want := pow(x, float32(hi), float32(lo)), power32(x, y); got != want {
				t.Errorf("pow(%v, %v) is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestOneMinusPows(t *testing.T) {
	betas := []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 1e-9}
	var worst float64
	for _, n := range []int{1, 2, 3, 10, 1000, 1e6, 1<<31 + 1, math.MaxInt} {
		for i, beta := range betas {
			other := betas[(i+1)%len(betas)]
			q, beside := oneMinusPows(beta, other, n)
			if _, again := oneMinusPows(other, beta, n); again != q {
				t.Errorf("1-%v^%d is %v as the first and %v as the second", beta, n, q, again)
			}
			if again, _ := oneMinusPows(other, beta, n); again != beside {
				t.Errorf("1-%v^%d is %v as the first and %v as the second", other, n, again, beside)
			}
			want, _ := exactOneMinusPow(beta, n).Float64()
			e := math.Abs(q-want) / want
			if worst = max(worst, e); !(e < 1e-13) {
				t.Errorf("1-%v^%d is %v, want %v", beta, n, q, want)
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
