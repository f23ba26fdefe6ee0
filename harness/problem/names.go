package problem

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/optbench/optbench/harness/dense"
	"github.com/optbench/optbench/kernels"
)

// Names lists the objectives, sorted.
func Names() []string {
	names := dense.Names()
	for _, d := range kernels.Objectives() {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return names
}

// Format returns the one way to write an objective that a text names.
func Format(text string) (string, error) {
	if name, _, _ := strings.Cut(text, ":"); dense.Find(name) != nil {
		s, err := dense.Parse(text)
		if err != nil {
			return "", err
		}
		return dense.Format(s), nil
	}
	o, err := kernels.ParseObjective(text)
	if err != nil {
		return "", err
	}
	return kernels.FormatObjective(o), nil
}

// OnHost reports whether an objective is computed on the host, whatever the backend.
func OnHost(text string) bool {
	name, _, _ := strings.Cut(text, ":")
	return dense.Find(name) != nil
}

// Dim returns the dimension nearest to n that an objective can have, or says why
// there is none near.
func Dim(text string, n int) (int, error) {
	if OnHost(text) {
		s, err := dense.Parse(text)
		if err != nil {
			return 0, err
		}
		return s.Dim(n), nil
	}
	o, err := kernels.ParseObjective(text)
	if err != nil {
		return 0, err
	}
	_, err = o.Facts(n)
	return n, err
}

// Footprint returns the bytes of a problem's data and of vectors more.
func Footprint(s Spec, vectors int) (int64, error) {
	one := float64(s.DType.Bytes(s.Dim))
	if OnHost(s.Objective) {
		d, err := dense.Parse(s.Objective)
		if err != nil {
			return 0, err
		}
		return int64(one*float64(vectors+2) + d.Numbers(s.Dim)*float64(s.DType.Bytes(1))), nil
	}
	o, err := kernels.ParseObjective(s.Objective)
	if err != nil {
		return 0, err
	}
	for _, slot := range o.Kernel().Slots[2:] {
		if slot.Role == kernels.Input {
			vectors++
		}
	}
	if f, err := o.Facts(s.Dim); err == nil && f.Noise != nil && s.Noise != "" {
		vectors++
	}
	return int64(one * float64(vectors)), nil
}

// hasExamples reports whether the batches of an objective are of examples.
func hasExamples(text string) bool {
	name, _, _ := strings.Cut(text, ":")
	d := dense.Find(name)
	return d != nil && d.Examples
}

// examples is how many examples an objective is the average over: one where it has none,
// or is their expectation.
func examples(text string) int {
	s, err := dense.Parse(text)
	if err != nil {
		return 1
	}
	for _, p := range kernels.Params(s) {
		if p.Name == "examples" {
			n, err := strconv.Atoi(p.Value)
			if err == nil {
				return n
			}
		}
	}
	return 1
}

// law returns the noise of a problem: the average of as many samples as its batch has,
// where that is not one of examples.
func law(s Spec) (kernels.Noise, error) {
	l, err := kernels.ParseNoise(s.Noise)
	if err != nil || s.Batch == 0 || hasExamples(s.Objective) {
		return l, err
	}
	if l, err = kernels.With(l, "batch", float64(s.Batch)); err != nil {
		return nil, fmt.Errorf("a batch of %d samples: %w; this law has no average in closed form", s.Batch, err)
	}
	return l, nil
}

// Check reports what keeps a problem from being opened, as far as can be told
// without the room that it takes.
func Check(s Spec) error {
	if _, err := Dim(s.Objective, s.Dim); err != nil {
		return fmt.Errorf("%s: %w", s.Objective, err)
	}
	if s.Noise == "" {
		if s.Batch > 0 && !hasExamples(s.Objective) {
			return fmt.Errorf("%s has no examples and no noise, of which a batch of %d could be", s.Objective, s.Batch)
		}
		return nil
	}
	_, err := law(s)
	return err
}

// newObjective returns the objective of a problem.
func newObjective(s Spec) (objective, error) {
	if !OnHost(s.Objective) {
		o, err := kernels.ParseObjective(s.Objective)
		if err != nil {
			return nil, err
		}
		return &loops{Objective: o}, nil
	}
	d, err := dense.Parse(s.Objective)
	if err != nil {
		return nil, err
	}
	switch s.DType {
	case kernels.F64:
		return &matrices[float64]{Spec: d}, nil
	case kernels.F32:
		return &matrices[float32]{Spec: d}, nil
	}
	return nil, fmt.Errorf("%s in %v, want f32 or f64", s.Objective, s.DType)
}
