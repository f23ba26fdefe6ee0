package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSinh(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var worst float64
	for i := range 300_000 {
		x := float32(math.Exp(rng.Float64()*24 - 20)) // up to 55
		if i%3 == 0 {
			x = float32(rng.Float64() * 2)
		}
		if rng.IntN(2) == 0 {
			x = -x
		}
		want := math.Sinh(float64(x))
		_, e := math.Frexp(want)
		ulps := math.Abs(float64(sinh(x))-want) / math.Ldexp(1, e-24)
		worst = max(worst, ulps/(3+1.25*math.Abs(float64(x))))
	}
	if worst > 1 {
		t.Errorf("the error is %.2f times what is allowed", worst)
	}
	t.Logf("the error is %.2f of what is allowed", worst)
	for _, x := range []float64{0, math.Copysign(0, -1), 1e-40, 100, -100, math.Inf(1), math.Inf(-1), math.NaN()} {
		got, want := sinh(float32(x)), float32(math.Sinh(x))
		if got != want && (got == got || want == want) || math.Signbit(float64(got)) != math.Signbit(float64(want)) {
			t.Errorf("sinh(%v) is %v, want %v", x, got, want)
		}
	}
}
