package dense

import (
	"math"
	"math/rand/v2"

	"github.com/optbench/optbench/kernels"
)

// What is drawn for one purpose does not depend on what is drawn for another.
type purpose uint64

const (
	forStart purpose = iota
	forData
	forTruth // what a model is to find
	forLabels
	forRotation
	forBatch
	forLayers
)

// layerStart and layerTruth are for a layer's first weights and for those to find.
func layerStart(i int) purpose { return forLayers + 2*purpose(i) }
func layerTruth(i int) purpose { return forLayers + 2*purpose(i) + 1 }

// source returns the generator of stream k of a purpose.
func source(seed uint64, p purpose, k uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed), mix(mix(uint64(p))+k)))
}

// source returns the generator of example k of a batch.
func (s Sample) source(k int) *rand.Rand { return source(s.Seed, forBatch, mix(s.Index)+uint64(k)) }

// choose fills into with a batch of examples out of n.
func (s Sample) choose(n int, into []int) []int {
	into = into[:0]
	r := s.source(0)
	for range s.Batch {
		into = append(into, int(r.Uint64N(uint64(n))))
	}
	return into
}

// drawExamples fills the rows of m with the examples of a batch: independent normal
// numbers.
func drawExamples[T kernels.Real](s Sample, m matrix[T]) {
	split(m.rows, 1+grain/4/m.cols, func(_, lo, hi int) float64 {
		for k := lo; k < hi; k++ {
			r := s.source(k)
			for j := range m.row(k) {
				m.row(k)[j] = T(float32(r.NormFloat64()))
			}
		}
		return 0
	})
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014), a permutation
// that makes neighbours unlike: seeds are mostly small numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// normals fills x with independent normal numbers of standard deviation scale,
// rounded to float32.
func normals[T kernels.Real](x []T, scale float64, seed uint64, p purpose) {
	split(len(x), 4096, func(piece, lo, hi int) float64 {
		r := source(seed, p, uint64(piece))
		for i := lo; i < hi; i++ {
			x[i] = T(float32(scale * r.NormFloat64()))
		}
		return 0
	})
}

// geometric returns element i of n numbers from high down to low whose ratios are
// equal.
func geometric(high, low float64, i, n int) float64 {
	if n == 1 {
		return high
	}
	return high * math.Pow(low/high, float64(i)/float64(n-1))
}

// orthogonal returns random orthogonal rows of length 1, no more than columns.
func orthogonal(rows, cols int, seed uint64, p purpose) matrix[float64] {
	m := newMatrix[float64](rows, cols)
	normals(m.data, 1, seed, p)
	for k := range rows {
		row := m.row(k)
		for range 2 { // what the first pass leaves is rounding, the second takes it away
			for j := range k {
				axpy(-dot(row, m.row(j)), m.row(j), row)
			}
		}
		scale := 1 / math.Sqrt(product(row, row))
		for i := range row {
			row[i] *= scale
		}
	}
	return m
}
