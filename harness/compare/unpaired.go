package compare

import (
	"slices"

	"golang.org/x/perf/benchmath"
)

// Unpaired returns the two-sided p of the hypothesis that both samples come from
// one distribution, by the ranks of Mann and Whitney.
func Unpaired(a, b []float64) float64 {
	t := &benchmath.DefaultThresholds
	return benchmath.AssumeNothing.Compare(benchmath.NewSample(slices.Clone(a), t), benchmath.NewSample(slices.Clone(b), t)).P
}

// ReachableLaunches returns the least number of launches a side with which a case of
// launches that were recorded apart can be significant at level alpha when it is one
// of so many cases: the least p of n launches a side is 2/C(2n, n).
func ReachableLaunches(cases int, alpha float64) int {
	n, least := 1, 1.0
	for least*float64(cases) > alpha+1e-12 {
		n++
		least *= float64(n) / float64(2*(2*n-1)) // C(2n, n) = C(2n-2, n-1) * 2(2n-1)/n
	}
	return n
}

// unpairedSample tests b against a. The shift is the median of all differences
// between a value of b and one of a; its interval lies between the differences that
// the test does not reject.
func unpairedSample(a, b []float64) sample {
	var differences []float64
	for _, x := range a {
		for _, y := range b {
			differences = append(differences, y-x)
		}
	}
	slices.Sort(differences)
	null := rankSums(len(a), len(b))
	return sample{n: min(len(a), len(b)), p: Unpaired(a, b), shift: median(differences), interval: func(confidence float64) (lo, hi float64, ok bool) {
		return between(differences, null, confidence)
	}}
}

// rankSums returns the probability of each number of pairs of a value of b above
// one of a, of samples of m and n values without ties: the last value, of either
// sample, is above all others or none of the other.
func rankSums(m, n int) []float64 {
	row := make([][]float64, n+1) // of 0 values of a
	for j := range row {
		row[j] = []float64{1}
	}
	for i := 1; i <= m; i++ {
		next := make([][]float64, n+1)
		next[0] = []float64{1}
		for j := 1; j <= n; j++ {
			p := make([]float64, i*j+1)
			for u, x := range row[j] { // the greatest is of a
				p[u] += x * float64(i) / float64(i+j)
			}
			for u, x := range next[j-1] { // the greatest is of b: above all i of a
				p[u+i] += x * float64(j) / float64(i+j)
			}
			next[j] = p
		}
		row = next
	}
	return row[n]
}
