package kernels

// Drift is the quadratic sum(h*(p-Speed*t)^2)/2 at step t, whose minimum moves: an
// optimizer that keeps its pace lags behind by as much at any time, and one whose
// steps become shorter falls behind. The curvatures are those of [Diagonal], spread
// from 1/Condition to 1.
type Drift struct {
	Speed     float64 `json:"speed"`
	Condition float64 `json:"condition" range:"[1,inf)"`
}

func (Drift) Name() string                 { return "drift" }
func (Drift) Kernel() *Kernel              { return diagonalKernel }
func (o Drift) Coef(_ int, s Step) Coef    { return Coef{1: o.Speed * float64(s.T), 2: 1} }
func (o Drift) Facts(n int) (Facts, error) { return spread(o.Condition).Facts(n) }

// spread is the quadratic with curvatures from 1/condition to 1.
func spread(condition float64) Diagonal { return Diagonal{Spectrum: "log", Condition: condition} }

var _ = defineObjective(ObjectiveDefinition{
	Name:   "drift",
	Title:  "sum(h*(p-speed*t)^2)/2 at step t: a minimum that moves",
	Source: "what shrinking steps cost: Adagrad beside RMSProp",
	Cases:  []Objective{Drift{Speed: 0.001, Condition: 1}, Drift{Speed: 0.005, Condition: 100}},
})
