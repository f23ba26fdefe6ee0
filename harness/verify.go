package harness

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"unsafe"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// randomUnits is how many units of a case are checked besides the first and
// the last.
const randomUnits = 16

// verify steps the plan of a copy once and holds it against the definition: the
// first unit, the last and some at random. An update with norms is checked in
// every tensor, for a unit tells whether the norm of its tensor was right.
// No figure is recorded for a plan that fails.
func (bn *bench) verify(c *benchCopy, clip float64) error {
	if bn.form.Wide() {
		return verify[float64](bn, c, clip)
	}
	return verify[float32](bn, c, clip)
}

// A unitRef is a unit of a tensor.
type unitRef struct{ tensor, unit int }

func verify[T kernels.Real](bn *bench, c *benchCopy, clip float64) error {
	st := kernels.At(1)
	coef := bn.update.Coef(st)
	if err := scaleByNorms[T](bn, c, clip, &coef); err != nil {
		return err
	}
	units := bn.sampleUnits()
	want, err := expect[T](bn, c, units, coef)
	if err != nil {
		return err
	}
	if err := c.plan.Step(st); err != nil {
		return err
	}
	for _, u := range units {
		got, err := readUnit[T](bn, c, u)
		if err != nil {
			return err
		}
		for s := range got {
			for i := range got[s] {
				if g, w := got[s][i], want[u][s][i]; bitsOf(g) != bitsOf(w) && (g == g || w == w) {
					return fmt.Errorf("%v computes another result than the definition of %s: tensor %d, element %d of %s is %v, want %v",
						c.plan.Kernels(), bn.update.Name(), u.tensor, u.unit*kernels.Unit+i, bn.form.ArrayName(s), g, w)
				}
			}
		}
	}
	return nil
}

// expect returns the slots of every unit after a step by the definition.
func expect[T kernels.Real](bn *bench, c *benchCopy, units []unitRef, coef kernels.Coef) (map[unitRef][][]T, error) {
	f := bn.form
	want := map[unitRef][][]T{}
	scalars := map[int]float64{}
	for _, u := range units {
		slots, err := readUnit[T](bn, c, u)
		if err != nil {
			return nil, err
		}
		if f.Scalar != nil {
			if _, ok := scalars[u.tensor]; !ok {
				sums, err := tensorSums[T](f, &coef, c.tensors[u.tensor].Slots)
				if err != nil {
					return nil, err
				}
				scalars[u.tensor] = f.Scalar(&coef, sums)
			}
			coef[kernels.CoefTensor] = scalars[u.tensor]
			kernels.RunPass(f, 0, &coef, slots) // for the states that it writes
		}
		kernels.RunPass(f, len(f.Passes)-1, &coef, slots)
		want[u] = slots
	}
	return want, nil
}

// scaleByNorms multiplies the factor on gradients by what clipping, and then
// the update itself, make of the global norm.
func scaleByNorms[T kernels.Real](bn *bench, c *benchCopy, clip float64, coef *kernels.Coef) error {
	var maps []kernels.Map
	if clip > 0 {
		maps = append(maps, kernels.ClipNorm{Max: clip})
	}
	if s, ok := bn.update.(kernels.Scaler); ok && s.Scale() != nil {
		maps = append(maps, s.Scale())
	}
	for _, m := range maps {
		var total float64
		for _, t := range c.tensors {
			norm := kernels.SquaredNorm.Form(bn.form.Types[1:2])
			sums, err := tensorSums[T](norm, coef, t.Slots[1:2])
			if err != nil {
				return err
			}
			total += sums[0]
		}
		mc := m.Coef(kernels.At(1))
		coef[kernels.CoefGrad] *= kernels.Eval(m, &mc, []float64{total})
	}
	return nil
}

// tensorSums is kernels.PassSums of the first pass over a tensor in a backend, read in parts that
// are summed on all cores.
func tensorSums[T kernels.Real](f *kernels.Stored, coef *kernels.Coef, slots []backend.Buffer) ([]float64, error) {
	const part = 256 * kernels.Unit
	n := slots[0].Len()
	parts := make([][]T, (n+part-1)/part)
	var wg sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range parts {
		values, err := readSlots[T](slots, i*part, min((i+1)*part, n))
		if err != nil {
			wg.Wait()
			return nil, err
		}
		free <- struct{}{}
		wg.Go(func() {
			parts[i] = kernels.UnitSums(f, 0, coef, values)
			<-free
		})
	}
	wg.Wait()
	var units []T
	for _, s := range parts {
		units = append(units, s...)
	}
	sums := make([]float64, f.Passes[0].Sums)
	for k := range sums {
		sums[k] = kernels.Total(units, len(sums), k)
	}
	return sums, nil
}

func readUnit[T kernels.Real](bn *bench, c *benchCopy, u unitRef) ([][]T, error) {
	from := u.unit * kernels.Unit
	return readSlots[T](c.tensors[u.tensor].Slots, from, min(from+kernels.Unit, bn.sizes[u.tensor]))
}

func readSlots[T kernels.Real](slots []backend.Buffer, from, to int) ([][]T, error) {
	out := make([][]T, len(slots))
	for s, b := range slots {
		var err error
		if out[s], err = read[T](b.Slice(from, to)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sampleUnits draws the units to check, each once.
func (bn *bench) sampleUnits() []unitRef {
	rng := rand.New(rand.NewPCG(uint64(len(bn.sizes)), uint64(bn.sizes[0])))
	seen := map[unitRef]bool{}
	var out []unitRef
	add := func(tensor, unit int) {
		if u := (unitRef{tensor, unit}); !seen[u] {
			seen[u] = true
			out = append(out, u)
		}
	}
	last := len(bn.sizes) - 1
	add(0, 0)
	add(last, kernels.Units(bn.sizes[last])-1)
	for range randomUnits {
		t := rng.IntN(len(bn.sizes))
		add(t, rng.IntN(kernels.Units(bn.sizes[t])))
	}
	if bn.form.Scalar != nil {
		for t, n := range bn.sizes {
			add(t, rng.IntN(kernels.Units(n)))
		}
	}
	return out
}

// bitsOf tells -0 from +0, which == does not.
func bitsOf[T kernels.Real](x T) uint64 {
	if unsafe.Sizeof(x) == 4 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(float64(x))
}
