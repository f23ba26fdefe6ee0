package kernels

// Burst is the quadratic sum(h*(p-1)^2)/2 whose gradient is multiplied by Factor
// at Steps steps from From on: what an optimizer remembers of such a burst, it pays
// for long after. The value is that of the quadratic all the time. The curvatures
// are those of [Diagonal], spread from 1/Condition to 1.
type Burst struct {
	Factor    float64 `json:"factor" range:"[1,inf)"`
	From      int     `json:"from" range:"[1,inf)"`
	Steps     int     `json:"steps" range:"[0,inf)"`
	Condition float64 `json:"condition" range:"[1,inf)"`
}

func (Burst) Name() string                 { return "burst" }
func (Burst) Kernel() *Kernel              { return diagonalKernel }
func (o Burst) Facts(n int) (Facts, error) { return spread(o.Condition).Facts(n) }

func (o Burst) Coef(_ int, s Step) Coef {
	c := Coef{1: 1, 2: 1}
	if s.T >= o.From && s.T-o.From < o.Steps {
		c[2] = o.Factor
	}
	return c
}

var _ = defineObjective(ObjectiveDefinition{
	Name:   "burst",
	Title:  "sum(h*(p-1)^2)/2, its gradient multiplied at some steps",
	Source: "what is remembered of large gradients: Adagrad beside RMSProp",
	Cases:  []Objective{Burst{Factor: 1000, From: 10, Steps: 10, Condition: 1}, Burst{Factor: 10, From: 5, Steps: 1, Condition: 100}},
})
