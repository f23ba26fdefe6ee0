package compare

import (
	"math"
	"slices"
	"sync"
)

// SignedRank returns the two-sided p of the hypothesis that every difference was
// as likely to have the opposite sign: the probability that random signs make the
// sum of the ranks of positive differences as far from its middle as it is. Equal
// sizes share their mean rank; differences of zero have no sign and are left out.
// It is exact for any number of differences, and whatever their sizes are. Without
// differences p is 1.
func SignedRank(differences []float64) float64 {
	d := slices.DeleteFunc(slices.Clone(differences), func(x float64) bool { return x == 0 })
	slices.SortFunc(d, func(x, y float64) int {
		switch x, y = math.Abs(x), math.Abs(y); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	doubled := make([]int, len(d)) // ranks, twice, so that mean ranks are whole
	positive, tied := 0, false
	for i := 0; i < len(d); {
		j := i
		for j < len(d) && math.Abs(d[j]) == math.Abs(d[i]) {
			j++
		}
		tied = tied || j > i+1
		for k := i; k < j; k++ {
			doubled[k] = i + 1 + j
			if d[k] > 0 {
				positive += doubled[k]
			}
		}
		i = j
	}
	var null []float64
	if tied {
		null = signedSums(doubled)
	} else {
		null, positive = untiedSums(len(d)), positive/2
	}
	extreme := max(positive, len(null)-1-positive)
	if 2*extreme == len(null)-1 {
		return 1
	}
	var tail float64
	for _, p := range null[extreme:] {
		tail += p
	}
	return min(1, 2*tail)
}

// signedSums returns the probability of each sum that a random subset of ranks may
// have.
func signedSums(ranks []int) []float64 {
	p := []float64{1}
	for _, r := range ranks {
		next := make([]float64, len(p)+r)
		for s, x := range p {
			next[s] += x / 2
			next[s+r] += x / 2
		}
		p = next
	}
	return p
}

// untied holds what untiedSums returned for so many ranks.
var untied sync.Map

// untiedSums is signedSums of the ranks of n values without ties, made once.
func untiedSums(n int) []float64 {
	if sums, ok := untied.Load(n); ok {
		return sums.([]float64)
	}
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	sums, _ := untied.LoadOrStore(n, signedSums(ranks))
	return sums.([]float64)
}

// signedSample tests differences. The shift is the median of the means of any two
// of them, each with itself too; its interval lies between the means that the test
// does not reject.
func signedSample(d []float64) sample {
	n := len(d)
	var means []float64
	for i := range d {
		for j := range i + 1 {
			means = append(means, (d[i]+d[j])/2)
		}
	}
	slices.Sort(means)
	null := untiedSums(n)
	return sample{n: n, p: SignedRank(d), shift: median(means), interval: func(confidence float64) (lo, hi float64, ok bool) {
		return between(means, null, confidence)
	}}
}

// between returns the k-th least and the k-th greatest of sorted values, where a
// statistic that counts the values on one side of the truth has the distribution
// null: k is the greatest for which both tails together have at most 1-confidence.
// It fails where even the outermost values are too near.
func between(sorted, null []float64, confidence float64) (lo, hi float64, ok bool) {
	var tail float64
	k := 0
	for k < len(null) && 2*(tail+null[k]) <= 1-confidence {
		tail += null[k]
		k++
	}
	if k == 0 || 2*k > len(sorted) {
		return 0, 0, false
	}
	return sorted[k-1], sorted[len(sorted)-k], true
}

// median returns that of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
