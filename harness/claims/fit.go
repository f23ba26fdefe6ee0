package claims

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/optbench/optbench/harness/measure"
)

// line returns the slope of y over x with the 95 % interval that the residuals leave.
func line(x, y []float64) Estimate {
	origin, slope := stat.LinearRegression(x, y, nil, false)
	mean := stat.Mean(x, nil)
	var residual, spread float64
	for i := range x {
		r := y[i] - origin - slope*x[i]
		residual += r * r
		spread += (x[i] - mean) * (x[i] - mean)
	}
	free := float64(len(x) - 2)
	if free <= 0 {
		return exactly(slope)
	}
	half := distuv.StudentsT{Sigma: 1, Nu: free}.Quantile(0.975) * math.Sqrt(residual/free/spread)
	return Estimate{slope, slope - half, slope + half}
}

// exponent is the slope on logarithmic scales.
func exponent(x, y []float64) Estimate { return line(logs(x), logs(y)) }

func logs(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Log(v)
	}
	return out
}

const resamples = 1000

// bootstrap returns what statistic makes of all runs, with the 2.5 % and 97.5 % points
// of what it makes of as many runs drawn from them. It passes on their numbers.
func bootstrap(runs int, seed uint64, statistic func(runs []int) float64) Estimate {
	draw := make([]int, runs)
	for i := range draw {
		draw[i] = i
	}
	e := Estimate{Value: statistic(draw)}
	rng := rand.New(rand.NewPCG(seed, uint64(runs)))
	values := make([]float64, resamples)
	for k := range values {
		for i := range draw {
			draw[i] = rng.IntN(runs)
		}
		values[k] = statistic(draw)
	}
	slices.SortFunc(values, cmp.Compare)
	const tail = resamples / 40
	e.Lo, e.Hi = values[tail], values[resamples-1-tail]
	return e
}

// decay is the exponent, over x, of the mean over runs of curves[run], with an interval
// over runs.
func decay(x []float64, curves [][]float64, seed uint64) Estimate {
	at := logs(x)
	mean := make([]float64, len(x))
	return bootstrap(len(curves), seed, func(runs []int) float64 {
		clear(mean)
		for _, r := range runs {
			for k, v := range curves[r] {
				mean[k] += v
			}
		}
		_, slope := stat.LinearRegression(at, logs(mean), nil, false)
		return slope
	})
}

// meanOf is the mean of values, one of each run.
func meanOf(values []float64, seed uint64) Estimate {
	return bootstrap(len(values), seed, func(runs []int) float64 {
		sum := 0.0
		for _, r := range runs {
			sum += values[r]
		}
		return sum / float64(len(runs))
	})
}

// share is the probability of what k of n runs did, with Wilson's interval.
func share(k, n int) Estimate {
	lo, hi := measure.Wilson(k, n)
	return Estimate{float64(k) / float64(n), lo, hi}
}

// slope is that of y over x, by least squares.
func slope(x, y []float64) float64 {
	_, b := stat.LinearRegression(x, y, nil, false)
	return b
}
