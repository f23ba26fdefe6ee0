package method

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/optbench/optbench/harness/problem"
	"github.com/optbench/optbench/kernels"
)

// krylov is the space that a vector and its products with the Hessian span: orthonormal
// vectors in which the Hessian is tridiagonal (Lanczos 1950), kept orthogonal by brute
// force. Where the products run out of new directions a random one is the next, so that
// with as many vectors as there are dimensions the Hessian is known whole.
type krylov struct {
	*host
	product  *problem.HessianVector
	d, hd    problem.Vector
	random   *rand.Rand
	q        [][]float64 // the vectors
	diagonal []float64
	beside   []float64 // of the diagonal, one element each of which leads to the next vector
	next     []float64 // what the last product has beside all vectors
	free     [][]float64
}

// maxNumbers is how many numbers the vectors of a space may have together.
const maxNumbers = 1 << 28

// roomOfKrylov is what newKrylov takes in memory, for at most that many vectors.
func roomOfKrylov(name string, s problem.Spec, most int) (int64, error) {
	most = min(most, s.Dim)
	if n := float64(most) * float64(s.Dim); n > maxNumbers {
		return 0, fmt.Errorf("%s keeps %d vectors of %d numbers on the host, %.3g GB, want at most %.2g GB; krylov=%d would do",
			name, most, s.Dim, 8e-9*n, 8e-9*maxNumbers, max(1, maxNumbers/s.Dim))
	}
	return roomOfHost(s, most+3) + 4*int64(s.DType.Bytes(s.Dim)), nil
}

func newKrylov(name string, p *problem.Problem, x problem.Vector, most int) (_ *krylov, err error) {
	if _, err := roomOfKrylov(name, p.Spec, most); err != nil {
		return nil, err
	}
	k := &krylov{}
	if k.host, err = newHost(p, x); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	if k.d, err = p.Vector(); err != nil {
		return nil, err
	}
	if k.hd, err = p.Vector(); err != nil {
		return nil, err
	}
	if k.product, err = p.HessianVector(x, k.d, k.hd); err != nil {
		return nil, err
	}
	k.closers = append(k.closers, k.product.Close)
	return k, nil
}

func (k *krylov) Kernels() []string { return append(k.Evaluator.Kernels(), k.product.Kernels()...) }

// multiply sets out to the Hessian over the sample of a step, times d.
func (k *krylov) multiply(st kernels.Step, d, out []float64) error {
	if err := k.put(k.d, d); err != nil {
		return err
	}
	if err := k.product.Step(st); err != nil {
		return err
	}
	k.cost.GradEvals += k.product.Samples()
	k.cost.Bytes += k.product.Bytes()
	return k.get(k.hd, out)
}

// tilt is how far the first vector of a space leans away from what was asked for. So
// the space also finds the lowest eigenvector where that is orthogonal to it, the hard
// case (Carmon, Duchi 2018, arXiv:1806.09222).
const tilt = 1e-3

// toward empties the space and lets it begin with v, leaning at random; v of 0 is any
// direction. What is drawn depends on the seed and the step.
func (k *krylov) toward(st kernels.Step, v []float64) {
	k.free = append(k.free, k.q...)
	if k.next != nil {
		k.free = append(k.free, k.next)
	}
	k.q, k.diagonal, k.beside = k.q[:0], k.diagonal[:0], k.beside[:0]
	k.random = rand.New(rand.NewPCG(k.problem.OwnSeed(), uint64(st.T)))
	k.next = k.vector()
	k.draw(k.next)
	if n := norm(v); n > 0 {
		scale(tilt, k.next)
		axpy(1/n, v, k.next)
	}
	scale(1/norm(k.next), k.next)
}

// vector returns one whose elements may be anything.
func (k *krylov) vector() []float64 {
	if n := len(k.free); n > 0 {
		v := k.free[n-1]
		k.free = k.free[:n-1]
		return v
	}
	return make([]float64, len(k.x))
}

// draw sets v to a random direction of length 1.
func (k *krylov) draw(v []float64) {
	for i := range v {
		v[i] = k.random.NormFloat64()
	}
	scale(1/norm(v), v)
}

// size is how many vectors there are; whole that there can be no more.
func (k *krylov) size() int   { return len(k.q) }
func (k *krylov) whole() bool { return len(k.q) == len(k.x) }

