package method

import (
	"math"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// jacobi returns f of a symmetric matrix, by rotations that make it diagonal (Jacobi
// 1846).
func jacobi(a [][]float64, f func(float64) float64) [][]float64 {
	n := len(a)
	v := make([][]float64, n)
	for i := range v {
		a[i] = append([]float64(nil), a[i]...)
		v[i] = make([]float64, n)
		v[i][i] = 1
	}
	for range 30 {
		for p := range n {
			for q := p + 1; q < n; q++ {
				if a[p][q] == 0 {
					continue
				}
				sin, cos := math.Sincos(math.Atan2(2*a[p][q], a[q][q]-a[p][p]) / 2)
				for k := range n {
					a[k][p], a[k][q] = cos*a[k][p]-sin*a[k][q], sin*a[k][p]+cos*a[k][q]
					v[k][p], v[k][q] = cos*v[k][p]-sin*v[k][q], sin*v[k][p]+cos*v[k][q]
				}
				for k := range n {
					a[p][k], a[q][k] = cos*a[p][k]-sin*a[q][k], sin*a[p][k]+cos*a[q][k]
				}
			}
		}
	}
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, n)
		for j := range out[i] {
			for k := range n {
				out[i][j] += v[i][k] * f(max(0, a[k][k])) * v[j][k]
			}
		}
	}
	return out
}

// plain is a full-matrix method as its paper has it: from the sum or the mean of gg',
// the mean of g, and g, the step.
type plain struct {
	matrix [][]float64
	mean   []float64
	keep   float64 // of the matrix
	weight float64 // of gg'
	beta1  float64
}

func (p *plain) step(t int, g []float64, f func(float64) float64) []float64 {
	n := len(g)
	if p.matrix == nil {
		p.mean = make([]float64, n)
		for range n {
			p.matrix = append(p.matrix, make([]float64, n))
		}
	}
	for i := range g {
		p.mean[i] = p.beta1*p.mean[i] + (1-p.beta1)*g[i]
		for j := range g {
			p.matrix[i][j] = p.keep*p.matrix[i][j] + p.weight*g[i]*g[j]
		}
	}
	inverse, step := jacobi(append([][]float64(nil), p.matrix...), f), make([]float64, n)
	for i := range step {
		for j := range g {
			step[i] += inverse[i][j] * p.mean[j] / (1 - math.Pow(p.beta1, float64(t)))
		}
	}
	return step
}

// TestFullMatrix: every method takes the steps of its formulas, computed in plain loops
// with another way to the root of a matrix.
func TestFullMatrix(t *testing.T) {
	const lr, eps = 0.1, 1e-3
	for _, c := range []struct {
		method Method
		plain  plain
		f      func(t int, eigenvalue float64) float64
	}{
		{FullAdagrad{Eps: eps}, plain{keep: 1, weight: 1},
			func(_ int, l float64) float64 { return 1 / (eps + math.Sqrt(l)) }},
		{FullAdam{Beta1: 0.8, Beta2: 0.9, Eps: eps}, plain{keep: 0.9, weight: 0.1, beta1: 0.8},
			func(t int, l float64) float64 { return 1 / (math.Sqrt(l/(1-math.Pow(0.9, float64(t)))) + eps) }},
		{PreconditionedSGD{Beta: 0.9, Eps: eps, BurnIn: 2}, plain{keep: 0.9, weight: 0.1},
			func(t int, l float64) float64 {
				if t <= 2 {
					return 0
				}
				return 1 / math.Sqrt(l+eps)
			}},
	} {
		r := begin[float64](t, "cpu:go", 1, in[float64](t, "logistic", 6), 1, c.method, lr)
		want := r.at()
		g, err := r.Vector()
		check(t, err)
		e, err := r.Evaluator(r.x, g)
		check(t, err)
		slope := make([]float64, len(want))
		for i := 1; i <= 25; i++ {
			check(t, e.Step(kernels.At(i))) // at the method's point
			check(t, backend.Get(g.Buffer, slope))
			axpy(-lr, c.plain.step(i, slope, func(l float64) float64 { return c.f(i, l) }), want)
			r.step()
			off := r.at()
			axpy(-1, want, off)
			if norm(off) > 1e-8*norm(want) {
				t.Fatalf("%s: after step %d the point is off by %.2g of %.2g", Format(c.method), i, norm(off), norm(want))
			}
		}
		check(t, e.Close())
	}
}

// TestRotation: on a rotated quadratic the full matrix gives the values that it gives on
// the axes of the quadratic. The diagonal does not.
func TestRotation(t *testing.T) {
	const steps, lr, eps = 30, 0.3, 1e-8
	s := in[float64](t, "rotated:condition=100:reflections=3", 10)
	full := begin[float64](t, "cpu:go", 1, s, 1, FullAdagrad{Eps: eps}, lr)
	diagonal := begin[float64](t, "cpu:go", 1, s, 1, named(t, "adagrad:eps=1e-8"), lr)

	// The axes and what is along them, by a space as large as the whole.
	k, err := newKrylov("", full.Problem, full.x, s.Dim)
	check(t, err)
	st := kernels.At(1)
	check(t, k.Evaluate(st))
	_, err = k.begin()
	check(t, err)
	k.toward(st, k.g)
	for !k.whole() {
		_, err := k.grow(st)
		check(t, err)
	}
	values, vectors, err := k.eigen()
	check(t, err)
	first := make([]float64, s.Dim)
	for j := range first {
		for i, q := range k.q {
			first[j] += vectors.At(i, j) * dot(q, k.x)
		}
	}
	check(t, k.Close())

	along, alongDiagonal, sums := append([]float64(nil), first...), append([]float64(nil), first...), make([]float64, s.Dim)
	matrix := plain{keep: 1, weight: 1}
	slope := make([]float64, s.Dim)
	value := func(y []float64) (v float64) {
		for i := range y {
			v += values[i] * y[i] * y[i] / 2
		}
		return v
	}
	differs := 0.0
	for i := 1; i <= steps; i++ {
		for j := range slope {
			slope[j] = values[j] * along[j]
		}
		axpy(-lr, matrix.step(i, slope, func(l float64) float64 { return 1 / (eps + math.Sqrt(l)) }), along)
		for j := range sums {
			g := values[j] * alongDiagonal[j]
			sums[j] += g * g
			alongDiagonal[j] -= lr * g / (math.Sqrt(sums[j]) + eps)
		}
		full.step()
		diagonal.step()
		if got, want := full.value(), value(along); math.Abs(got-want) > 1e-4*want {
			t.Fatalf("after step %d of full-adagrad the value is %v, on the axes %v", i, got, want)
		}
		got, want := diagonal.value(), value(alongDiagonal)
		differs = max(differs, math.Abs(got-want)/want)
	}
	if differs < 0.2 {
		t.Errorf("rotation changed values of the diagonal adagrad by a share of %.2g at most, which tells nothing", differs)
	}
}
