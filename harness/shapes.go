package harness

import "fmt"

// Models are the shapes of real models: the number of elements of every
// parameter tensor, in the order of the reference implementation.
var models = map[string]func() []int{
	"gpt2":       gpt2,
	"bert-large": bertLarge,
	"resnet50":   resnet50,
}

// ModelNames lists the models whose shapes the tensors axis knows.
func ModelNames() []string { return []string{"gpt2", "bert-large", "resnet50"} }

// Shapes returns the sizes of the tensors of a case: those of its model, or n
// cut into equal parts, the first n mod tensors of which have one element more.
func Shapes(c Case) ([]int, error) {
	if c.Model != "" {
		shapes, ok := models[c.Model]
		if !ok {
			return nil, fmt.Errorf("unknown model %q, want one of %v", c.Model, ModelNames())
		}
		return shapes(), nil
	}
	if err := checkTensors(c); err != nil {
		return nil, err
	}
	sizes := make([]int, c.Tensors)
	for i := range sizes {
		sizes[i] = c.N / c.Tensors
		if i < c.N%c.Tensors {
			sizes[i]++
		}
	}
	return sizes, nil
}

func checkTensors(c Case) error {
	if c.Tensors < 1 || c.Tensors > c.N {
		return fmt.Errorf("%d tensors of %d parameters, want at least one parameter each", c.Tensors, c.N)
	}
	return nil
}

// gpt2 is the 124M model of Radford et al. 2019: 148 tensors, 124,439,808
// parameters, the output layer tied to the embedding.
func gpt2() []int {
	const d, layers = 768, 12
	sizes := []int{50257 * d, 1024 * d}
	for range layers {
		sizes = append(sizes,
			d, d, d*3*d, 3*d, d*d, d, // norm, attention
			d, d, d*4*d, 4*d, 4*d*d, d) // norm, feed-forward
	}
	return append(sizes, d, d)
}

// bertLarge is the uncased model of Devlin et al. 2019 with its pooler: 391
// tensors, 335,141,888 parameters.
func bertLarge() []int {
	const d, layers = 1024, 24
	sizes := []int{30522 * d, 512 * d, 2 * d, d, d}
	for range layers {
		sizes = append(sizes,
			d*d, d, d*d, d, d*d, d, d*d, d, d, d, // query, key, value, output, norm
			4*d*d, 4*d, d*4*d, d, d, d) // feed-forward, norm
	}
	return append(sizes, d*d, d)
}

// resnet50 is the network of He et al. 2016 for 1,000 classes: 161 tensors,
// 25,557,032 parameters.
func resnet50() []int {
	sizes := []int{3 * 64 * 7 * 7, 64, 64}
	norm := func(d int) { sizes = append(sizes, d, d) }
	in := 64
	for stage, blocks := range []int{3, 4, 6, 3} {
		d := 64 << stage
		for block := range blocks {
			sizes = append(sizes, in*d)
			norm(d)
			sizes = append(sizes, d*d*3*3)
			norm(d)
			sizes = append(sizes, d*4*d)
			norm(4 * d)
			if block == 0 {
				sizes = append(sizes, in*4*d)
				norm(4 * d)
			}
			in = 4 * d
		}
	}
	return append(sizes, in*1000, 1000)
}
