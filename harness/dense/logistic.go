package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// Logistic is the regression of two classes on synthetic examples, with a penalty:
//
//	f(x) = mean_i log(1 + exp(-y_i a_i.x)) + Decay*|x|^2/2
//
// The a_i are normal; the variances of their coordinates fall geometrically from 1
// to 1/Condition. A label is 1 with the probability that the model w gives it, and
// -1 otherwise; a.w has the standard deviation Margin. The first point is 0.
type Logistic struct {
	Examples  int     `json:"examples" range:"[1,1e9]"`
	Condition float64 `json:"condition" range:"[1,inf)"`
	Margin    float64 `json:"margin" range:"[0,inf)"`
	Decay     float64 `json:"decay" range:"(0,inf)"`
}

func (Logistic) Name() string              { return "logistic" }
func (Logistic) Dim(n int) int             { return max(n, 1) }
func (s Logistic) Numbers(dim int) float64 { return linearNumbers(float64(s.Examples), true, dim) }

func newLogistic[T kernels.Real](s Logistic, dim int, seed uint64) Objective[T] {
	o := newLinear[T](dim, s.Examples, logistic, s.Decay)
	o.spread(s.Condition, seed)
	// The coordinates of w are such that each adds as much to the variance of a.w.
	w := numbers[T](dim)
	normals(w, 1, seed, forTruth)
	for j := range w {
		w[j] = T(float32(float64(w[j]) * s.Margin / math.Sqrt(float64(dim)*geometric(1, 1/s.Condition, j, dim))))
	}
	r := source(seed, forLabels, 0)
	for i := range o.labels {
		o.labels[i] = math.Copysign(1, 1/(1+math.Exp(-dot(w, o.examples.row(i))))-r.Float64())
	}
	o.facts = Facts{moment(o.examples, seed)/4 + s.Decay, s.Decay}
	o.minimum = once(func() Curved[float64] { return newLogistic[float64](s, dim, seed).(Curved[float64]) })
	return o
}

func logistic(z, y float64) (value, first, second float64) {
	e := math.Exp(-math.Abs(z)) // does not overflow
	p := 1 / (1 + e)            // of the likelier class
	if y*z > 0 {
		return math.Log1p(e), -y * (e * p), e * p * p
	}
	return math.Log1p(e) - y*z, -y * p, e * p * p
}

var _ = define("logistic regression on synthetic examples", "Cox 1958; Bottou, Curtis, Nocedal 2018, arXiv:1606.04838", sampled,
	newLogistic[float32], newLogistic[float64],
	Logistic{Examples: 2048, Condition: 100, Margin: 3, Decay: 1e-3}, Logistic{Examples: 50, Condition: 1, Margin: 1, Decay: 0.1})
