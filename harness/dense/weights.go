package dense

import (
	"math"

	"github.com/optbench/optbench/kernels"
)

// The initialisations of the weights of a layer, by name; biases begin at 0:
//
//	zeros    0: every unit of a layer then remains like every other
//	scaled   normal, standard deviation 0.01 (Krizhevsky, Sutskever, Hinton 2012)
//	xavier   normal, variance 2/(inputs+outputs) (Glorot, Bengio 2010)
//	he       normal, variance 2/inputs (He et al. 2015, arXiv:1502.01852)
func initialise[T kernels.Real](init string, w matrix[T], seed uint64, p purpose) {
	var deviation float64
	switch init {
	case "scaled":
		deviation = 0.01
	case "xavier":
		deviation = math.Sqrt(2 / float64(w.rows+w.cols))
	case "he":
		deviation = math.Sqrt(2 / float64(w.cols))
	}
	normals(w.data, deviation, seed, p)
}
