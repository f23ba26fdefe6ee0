package kernels

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The order of sums in words: element i of a unit of 1024 goes to
// accumulator i mod 32; accumulators fold j with j+16, +8, +4, +2, +1; units
// are added in float64, in blocks of 4096. These are transcriptions of that
// sentence without the package's constants; each has a rival that adds the same
// terms in another order.

func unitSum(terms []float32) float32 {
	acc := make([]float32, 32)
	for i, x := range terms {
		acc[i%32] += x
	}
	for len(acc) > 1 {
		half := len(acc) / 2
		next := make([]float32, half)
		for j := range next {
			next[j] = acc[j] + acc[j+half]
		}
		acc = next
	}
	return acc[0]
}

func unitTotal(sums []float32) (total float64) {
	for block := range slices.Chunk(sums, 4096) {
		var sum float64
		for _, x := range block {
			sum += float64(x)
		}
		total += sum
	}
	return total
}

// rough numbers have no sum that is the same in every order.
func rough(rng *rand.Rand, n int) []float32 {
	xs := make([]float32, n)
	for i := range xs {
		xs[i] = float32(rng.NormFloat64() * math.Exp(4*rng.NormFloat64()))
	}
	return xs
}

func TestFold(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var otherPairs, otherSequence bool
	for range 20 {
		xs := rough(rng, 32)
		var acc [Lanes]float32
		copy(acc[:], xs)
		want := unitSum(xs)
		if got := Fold(&acc); got != want {
			t.Errorf("Fold is %v, want %v", got, want)
		}

		// The rivals: one after the other, and neighbours first.
		var sequence float32
		for _, x := range xs {
			sequence += x
		}
		for len(xs) > 1 {
			for j := range len(xs) / 2 {
				xs[j] = xs[2*j] + xs[2*j+1]
			}
			xs = xs[:len(xs)/2]
		}
		otherSequence = otherSequence || sequence != want
		otherPairs = otherPairs || xs[0] != want
	}
	if !otherPairs || !otherSequence {
		t.Error("these numbers do not tell one order from another")
	}
}

func TestTotal(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 4095, 4096, 4097, 2*4096 + 5} {
		units := rough(rng, 2*n)
		sums := [2][]float32{}
		for i, x := range units {
			sums[i%2] = append(sums[i%2], x)
		}
		for k := range sums {
			want := unitTotal(sums[k])
			if got := Total(units, 2, k); got != want {
				t.Errorf("Total of sum %d of %d units is %v, want %v", k, n, got, want)
			}
			var sequence float64
			for _, x := range sums[k] {
				sequence += float64(x)
			}
			if n > 4096+1 && sequence == want {
				t.Errorf("%d units: the same without blocks: these numbers do not tell", n)
			}
		}
	}
}

// squaredNorm is the sum of squares in the one order.
func squaredNorm(xs []float32) float64 {
	var sums []float32
	for unit := range slices.Chunk(xs, 1024) {
		squares := make([]float32, len(unit))
		for i, x := range unit {
			squares[i] = x * x
		}
		sums = append(sums, unitSum(squares))
	}
	return unitTotal(sums)
}

var lengths = []int{0, 1, 31, 32, 33, 1023, 1024, 1025, 5000}

func TestSquaredNorm(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, n := range lengths {
		g := rough(rng, n)
		c := Coef{CoefGrad: 1}
		got := SumSquares(&c, g)
		if want := squaredNorm(g); got != want {
			t.Errorf("squared norm of %d elements is %v, want %v", n, got, want)
		}
		if want := (n + 1023) / 1024; Units(n) != want {
			t.Errorf("Units(%d) is %d, want %d", n, Units(n), want)
		}
	}
}

// TestNorms: the passes of LAMB and LARS add in that order, too.
func TestNorms(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for _, n := range lengths {
		for _, u := range []Update{Find("lamb").Cases[0], Find("lars").Cases[0]} {
			slots := tensor(u, rng, rough(rng, n))
			copy(slots[1], rough(rng, n))
			c := u.Coef(At(1))
			got := PassSums(u.Kernel().Float32(), 0, &c, slots)
			second := slots[1]
			if u.Name() == "lamb" {
				second = make([]float32, n)
				for i := range second {
					second[i] = lambUpdate(Round[float32](&c), slots[0][i], slots[2][i], slots[3][i])
				}
			}
			if want := []float64{squaredNorm(slots[0]), squaredNorm(second)}; !slices.Equal(got, want) {
				t.Errorf("%s: sums over %d elements are %v, want %v", u.Name(), n, got, want)
			}
		}
	}
}

func TestMaps(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		m        Map
		in, want float64
	}{
		{ClipNorm{Max: 2}, 0, 1},
		{ClipNorm{Max: 2}, 4, 1},
		{ClipNorm{Max: 2}, 16, 0.5},
		{ClipNorm{Max: 2}, inf, nan},
		{ClipNorm{Max: 2}, nan, nan},
		{InverseNorm{Eps: 1}, 9, 0.25},
		{InverseNorm{Eps: 0.5}, 0, 2},
		{InverseNorm{}, 0, 0},
		{InverseNorm{}, inf, nan},
		{InverseNorm{Eps: 1}, nan, nan},
	} {
		coef := c.m.Coef(At(1))
		if got := Eval(c.m, &coef, []float64{c.in}); !same(got, c.want) {
			t.Errorf("%+v of %v is %v, want %v", c.m, c.in, got, c.want)
		}
		if err := Check(c.m); err != nil {
			t.Error(err)
		}
	}
}
