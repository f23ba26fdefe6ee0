package sample

import (
	"math"
	"slices"
)

// level is the confidence of every interval, where there are samples enough.
const level = 0.95

// A Series is what was measured of one subject.
type Series struct {
	Seconds []float64 // per step, one entry per round, in the order measured
	Reps    int       // steps that each entry is the mean of
}

// A Summary is a median and the interval that holds the true one.
type Summary struct {
	Median, Lo, Hi float64
	N              int     // samples
	Confidence     float64 // that the true median lies in [Lo, Hi]
}

// Summary returns the median of the seconds per step and its 95 % interval.
//
// The interval lies between two order statistics, as far from either end, and is
// exact for any distribution: the number of samples below the true median is
// binomial. Confidence is the first such probability that is 95 % or more. Fewer
// than six samples have none; then Lo and Hi are their least and greatest, and
// Confidence says how little that is worth. Of an empty series all values are NaN
// and Confidence is 0.
func (s Series) Summary() Summary { return summarize(s.Seconds) }

// Ratio returns the median of a/b over the rounds that both series have, and its
// interval, as [Series.Summary] does. Dividing within the round removes what
// slowed both alike.
func Ratio(a, b Series) (median, lo, hi float64) {
	ratios := make([]float64, min(len(a.Seconds), len(b.Seconds)))
	for i := range ratios {
		ratios[i] = a.Seconds[i] / b.Seconds[i]
	}
	s := summarize(ratios)
	return s.Median, s.Lo, s.Hi
}

func summarize(values []float64) Summary {
	n := len(values)
	if n == 0 {
		return Summary{Median: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	}
	x := slices.Sorted(slices.Values(values))
	median := x[n/2]
	if n%2 == 0 {
		median = x[n/2-1] + (x[n/2]-x[n/2-1])/2
	}
	k, confidence := rank(n)
	return Summary{Median: median, Lo: x[k-1], Hi: x[n-k], N: n, Confidence: confidence}
}

// rank returns the greatest k, but at least 1, for which the k-th least and the
// k-th greatest of n samples enclose the true median with probability level, and
// that probability. Binomial terms are kept as logarithms: 2^-n underflows from
// n = 1,075 on.
func rank(n int) (k int, confidence float64) {
	logTerm := -float64(n) * math.Ln2 // P(no sample below the median)
	tail := math.Exp(logTerm)         // P(fewer than k samples below it)
	for k = 1; ; k++ {
		logTerm += math.Log(float64(n-k+1) / float64(k))
		next := tail + math.Exp(logTerm)
		if 2*next > 1-level {
			return k, 1 - 2*tail
		}
		tail = next
	}
}
