package backend_test

import (
	"fmt"
	"log"
	"math"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/kernels"
)

// A program's own slices, stepped by AdamW. The loss is half the squared
// distance from (1, 2, 3), so that the gradient is p - (1, 2, 3).
func Example() {
	p, g := []float32{0, 0, 0}, make([]float32, 3)
	m, v := make([]float32, 3), make([]float32, 3)

	b, err := backend.Open("cpu")
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	var t backend.Tensor
	for _, slot := range [][]float32{p, g, m, v} {
		x, err := backend.Wrap(b, slot)
		if err != nil {
			log.Fatal(err)
		}
		t.Slots = append(t.Slots, x)
	}
	u := kernels.AdamW{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01}
	plan, err := b.Bind(backend.Group{Update: u, Tensors: []backend.Tensor{t}})
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	for step := 1; step <= 3; step++ {
		for i := range p {
			g[i] = p[i] - float32(i+1)
		}
		if err := plan.Step(kernels.At(step)); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("step %d: %.4f\n", step, p)
	}
	// Output:
	// step 1: [0.1000 0.1000 0.1000]
	// step 2: [0.1995 0.1997 0.1998]
	// step 3: [0.2981 0.2991 0.2993]
}

// What a training loop adds: weight decay on matrices and none on biases, a
// warm-up and then a cosine as the schedule, and gradients limited to a global
// norm of 1. It is one plan.
func ExampleClipGlobalNorm() {
	b, err := backend.Open("cpu")
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()

	// tensor wraps a parameter with its gradient and two moments.
	tensor := func(p, g []float32) backend.Tensor {
		var t backend.Tensor
		for _, slot := range [][]float32{p, g, make([]float32, len(p)), make([]float32, len(p))} {
			x, err := backend.Wrap(b, slot)
			if err != nil {
				log.Fatal(err)
			}
			t.Slots = append(t.Slots, x)
		}
		return t
	}
	matrix, matrixGrad := []float32{1, 1, 1, 1, 1, 1}, make([]float32, 6)
	bias, biasGrad := []float32{1, 1}, make([]float32, 2)

	decayed := kernels.AdamW{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1}
	plain := decayed
	plain.WeightDecay = 0
	ops, err := backend.ClipGlobalNorm(b, 1,
		backend.Group{Update: decayed, Tensors: []backend.Tensor{tensor(matrix, matrixGrad)}},
		backend.Group{Update: plain, Tensors: []backend.Tensor{tensor(bias, biasGrad)}})
	if err != nil {
		log.Fatal(err)
	}
	plan, err := b.Bind(ops...)
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()

	const warmup, steps = 2, 6
	for t := 1; t <= steps; t++ {
		for i := range matrixGrad {
			matrixGrad[i] = 3 * matrix[i]
		}
		for i := range biasGrad {
			biasGrad[i] = bias[i]
		}
		scale := float64(t) / warmup
		if t > warmup {
			scale = (1 + math.Cos(math.Pi*float64(t-warmup)/(steps-warmup))) / 2
		}
		if err := plan.Step(kernels.Step{T: t, LRScale: scale, GradScale: 1}); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("step %d, schedule %.2f: matrix %.3f, bias %.3f\n", t, scale, matrix[0], bias[0])
	}
	// Output:
	// step 1, schedule 0.50: matrix 0.945, bias 0.950
	// step 2, schedule 1.00: matrix 0.836, bias 0.850
	// step 3, schedule 0.85: matrix 0.743, bias 0.765
	// step 4, schedule 0.50: matrix 0.689, bias 0.715
	// step 5, schedule 0.15: matrix 0.674, bias 0.700
	// step 6, schedule 0.00: matrix 0.674, bias 0.700
}
