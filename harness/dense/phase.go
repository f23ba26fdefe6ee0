package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// Phase is the retrieval of a vector from the sizes of its products with normal
// vectors:
//
//	f(x) = mean_i ((a_i.x)^2 - (a_i.w)^2)^2/4    for Ratio*dim examples
//
// The minima, of value 0, are at +-w, a unit vector; the origin is a local maximum
// and most directions lead to saddles. The first point is a tenth of a unit vector.
type Phase struct {
	Ratio float64 `json:"ratio" range:"[1,inf)"`
}

func (Phase) Name() string  { return "phase" }
func (Phase) Dim(n int) int { return max(n, 1) }
func (s Phase) Numbers(dim int) float64 {
	return linearNumbers(s.Ratio*float64(dim), false, dim)
}

func newPhase[T kernels.Real](s Phase, dim int, seed uint64) Objective[T] {
	o := newLinear[T](dim, int(math.Ceil(s.Ratio*float64(dim))), phase, 0)
	o.spread(1, seed)
	o.minimum = func() float64 { return 0 }
	w := numbers[T](dim)
	normals(w, 1/math.Sqrt(float64(dim)), seed, forTruth)
	for i := range o.labels {
		z := dot(w, o.examples.row(i))
		o.labels[i] = z * z
	}
	o.start = 0.1
	return o
}

func phase(z, y float64) (value, first, second float64) {
	r := z*z - y
	return r * r / 4, r * z, 3*z*z - y
}

var _ = define("phase retrieval", "Candes, Li, Soltanolkotabi 2015, arXiv:1407.1065; Sun, Qu, Wright 2018, arXiv:1602.06664", sampled,
	newPhase[float32], newPhase[float64],
	Phase{Ratio: 8}, Phase{Ratio: 4})
