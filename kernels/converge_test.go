package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// A problem is something to minimise from a start, with noise on its gradients.
type problem struct {
	name     string
	n        int
	start    func(i int) float64
	gradient func(p, g []float64) (value float64)
	noise    float64
}

var problems = []problem{
	{
		// Half of sum of h_i*p_i^2, curvatures over three decades.
		name: "quadratic, condition 1e3", n: 2048, noise: 0.1,
		start: func(int) float64 { return 1 },
		gradient: func(p, g []float64) (value float64) {
			for i, x := range p {
				h := math.Pow(10, -3*float64(i)/float64(len(p)-1))
				g[i] = h * x
				value += h * x * x / 2
			}
			return value
		},
	},
	{
		name: "Rosenbrock chain", n: 512, noise: 0,
		start: func(i int) float64 { return -0.5 + float64(i%2) },
		gradient: func(p, g []float64) (value float64) {
			clear(g)
			for i := range len(p) - 1 {
				a, b := p[i+1]-p[i]*p[i], 1-p[i]
				value += 10*a*a + b*b
				g[i] += -40*a*p[i] - 2*b
				g[i+1] += 20 * a
			}
			return value
		},
	},
	{
		name: "logistic regression", n: features, noise: 0.02,
		start: func(int) float64 { return 0 },
		gradient: func(p, g []float64) (value float64) {
			for i, w := range p {
				g[i] = 1e-3 * w
				value += 1e-3 * w * w / 2
			}
			for _, x := range samples() { // each times its label
				margin := 0.0
				for i, w := range p {
					margin += x[i] * w
				}
				value += math.Log1p(math.Exp(-margin)) / float64(len(samples()))
				slope := -1 / (1 + math.Exp(margin)) / float64(len(samples()))
				for i, v := range x {
					g[i] += slope * v
				}
			}
			return value
		},
	},
}

const features = 256

// samples are those of the regression, drawn once.
var samples = sync.OnceValue(func() [][features]float64 {
	rng := rand.New(rand.NewPCG(7, 7))
	out := make([][features]float64, 128)
	for s := range out {
		label := 2*float64(rng.IntN(2)) - 1
		for i := range features {
			out[s][i] = label * rng.NormFloat64() / math.Sqrt(float64(1+i%16))
			if i%8 == 0 {
				out[s][i] += 1.0 / 4
			}
		}
	}
	return out
})

// descend minimises with a learning rate that falls linearly to zero and returns
// the value at the end.
func descend(f *Stored, u Update, pr problem, steps int) float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	arrays := make([][]float32, len(f.Types))
	for k := range arrays {
		arrays[k] = make([]float32, pr.n)
		if f.ArrayRole(k) == Parameter {
			for i := range arrays[k] {
				arrays[k][i] = float32(pr.start(i))
			}
			f.Types[k].Round(arrays[k])
		}
	}
	p, g := make([]float64, pr.n), make([]float64, pr.n)
	read := func() {
		for i, x := range arrays[0] {
			p[i] = float64(x)
		}
	}
	for t := 1; t <= steps; t++ {
		read()
		pr.gradient(p, g)
		for i, x := range g {
			arrays[1][i] = float32(x + pr.noise*rng.NormFloat64())
		}
		f.Types[1].Round(arrays[1])
		ReferenceIn(f, u, Step{T: t, LRScale: 1 - float64(t-1)/float64(steps), GradScale: 1}, 1, [][][]float32{arrays})
	}
	read()
	return pr.gradient(p, g)
}

// TestStoragesConverge minimises with every storage what float32 minimises, and
// holds the values at the end to those of float32. Of parameters in bfloat16 alone
// no more is asked than that they descend: steps below half of their last bit are
// lost, which is what master copies are for.
func TestStoragesConverge(t *testing.T) {
	u := Adam{LR: 0.02, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	steps := 1500
	for _, pr := range problems {
		t.Run(pr.name, func(t *testing.T) {
			t.Parallel()
			p, g := make([]float64, pr.n), make([]float64, pr.n)
			for i := range p {
				p[i] = pr.start(i)
			}
			first := pr.gradient(p, g)
			text := fmt.Sprintf("%-26s start %8.3g", pr.name, first)
			var exact float64
			for _, f := range u.Kernel().Forms() {
				if f.Wide() {
					continue
				}
				got := descend(f, u, pr, steps)
				text += fmt.Sprintf("  %s %.3g", f.Storage.Name, got)
				if f.Storage.Name == "f32" {
					exact = got
				}
				if most := map[bool]float64{false: 1.5*exact + 0.01*first, true: first / 2}[f.Storage.Name == "bf16"]; !(got <= most) {
					t.Errorf("%s: the value at the end is %g, want at most %g; float32 has %g", f.Storage.Name, got, most, exact)
				}
			}
			t.Log(text)
		})
	}
}
