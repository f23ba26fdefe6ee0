package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// A classification has normal examples and, for each, the probabilities of the
// classes.
type classification[T kernels.Real] struct {
	inputs  matrix[T]
	targets matrix[float64]

	chosen   []int     // the batch at hand
	gathered matrix[T] // its inputs
}

func newClassification[T kernels.Real](examples, features, classes int, seed uint64) classification[T] {
	o := classification[T]{inputs: newMatrix[T](examples, features), targets: newMatrix[float64](examples, classes)}
	normals(o.inputs.data, 1, seed, forData)
	return o
}

// batch returns the inputs of a sample, and makes its targets those of divergence.
func (o *classification[T]) batch(s Sample) matrix[T] {
	if o.chosen = o.chosen[:0]; s.Batch <= 0 {
		return o.inputs
	}
	o.chosen = s.choose(o.inputs.rows, o.chosen)
	o.gathered.resize(s.Batch, o.inputs.cols)
	for i, k := range o.chosen {
		copy(o.gathered.row(i), o.inputs.row(k))
	}
	return o.gathered
}

// target returns the probabilities of example i of the batch at hand.
func (o *classification[T]) target(i int) []float64 {
	if len(o.chosen) > 0 {
		i = o.chosen[i]
	}
	return o.targets.row(i)
}

// divergence returns the mean over the batch at hand of the Kullback-Leibler
// divergence of what a model says from the targets, which for labels is the cross
// entropy, and turns the model's logits into the derivatives.
func (o *classification[T]) divergence(logits matrix[T]) float64 {
	n := float64(logits.rows)
	return split(logits.rows, 1+grain/64/logits.cols, func(_, lo, hi int) float64 {
		var sum float64
		logs := make([]float64, logits.cols)
		for i := lo; i < hi; i++ {
			z := logits.row(i)
			logSoftmax(z, logs)
			for c, t := range o.target(i) {
				q := math.Exp(logs[c])
				sum += divergence(t, q, logs[c])
				z[c] = T((q - t) / n)
			}
		}
		return sum
	}) / n
}

// divergence returns t*log(t/q) - t + q: summed over probabilities it is theirs,
// and no term is below zero. It keeps its digits where q is near t.
func divergence(t, q, logQ float64) float64 {
	if t == 0 {
		return q
	}
	if r := (q - t) / t; math.Abs(r) < 0.1 {
		return t * max(0, r-math.Log1p(r))
	}
	return t*(math.Log(t)-logQ) - t + q
}

// logSoftmax sets logs to the logarithms of the probabilities whose logits are z.
func logSoftmax[T kernels.Real](z []T, logs []float64) {
	highest := float64(z[0])
	for _, v := range z {
		highest = max(highest, float64(v))
	}
	var sum float64
	for c, v := range z {
		logs[c] = float64(v) - highest
		sum += math.Exp(logs[c])
	}
	sum = math.Log(sum)
	for c := range logs {
		logs[c] -= sum
	}
}

// teach makes the targets the probabilities that logits say.
func (o *classification[T]) teach(logits matrix[float64]) {
	for i := range logits.rows {
		p := o.targets.row(i)
		logSoftmax(logits.row(i), p)
		for c := range p {
			p[c] = math.Exp(p[c])
		}
	}
}

// label replaces the targets by labels drawn with their probabilities.
func (o *classification[T]) label(seed uint64) {
	r := source(seed, forLabels, 0)
	for i := range o.targets.rows {
		p := o.targets.row(i)
		y, rest := 0, r.Float64()-p[0]
		for rest >= 0 && y < len(p)-1 {
			y++
			rest -= p[y]
		}
		clear(p)
		p[y] = 1
	}
}
