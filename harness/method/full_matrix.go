package method

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/optbench/optbench/harness/problem"
)

// fullMatrix is a symmetric matrix of sums of gg', which a method keeps whole and
// decomposes every step.
type fullMatrix struct {
	*host
	sum     *state // row by row
	values  []float64
	vectors mat.Dense
}

// maxFull is the largest dimension of a full matrix: its decomposition takes time as
// the cube, and there seconds a step.
const maxFull = 1024

// roomOfMatrix is what newFullMatrix takes in memory, with the place to decompose it.
func roomOfMatrix(name string, s problem.Spec, vectors int) (int64, error) {
	n := int64(s.Dim)
	if n > maxFull {
		return 0, fmt.Errorf("%s keeps a matrix of %d x %d numbers, %.3g GB, and decomposes it every step; want a dimension of at most %d",
			name, n, n, 8e-9*float64(n)*float64(n), maxFull)
	}
	return roomOfHost(s, vectors) + 5*8*n*n, nil
}

func newFullMatrix(name string, p *problem.Problem, x problem.Vector) (*fullMatrix, error) {
	if _, err := roomOfMatrix(name, p.Spec, 0); err != nil {
		return nil, err
	}
	h, err := newHost(p, x)
	if err != nil {
		return nil, err
	}
	m := &fullMatrix{host: h}
	if m.sum, err = h.state(x.Len() * x.Len()); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return m, nil
}

// add makes the matrix keep*M + weight*gg'.
func (m *fullMatrix) add(keep, weight float64) {
	n := len(m.g)
	for i, gi := range m.g {
		row := m.sum.v[i*n : (i+1)*n]
		for j, gj := range m.g {
			row[j] = keep*row[j] + weight*(gi*gj)
		}
	}
}

// decompose makes the matrix ready for [fullMatrix.apply].
func (m *fullMatrix) decompose() error {
	n := len(m.g)
	if !finite(m.sum.v) {
		return errors.New("a product of gradients is beyond float64")
	}
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(n, m.sum.v), true) {
		return fmt.Errorf("the eigenvalues of a matrix of %d x %d were not found", n, n)
	}
	m.values = e.Values(m.values)
	e.VectorsTo(&m.vectors)
	return nil
}

// apply returns f(M) v, in which eigenvalues that rounding made negative are 0.
func (m *fullMatrix) apply(f func(eigenvalue float64) float64, v []float64) []float64 {
	n := len(v)
	var along, out mat.VecDense
	along.MulVec(m.vectors.T(), mat.NewVecDense(n, v))
	for i, l := range m.values {
		along.SetVec(i, f(max(0, l))*along.AtVec(i))
	}
	out.MulVec(&m.vectors, &along)
	return out.RawVector().Data
}

func (m *fullMatrix) Kernels() []string {
	return append(m.Evaluator.Kernels(), "host/full-matrix_f64")
}
