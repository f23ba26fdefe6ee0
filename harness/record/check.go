package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

type header struct {
	Schema string `json:"schema"`
	Kind   string `json:"kind"`
}

// errJunk is the error of a line that is no JSON.
var errJunk = fmt.Errorf("not a record of %s", Schema)

// decode reads a line and checks all that can be known of it without the others: it
// returns a *Run, a *Throughput, a *Convergence, or the kind that is not known as a
// string.
func decode(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, fmt.Errorf("%w: it starts with %q", errJunk, text[:min(len(text), 20)])
	}
	var h header
	if err := unmarshal(text, &h); err != nil {
		return nil, fmt.Errorf("not a record of %s: %w", Schema, err)
	}
	if h.Schema != Schema {
		return nil, fmt.Errorf("a record of schema %.40q, want %s", h.Schema, Schema)
	}
	switch h.Kind {
	case KindRun:
		r := new(Run)
		if err := unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("run: %w", err)
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("run: %w", err)
		}
		return r, nil
	case KindThroughput:
		t := new(Throughput)
		if err := unmarshal(text, t); err != nil {
			return nil, fmt.Errorf("throughput: %w", err)
		}
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("throughput: %w", err)
		}
		return t, nil
	case KindConvergence:
		c := new(Convergence)
		if err := unmarshal(text, c); err != nil {
			return nil, fmt.Errorf("convergence: %w", err)
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("convergence: %w", err)
		}
		return c, nil
	}
	return h.Kind, nil
}

// unmarshal is json.Unmarshal, whose errors repeat only the beginning of a value.
func unmarshal(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Errorf("field %.60q is %.30q, want %s", mismatch.Field, mismatch.Value, mismatch.Type)
	}
	return err
}

func (r *Run) check() error {
	if r.ID == "" {
		return fmt.Errorf("no id")
	}
	if r.Launch < 0 || r.Launch > r.Launches {
		return fmt.Errorf("launch %d of %d, want one of them", r.Launch, r.Launches)
	}
	if _, err := time.Parse(time.RFC3339, r.Time); err != nil && r.Time != "" {
		return fmt.Errorf("time is %.40q, want it as in RFC 3339", r.Time)
	}
	return printable(reflect.ValueOf(*r))
}

// printable refuses texts that could act on the terminal on which they are shown.
func printable(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		if text := v.String(); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("text %.40q holds what cannot be printed", text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := printable(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if err := printable(field); err != nil {
				return err
			}
		}
	}
	return nil
}

// check refuses numbers that no measurement gives.
func (t *Throughput) check() error {
	positive := func(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
	switch {
	case t.Case.Update == "":
		return fmt.Errorf("no update")
	case t.Case.N < 1 || t.Case.Tensors < 1 || t.Case.Threads < 1:
		return fmt.Errorf("n is %d, tensors %d, threads %d, want 1 or more", t.Case.N, t.Case.Tensors, t.Case.Threads)
	case t.Case.Clip < 0:
		return fmt.Errorf("clip is %v, want 0 or more", t.Case.Clip)
	case t.Bytes < 1:
		return fmt.Errorf("bytes is %d, want 1 or more", t.Bytes)
	case len(t.Samples) == 0:
		return fmt.Errorf("no samples")
	case !positive(t.Median) || !positive(t.CI95[0]) || !positive(t.CI95[1]) || !positive(t.NSPerParam):
		return fmt.Errorf("median %v, interval %v, ns per parameter %v, want them above 0", t.Median, t.CI95, t.NSPerParam)
	case !positive(t.LimitBytesPerSecond) || !positive(t.LimitShare):
		return fmt.Errorf("limit %v B/s, share %v, want them above 0", t.LimitBytesPerSecond, t.LimitShare)
	}
	if t.CI95[0] > t.Median || t.Median > t.CI95[1] {
		return fmt.Errorf("interval is %v, want it round the median, %v", t.CI95, t.Median)
	}
	for i, s := range slices.Concat(t.Samples, t.LimitSamples) {
		if !positive(s) {
			return fmt.Errorf("sample %d is %v s, want it above 0", i, s)
		}
	}
	return printable(reflect.ValueOf(*t))
}

// check refuses what no run of an optimizer gives.
func (c *Convergence) check() error {
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	switch k := &c.Case; {
	case k.Objective == "" || k.Optimizer == "":
		return fmt.Errorf("objective is %.40q, optimizer %.40q, want names", k.Objective, k.Optimizer)
	case k.Dim < 1 || k.Threads < 1:
		return fmt.Errorf("dim is %d, threads %d, want 1 or more", k.Dim, k.Threads)
	case !finite(k.LR) || k.LR < 0:
		return fmt.Errorf("lr is %v, want 0 or more", k.LR)
	case c.Steps < 0 || c.GradEvals < 0 || c.Bytes < 0 || !finite(c.Seconds) || c.Seconds < 0:
		return fmt.Errorf("steps %d, gradients %d, bytes %d, seconds %v, want 0 or more", c.Steps, c.GradEvals, c.Bytes, c.Seconds)
	case c.Reached && c.Diverged:
		return fmt.Errorf("the target was reached and the run diverged, want one of them at most")
	case !finite(c.Start) || !finite(c.Target) || !finite(c.Final):
		return fmt.Errorf("start %v, target %v, final value %v, want finite numbers", c.Start, c.Target, c.Final)
	}
	last := -1
	for i, p := range c.Trajectory {
		if p.Step <= last || p.Step > c.Steps || !finite(p.Value) || !finite(p.Seconds) {
			return fmt.Errorf("point %d of the trajectory is %v, want steps that rise to %d and finite values", i, p, c.Steps)
		}
		last = p.Step
	}
	return printable(reflect.ValueOf(*c))
}
