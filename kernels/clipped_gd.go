package kernels

// ClippedGD is gradient descent with its step limited by the global norm,
// p -= min(lr, lr*max_norm/|g|) * g (Zhang, He, Sra, Jadbabaie, "Why gradient
// clipping accelerates training", ICLR 2020, arXiv:1905.11881).
//
// The norm is taken over all gradients of the group. Where it is zero the
// factor is lr; where it is not finite the step is skipped.
type ClippedGD struct {
	LR      float64 `json:"lr" range:"[0,inf)"`
	MaxNorm float64 `json:"max_norm" range:"(0,inf)"`
}

func (ClippedGD) Name() string       { return "clipped-gd" }
func (ClippedGD) Kernel() *Kernel    { return sgdKernel }
func (u ClippedGD) Coef(s Step) Coef { return SGD{LR: u.LR}.Coef(s) }
func (u ClippedGD) Scale() Map       { return ClipNorm{Max: u.MaxNorm} }

var _ = define(Definition{
	Name:   "clipped-gd",
	Title:  "gradient descent clipped by the global norm",
	Source: "Zhang, He, Sra, Jadbabaie 2020, arXiv:1905.11881",
	Cases:  []Update{ClippedGD{LR: 1e-2, MaxNorm: 1}, ClippedGD{LR: 1e-2, MaxNorm: 1e30}},
})
