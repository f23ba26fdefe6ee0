package dense

import (
	"fmt"
	"testing"

	"github.com/optbench/optbench/kernels"
)

// BenchmarkGradient is of the default of every definition: the whole objective, and
// a batch of 32.
func BenchmarkGradient(b *testing.B) {
	for _, d := range All() {
		for _, n := range []int{1000, 1000000} {
			dim := d.Cases[0].Dim(n)
			if d.Cases[0].Numbers(dim) > 2e8 {
				continue
			}
			benchmark[float32](b, "f32", d.Cases[0], dim)
			benchmark[float64](b, "f64", d.Cases[0], dim)
		}
	}
}

func benchmark[T kernels.Real](b *testing.B, dtype string, s Spec, dim int) {
	for _, batch := range []int{0, 32} {
		b.Run(fmt.Sprintf("%s/dim=%d/dtype=%s/batch=%d", s.Name(), dim, dtype, batch), func(b *testing.B) {
			o, err := New[T](s, dim, 1)
			if err != nil {
				b.Fatal(err)
			}
			x, g := make([]T, dim), make([]T, dim)
			o.Start(x, 1)
			for i := 0; b.Loop(); i++ {
				o.Gradient(x, g, Sample{Index: uint64(i), Batch: batch})
			}
		})
	}
}
