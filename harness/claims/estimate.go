package claims

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/optbench/optbench/harness/measure"
)

// Slope fits a line by least squares, and returns its slope with the 95 % interval of
// independent errors of one size. Of fewer than three points there is none: it is NaN.
func Slope(x, y []float64) (slope float64, ci [2]float64) {
	n := float64(len(x))
	if len(x) < 3 || len(x) != len(y) {
		return math.NaN(), [2]float64{math.NaN(), math.NaN()}
	}
	var mx, my float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	slope = sxy / sxx
	var rest float64
	for i := range x {
		e := y[i] - my - slope*(x[i]-mx)
		rest += e * e
	}
	half := studentT(n-2) * math.Sqrt(rest/(n-2)/sxx)
	return slope, [2]float64{slope - half, slope + half}
}

// studentT is the 97.5 % quantile of Student's distribution.
func studentT(freedom float64) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile(0.975)
}

// LogLog is [Slope] of the logarithms: the exponent of a power law.
func LogLog(x, y []float64) (slope float64, ci [2]float64) { return Slope(logs(x), logs(y)) }

func logs(x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = math.Log(x[i])
	}
	return out
}

// resamples are drawn for an interval by bootstrap.
const resamples = 1000

// Bootstrap returns a statistic of all runs of n seeds, and its 95 % interval over
// resampled seeds: of is called with indices of runs, so that what belongs to one seed
// stays together.
func Bootstrap(l *Lab, n int, of func(runs []int) float64) (value float64, ci [2]float64) {
	random := rand.New(rand.NewPCG(l.Seed(-1), 0))
	runs := indices(n)
	value = of(runs)
	values := make([]float64, resamples)
	for k := range values {
		for i := range runs {
			runs[i] = random.IntN(n)
		}
		values[k] = of(runs)
	}
	slices.Sort(values)
	// An interval without its value would be of another statistic: skew can do that.
	return value, [2]float64{min(value, values[resamples/40]), max(value, values[resamples-1-resamples/40])}
}

// MeanOf is the mean of a column of runs, for [Bootstrap].
func MeanOf(runs []int, column func(run int) float64) float64 {
	var sum float64
	for _, r := range runs {
		sum += column(r)
	}
	return sum / float64(len(runs))
}

// bySeed cuts what [Map] gave for n experiments of every seed into a row for each.
func bySeed(values []float64, n int) [][]float64 { return slices.Collect(slices.Chunk(values, n)) }

// meansOf are the means of every column of some rows.
func meansOf(rows [][]float64, runs []int) []float64 {
	out := make([]float64, len(rows[0]))
	for k := range out {
		out[k] = MeanOf(runs, func(r int) float64 { return rows[r][k] })
	}
	return out
}

// exponent is that of x in the means of the columns of rows, one row for each seed:
// rows[run][k] belongs to x[k].
func exponent(l *Lab, x []float64, rows [][]float64) (slope float64, ci [2]float64, means []float64) {
	slope, ci = Bootstrap(l, len(rows), func(runs []int) float64 {
		slope, _ := LogLog(x, meansOf(rows, runs))
		return slope
	})
	return slope, ci, meansOf(rows, indices(len(rows)))
}

// indices are 0 to n-1: all runs, where a resample is some of them.
func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func floats(x []int) []float64 {
	var out []float64
	for _, v := range x {
		out = append(out, float64(v))
	}
	return out
}

// farthest is the one of some numbers that is farthest from x.
func farthest(numbers []float64, x float64) float64 {
	return slices.MaxFunc(numbers, func(a, b float64) int { return cmp.Compare(math.Abs(a-x), math.Abs(b-x)) })
}

// Share is a proportion with its interval by Wilson.
func Share(k, n int) (value float64, ci [2]float64) {
	lo, hi := measure.Wilson(k, n)
	return float64(k) / float64(n), [2]float64{lo, hi}
}
