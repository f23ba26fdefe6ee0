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
// returns a *Run, a *Throughput, a *Convergence, a *Comparison, a *Selftest, a
// *Claim, or the kind that is not known as a string.
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
	var rec interface{ check() error }
	switch h.Kind {
	case KindRun:
		rec = new(Run)
	case KindThroughput:
		rec = new(Throughput)
	case KindConvergence:
		rec = new(Convergence)
	case KindComparison:
		rec = new(Comparison)
	case KindSelftest:
		rec = new(Selftest)
	case KindClaim:
		rec = new(Claim)
	default:
		return h.Kind, nil
	}
	if err := unmarshal(text, rec); err != nil {
		return nil, fmt.Errorf("%s: %w", h.Kind, err)
	}
	if err := rec.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", h.Kind, err)
	}
	return rec, nil
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
	if p := r.Comparison; p != nil && (!share(p.Alpha) || !share(p.Margin)) {
		return fmt.Errorf("alpha is %v, margin %v, want them above 0, below 1", p.Alpha, p.Margin)
	}
	return printable(reflect.ValueOf(*r))
}

func share(x float64) bool    { return x > 0 && x < 1 }
func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }

func (c *Case) check() error {
	switch {
	case c.Update == "":
		return fmt.Errorf("no update")
	case c.N < 1 || c.Tensors < 1 || c.Threads < 1:
		return fmt.Errorf("n is %d, tensors %d, threads %d, want 1 or more", c.N, c.Tensors, c.Threads)
	case c.Clip < 0:
		return fmt.Errorf("clip is %v, want 0 or more", c.Clip)
	}
	return nil
}

// check refuses what no comparison gives.
func (c *Comparison) check() error {
	checkCase := c.Case.check
	if c.Task != nil {
		checkCase = c.Task.check
	}
	if err := checkCase(); err != nil {
		return err
	}
	switch {
	case c.Verdict == "":
		return fmt.Errorf("no verdict")
	case c.Design != Paired && c.Design != Unpaired && c.Design != Seeded:
		return fmt.Errorf("design is %.20q, want %s, %s or %s", c.Design, Paired, Unpaired, Seeded)
	case (c.Design == Seeded) != (c.Task != nil):
		return fmt.Errorf("design is %s, task %v, want seeds of a task, or else a case", c.Design, c.Task != nil)
	case c.Design != Unpaired && (len(c.A) != len(c.B) || len(c.Order) != len(c.A) && c.Order != ""):
		return fmt.Errorf("%d launches of a, %d of b, %d pairs in order, want as many of each", len(c.A), len(c.B), len(c.Order))
	case c.Ratio != 0 && (!positive(c.Ratio) || c.CI95[0] > c.Ratio || c.CI95[1] != 0 && c.Ratio > c.CI95[1]):
		return fmt.Errorf("ratio %v, interval %v, want a ratio above 0 with its interval round it", c.Ratio, c.CI95)
	case !(c.P >= 0 && c.P <= 1 && c.PHolm >= 0 && c.PHolm <= 1):
		return fmt.Errorf("p is %v, adjusted %v, want probabilities", c.P, c.PHolm)
	}
	for i, k := range slices.Concat(c.MissedA, c.MissedB) {
		if k < 0 || k >= len(c.A) || c.Task == nil {
			return fmt.Errorf("missed run %d is at %d, want a place among the %d of a task", i, k, len(c.A))
		}
	}
	for i, s := range slices.Concat(c.A, c.B, c.LimitA, c.LimitB) {
		if !positive(s) {
			return fmt.Errorf("value %d is %v, want it above 0", i, s)
		}
	}
	return printable(reflect.ValueOf(*c))
}

// check refuses what no self-test gives.
func (s *Selftest) check() error {
	if err := s.Case.check(); err != nil {
		return err
	}
	if !(s.Noise >= 0) || s.Alarms < 0 || s.Alarms > len(s.Ratios) {
		return fmt.Errorf("noise %v, %d alarms in %d comparisons, want none below 0, and no more alarms than comparisons", s.Noise, s.Alarms, len(s.Ratios))
	}
	return printable(reflect.ValueOf(*s))
}

// printable refuses texts that could act on the terminal on which they are shown.
func printable(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		if text := v.String(); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("text %.40q holds what cannot be printed", text)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return printable(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := printable(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for key, x := range v.Seq2() {
			if err := errors.Join(printable(key), printable(x)); err != nil {
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
	if err := t.Case.check(); err != nil {
		return err
	}
	switch {
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

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func (t *Task) check() error {
	switch {
	case t.Objective == "" || t.Optimizer == "":
		return fmt.Errorf("objective is %.40q, optimizer %.40q, want names", t.Objective, t.Optimizer)
	case t.Dim < 1 || t.Threads < 1:
		return fmt.Errorf("dim is %d, threads %d, want 1 or more", t.Dim, t.Threads)
	case !finite(t.LR) || t.LR < 0:
		return fmt.Errorf("lr is %v, want 0 or more", t.LR)
	}
	return nil
}

// check refuses what no run of an optimizer gives.
func (c *Convergence) check() error {
	if err := c.Case.check(); err != nil {
		return err
	}
	switch {
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

// check refuses what no experiment gives.
func (c *Claim) check() error {
	switch {
	case c.ID == "" || c.Statement == "" || c.Verdict == "":
		return fmt.Errorf("id is %.20q, statement %.40q, verdict %.20q, want all three", c.ID, c.Statement, c.Verdict)
	case !finite(c.Measured) || !finite(c.CI95[0]) || !finite(c.CI95[1]) || c.CI95[0] > c.Measured || c.Measured > c.CI95[1]:
		return fmt.Errorf("measured %v, interval %v, want a number with its interval round it", c.Measured, c.CI95)
	case c.Seeds < 0 || !finite(c.Seconds) || c.Seconds < 0:
		return fmt.Errorf("seeds %d, seconds %v, want 0 or more", c.Seeds, c.Seconds)
	}
	for _, s := range c.Series {
		if len(s.X) != len(s.Y) {
			return fmt.Errorf("series %.40q has %d x and %d y, want as many of each", s.Name, len(s.X), len(s.Y))
		}
	}
	return printable(reflect.ValueOf(*c))
}
