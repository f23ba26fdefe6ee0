package plot

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/kernels"
)

// An objective to minimise from 1 everywhere: its value and gradient.
type objective struct {
	name string
	at   func(p, g []float64) float64
}

var objectives = []objective{
	{"diagonal:condition=1e3", func(p, g []float64) (value float64) {
		for i, x := range p {
			h := math.Pow(10, -3*float64(i)/float64(len(p)-1))
			g[i] = h * x
			value += h * x * x / 2
		}
		return value
	}},
	{"rosenbrock", func(p, g []float64) (value float64) {
		clear(g)
		for i := range len(p) - 1 {
			x, y := p[i]-0.5, p[i+1]-0.5
			a, b := y-x*x, 1-x
			value += 10*a*a + b*b
			g[i] += -40*a*x - 2*b
			g[i+1] += 20 * a
		}
		return value
	}},
	{"cosh", func(p, g []float64) (value float64) {
		for i, x := range p {
			value += math.Cosh(3*x) - 1
			g[i] = 3 * math.Sinh(3*x)
		}
		return value
	}},
}

// minimise makes the record of a run by the definition of the update itself.
func minimise(o objective, optimizer string, lr, noise float64, seed uint64, budget int) record.Convergence {
	u, err := kernels.Parse(fmt.Sprintf("%s:lr=%g", optimizer, lr))
	if err != nil {
		panic(err)
	}
	const dim = 32
	var slots [][]float64
	for range u.Kernel().Slots {
		slots = append(slots, make([]float64, dim))
	}
	p, g := slots[0], slots[1]
	rng := rand.New(rand.NewPCG(seed, 7))
	for i := range p {
		p[i] = 1 + 0.1*rng.NormFloat64()
	}
	r := record.Convergence{
		Schema: record.Schema, Kind: record.KindConvergence, Run: "test",
		Case: record.Task{Objective: o.name, Dim: dim, Noise: fmt.Sprintf("gauss:sigma=%g", noise), Optimizer: optimizer, LR: lr, DType: "f64", Backend: "cpu:go", Threads: 1},
		Seed: seed, Kernel: "go/" + optimizer + "_f64",
	}
	r.Start = o.at(p, g)
	r.Target, r.Final, r.Budget = 1e-3*r.Start, r.Start, budget
	point := func(step int, value float64) {
		r.Trajectory = append(r.Trajectory, record.Point{Step: step, GradEvals: int64(step), Value: value, Seconds: float64(step*len(slots)) * 1e-6})
	}
	point(0, r.Start)
	for step := 1; step <= budget; step++ {
		for i := range g {
			g[i] += noise * rng.NormFloat64()
		}
		kernels.Reference(u, kernels.At(step), 1, [][][]float64{slots})
		value := o.at(p, g)
		r.Steps, r.GradEvals = step, int64(step)
		if !(value < 1e6*r.Start) {
			r.Diverged = true
			break
		}
		r.Final, r.Reached = value, value <= r.Target
		if last := r.Trajectory[len(r.Trajectory)-1].Step; r.Reached || step == budget || float64(step) >= 1.1*float64(last) {
			point(step, value)
		}
		if r.Reached {
			break
		}
	}
	r.Seconds, r.Bytes = float64(r.Steps*len(slots))*1e-6, int64(r.Steps*len(slots)*8*dim)
	return r
}