// grow adds a vector, for a product. It reports whether the products are finite.
func (k *krylov) grow(st kernels.Step) (bool, error) {
	q, w := k.next, k.vector()
	k.q = append(k.q, q)
	if err := k.multiply(st, q, w); err != nil {
		return false, err
	}
	size := norm(w)
	if !finite([]float64{size}) {
		k.next = w
		return false, nil
	}
	k.diagonal = append(k.diagonal, dot(q, w))
	rest := k.orthogonalise(w)
	for !k.whole() && !(rest > 1e-12*size) {
		k.draw(w)
		if k.orthogonalise(w) > 1e-3/math.Sqrt(float64(len(w))) {
			rest = 0
			break
		}
	}
	k.beside = append(k.beside, rest)
	if !k.whole() {
		scale(1/norm(w), w)
	}
	k.next = w
	return true, nil
}

// orthogonalise takes from w what it has along the vectors, and returns the length of
// what is left. Twice is enough (Parlett 1998, section 6.9).
func (k *krylov) orthogonalise(w []float64) float64 {
	for range 2 {
		for _, q := range k.q {
			axpy(-dot(q, w), q, w)
		}
	}
	return norm(w)
}

// eigen returns the eigenvalues of the Hessian within the space, the least first, and
// its eigenvectors, in terms of the space's vectors.
func (k *krylov) eigen() ([]float64, *mat.Dense, error) {
	n := k.size()
	t := mat.NewSymDense(n, nil)
	for i, d := range k.diagonal {
		t.SetSym(i, i, d)
		if i > 0 {
			t.SetSym(i-1, i, k.beside[i-1])
		}
	}
	var e mat.EigenSym
	if !e.Factorize(t, true) {
		return nil, nil, fmt.Errorf("the eigenvalues of a Hessian in a space of %d vectors were not found", n)
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	return e.Values(nil), &vectors, nil
}

// combine returns the sum of the vectors times y.
func (k *krylov) combine(y []float64) []float64 {
	out := make([]float64, len(k.x))
	for i, q := range k.q {
		axpy(y[i], q, out)
	}
	return out
}

// A modelStep is where a model of the objective is least in a space.
type modelStep struct {
	y        []float64 // in terms of the space's vectors
	length   float64
	decrease float64 // of the quadratic part, which is above 0
	residual float64 // what is left of the model's gradient in all of space
}

// minimise returns the minimum of the model g's + s'Hs/2, held in check as [secular]
// says.
func (k *krylov) minimise(radius func(mu float64) float64) (modelStep, error) {
	values, vectors, err := k.eigen()
	if err != nil {
		return modelStep{}, err
	}
	n := k.size()
	var c, y mat.VecDense
	g := mat.NewVecDense(n, nil)
	for i, q := range k.q {
		g.SetVec(i, dot(q, k.g))
	}
	c.MulVec(vectors.T(), g)
	along, _ := secular(values, c.RawVector().Data, radius)
	s := modelStep{length: norm(along)}
	for i, a := range along {
		s.decrease -= a * (c.AtVec(i) + values[i]*a/2)
	}
	y.MulVec(vectors, mat.NewVecDense(n, along))
	s.y = y.RawVector().Data
	// Beside the space are what the last product leads to, and a part of g.
	outside := max(0, dot(k.g, k.g)-dot(g.RawVector().Data, g.RawVector().Data))
	s.residual = math.Hypot(k.beside[n-1]*s.y[n-1], math.Sqrt(outside))
	return s, nil
}

// exactEnough is the residual of a model, as a share of |g| and of what the caller asks
// for, at which a space need not grow (Cartis, Gould, Toint 2011, Math. Program. 127,
// p. 245). On a saddle, where |g| is 0, no residual is small enough.
const exactEnough = 0.1

// solve lets the space grow from g until the minimum of the model is known well enough,
// or there are as many vectors as may be. Share says of a step's length to what share of
// |g|: it falls where steps become short, so that they converge faster than linearly. It
// reports whether the products are finite.
func (k *krylov) solve(st kernels.Step, most int, radius, share func(float64) float64) (s modelStep, ok bool, err error) {
	k.toward(st, k.g)
	most = min(most, len(k.x))
	size := norm(k.g)
	for look := 1; ; look += 1 + look/4 {
		for k.size() < min(look, most) {
			if ok, err := k.grow(st); !ok {
				return s, false, err
			}
		}
		if s, err = k.minimise(radius); err != nil {
			return s, false, err
		}
		if k.size() == most || s.residual < exactEnough*size*min(1, share(s.length)) {
			return s, true, nil
		}
	}
}
