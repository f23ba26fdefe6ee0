package compare

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Holm adjusts the p of many hypotheses: rejecting those whose adjusted p is at
// most alpha rejects any true one with probability at most alpha, however they
// depend on each other.
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return ps[order[i]] < ps[order[j]] })
	out := make([]float64, len(ps))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, ps[i]*float64(len(ps)-rank)))
		out[i] = least
	}
	return out
}

// Rate returns the interval that holds a probability with 95 %, from how often it
// happened in n independent trials: the exact one of Clopper and Pearson.
func Rate(happened, n int) (lo, hi float64) {
	hi = 1
	if happened > 0 {
		lo = distuv.Beta{Alpha: float64(happened), Beta: float64(n - happened + 1)}.Quantile(0.025)
	}
	if happened < n {
		hi = distuv.Beta{Alpha: float64(happened + 1), Beta: float64(n - happened)}.Quantile(0.975)
	}
	return lo, hi
}

// resamples of a bootstrap.
const resamples = 2000

// GeometricMean returns the geometric mean over cases of the ratio of side b to
// side a, and its 95 % interval. A and b hold logarithms of times by case and
// launch; entries of one case that are paired have the same place. The interval is
// from resampling whole launches, for the cases of a launch share what befell it:
// launch i of every case is drawn together. Fewer than six launches of a side have
// no interval, and then lo and hi are zero.
//
// Paired draws the launches of both sides together.
func GeometricMean(a, b [][]float64, paired bool) (mean, lo, hi float64) {
	m, n := fewest(a), fewest(b)
	if m == 0 || n == 0 {
		return math.NaN(), 0, 0
	}
	every := func(n int) []int {
		out := make([]int, n)
		for i := range out {
			out[i] = i
		}
		return out
	}
	mean = math.Exp(meanShift(a, b, every(m), every(n), paired))
	const enough = 6
	if m < enough || n < enough {
		return mean, 0, 0
	}
	rng := rand.New(rand.NewPCG(digest(a), digest(b)))
	draw := func(out []int) {
		for i := range out {
			out[i] = rng.IntN(len(out))
		}
	}
	shifts := make([]float64, resamples)
	x, y := make([]int, m), make([]int, n)
	for i := range shifts {
		draw(x)
		if paired {
			copy(y, x)
		} else {
			draw(y)
		}
		shifts[i] = meanShift(a, b, x, y, paired)
	}
	slices.Sort(shifts)
	quantile := func(p float64) float64 { return math.Exp(stat.Quantile(p, stat.LinInterp, shifts, nil)) }
	return mean, quantile(0.025), quantile(0.975)
}

// fewest returns the least number of launches that any case has.
func fewest(sides [][]float64) int {
	if len(sides) == 0 {
		return 0
	}
	n := len(sides[0])
	for _, s := range sides {
		n = min(n, len(s))
	}
	return n
}

// meanShift returns the mean over cases of the difference between the sides, in
// the launches x of a and y of b.
func meanShift(a, b [][]float64, x, y []int, paired bool) float64 {
	values := make([]float64, 0, max(len(x), len(y)))
	middle := func(side []float64, launches []int) float64 {
		values = values[:0]
		for _, i := range launches {
			values = append(values, side[i])
		}
		slices.Sort(values)
		return median(values)
	}
	var sum float64
	for c := range a {
		if paired {
			values = values[:0]
			for _, i := range x {
				values = append(values, b[c][i]-a[c][i])
			}
			slices.Sort(values)
			sum += median(values)
		} else {
			sum += middle(b[c], y) - middle(a[c], x)
		}
	}
	return sum / float64(len(a))
}

// digest is a seed that follows from data.
func digest(data [][]float64) uint64 {
	h := fnv.New64a()
	for _, xs := range data {
		for _, x := range xs {
			h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(x))) // never fails
		}
	}
	return h.Sum64()
}
