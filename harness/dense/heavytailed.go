package dense

import (
	"math"
	"math/rand/v2"

	"github.com/optbench/optbench/kernels"
)

// HeavyTailed is a linear regression with label noise whose variance is infinite
// where Alpha is below 2, on examples drawn for each batch alone:
//
//	f(x) = (x-w)'C(x-w)/2    g = (a.(x-w) - xi) a    a ~ N(0,C)
//
// f is the excess risk in closed form; the value over a batch is the mean of
// (a.(x-w) - xi)^2/2. The eigenvalues of C, a diagonal matrix, fall geometrically
// from 1 to 1/Condition. The noise xi has mean 0, tail index Alpha and scale Noise.
// It is stable (Chambers, Mallows, Stuck 1976), which for Alpha 2 is normal of
// variance 2Noise^2, or Pareto, from Noise on. Skew 1 makes all of the tail
// positive, -1 negative. The first point is 0, w is normal.
type HeavyTailed struct {
	Condition float64 `json:"condition" range:"[1,inf)"`
	Law       string  `json:"law" range:"stable|pareto"`
	Alpha     float64 `json:"alpha" range:"(1,2]"`
	Skew      float64 `json:"skew" range:"[-1,1]"`
	Noise     float64 `json:"noise" range:"[0,inf)"`
}

func (HeavyTailed) Name() string            { return "heavy-tailed" }
func (HeavyTailed) Dim(n int) int           { return max(n, 1) }
func (HeavyTailed) Numbers(dim int) float64 { return 3 * float64(dim) }

type heavyTailed[T kernels.Real] struct {
	HeavyTailed
	whole
	roots, truth []T
	scaled       []T       // a vector times the roots of the eigenvalues
	examples     matrix[T] // of a batch, before they are multiplied by the roots
	weights      matrix[T] // of the examples in a sum
}

func newHeavyTailed[T kernels.Real](s HeavyTailed, dim int, seed uint64) Objective[T] {
	o := &heavyTailed[T]{HeavyTailed: s, whole: whole{dim}, roots: numbers[T](dim), truth: numbers[T](dim), scaled: numbers[T](dim)}
	for i := range o.roots {
		o.roots[i] = T(float32(math.Sqrt(geometric(1, 1/s.Condition, i, dim))))
	}
	normals(o.truth, 1, seed, forTruth)
	return o
}

func (o *heavyTailed[T]) Start(x []T, _ uint64) { clear(x) }
func (o *heavyTailed[T]) Minimum() float64      { return 0 }
func (o *heavyTailed[T]) Facts() Facts          { return Facts{1, 1 / o.Condition} }

func (o *heavyTailed[T]) Value(x []T) float64 {
	o.scale(x, o.truth)
	return product(o.scaled, o.scaled) / 2
}

// scale sets scaled to the roots times x-w.
func (o *heavyTailed[T]) scale(x, w []T) {
	for i, v := range x {
		o.scaled[i] = o.roots[i] * (v - w[i])
	}
}

func (o *heavyTailed[T]) Gradient(x, g []T, s Sample) float64 {
	o.scale(x, o.truth)
	if s.Batch <= 0 {
		for i, v := range o.scaled {
			g[i] = o.roots[i] * v
		}
		return product(o.scaled, o.scaled) / 2
	}
	o.draw(s)
	var sum float64
	for k := range s.Batch {
		r := dot(o.scaled, o.examples.row(k)) - o.noise(source(s.Seed, forLabels, mix(s.Index)+uint64(k)))
		o.weights.data[k] = T(r / float64(s.Batch))
		sum += r * r / 2
	}
	o.combine(g)
	return sum / float64(s.Batch)
}

// draw makes examples those of a batch.
func (o *heavyTailed[T]) draw(s Sample) {
	o.examples.resize(s.Batch, o.dim)
	o.weights.resize(1, s.Batch)
	drawExamples(s, o.examples)
}

// combine sets out to the weighted sum of the examples.
func (o *heavyTailed[T]) combine(out []T) {
	gemm(asIs, asIs, 1, o.weights, o.examples, 0, matrix[T]{1, o.dim, out})
	for i := range out {
		out[i] *= o.roots[i]
	}
}

func (o *heavyTailed[T]) HessianVector(_, d, out []T, s Sample) {
	for i, v := range d {
		o.scaled[i] = o.roots[i] * v
	}
	if s.Batch <= 0 {
		for i, v := range o.scaled {
			out[i] = o.roots[i] * v
		}
		return
	}
	o.draw(s)
	for k := range s.Batch {
		o.weights.data[k] = T(dot(o.scaled, o.examples.row(k)) / float64(s.Batch))
	}
	o.combine(out)
}

func (o *heavyTailed[T]) noise(r *rand.Rand) float64 {
	if o.Law == "pareto" {
		return o.Noise * pareto(r, o.Alpha, o.Skew)
	}
	return o.Noise * stable(r, o.Alpha, o.Skew)
}

// stable draws from the law of mean 0 and scale 1.
func stable(r *rand.Rand, alpha, skew float64) float64 {
	v, w := math.Pi*(open01(r)-0.5), -math.Log(open01(r))
	tail := skew * math.Tan(math.Pi*alpha/2)
	shift := math.Atan(tail) / alpha
	return math.Pow(1+tail*tail, 1/(2*alpha)) * math.Sin(alpha*(v+shift)) / math.Pow(math.Cos(v), 1/alpha) *
		math.Pow(math.Cos(v-alpha*(v+shift))/w, (1-alpha)/alpha)
}

// pareto draws a number of size 1 or more, with a sign, and subtracts its mean.
func pareto(r *rand.Rand, alpha, skew float64) float64 {
	size := math.Pow(open01(r), -1/alpha)
	if 2*r.Float64() >= 1+skew {
		size = -size
	}
	return size - skew*alpha/(alpha-1)
}

// open01 draws from the open interval from 0 to 1.
func open01(r *rand.Rand) float64 { return (float64(r.Uint64()>>12) + 0.5) / (1 << 52) }

var _ = define("regression with heavy-tailed label noise", "Zhang et al. 2020, arXiv:1912.03194", sampled,
	newHeavyTailed[float32], newHeavyTailed[float64],
	HeavyTailed{Condition: 10, Law: "stable", Alpha: 1.5, Skew: 1, Noise: 1},
	HeavyTailed{Condition: 100, Law: "pareto", Alpha: 1.8, Noise: 0.1})
