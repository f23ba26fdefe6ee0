package kernels

// NormalizedGD is gradient descent along the unit gradient,
// p -= lr * g/(|g| + eps) (Zhang, He, Sra, Jadbabaie, ICLR 2020,
// arXiv:1905.11881, section 3; Levy 2016, arXiv:1611.04831).
//
// The norm is taken over all gradients of the group. A gradient of zero moves
// nothing, whatever eps; where the norm is not finite the step is skipped.
type NormalizedGD struct {
	LR  float64 `json:"lr" range:"[0,inf)"`
	Eps float64 `json:"eps" range:"[0,inf)"`
}

func (NormalizedGD) Name() string       { return "normalized-gd" }
func (NormalizedGD) Kernel() *Kernel    { return sgdKernel }
func (u NormalizedGD) Coef(s Step) Coef { return SGD{LR: u.LR}.Coef(s) }
func (u NormalizedGD) Scale() Map       { return InverseNorm{Eps: u.Eps} }

var _ = define(Definition{
	Name:   "normalized-gd",
	Title:  "gradient descent along the unit gradient",
	Source: "Levy 2016, arXiv:1611.04831",
	Cases:  []Update{NormalizedGD{LR: 1e-2, Eps: 1e-8}, NormalizedGD{LR: 1e-1}},
})
