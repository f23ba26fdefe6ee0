package claims

import (
	"fmt"
	"math"
	"slices"

	"github.com/optbench/optbench/harness/axis"
)

// A Verdict is what a rule says of an estimate.
type Verdict string

const (
	Confirmed    Verdict = "CONFIRMED"
	Consistent   Verdict = "CONSISTENT" // with a bound, which no measurement confirms
	BoundOnly    Verdict = "BOUND ONLY" // nothing was measured
	Misprinted   Verdict = "REFUTED AS PRINTED"
	Inconclusive Verdict = "INCONCLUSIVE"
	Refuted      Verdict = "REFUTED"
)

// Verdicts lists them, the firmest first. A claim has the last of those of its
// quantities.
var Verdicts = []Verdict{Confirmed, Consistent, BoundOnly, Misprinted, Inconclusive, Refuted}

func weaker(a, b Verdict) bool { return slices.Index(Verdicts, a) > slices.Index(Verdicts, b) }

// An Estimate is a measured number with its 95 % interval. Where nothing is random
// both ends are the number.
type Estimate struct{ Value, Lo, Hi float64 }

// exactly is the estimate of what is not random.
func exactly(x float64) Estimate { return Estimate{x, x, x} }

// known returns e, or, where a number of it is not finite, an interval of everything.
func (e Estimate) known() Estimate {
	for _, x := range []float64{e.Value, e.Lo, e.Hi} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return Estimate{0, -math.MaxFloat64, math.MaxFloat64}
		}
	}
	return e
}

func (e Estimate) half() float64 { return e.Hi/2 - e.Lo/2 }

// meets reports whether x is in the interval, widened by some tolerance.
func (e Estimate) meets(x, within float64) bool { return e.Lo-within <= x && x <= e.Hi+within }

// A Rule decides on an estimate. It was fixed before anything was measured.
type Rule interface {
	Verdict(Estimate) Verdict
	String() string
}

// Near confirms a value that the interval holds, widened by Within. An interval wider
// than twice that either way decides nothing.
type Near struct{ Want, Within float64 }

func (r Near) Verdict(e Estimate) Verdict {
	switch {
	case !(e.half() <= 2*r.Within):
		return Inconclusive
	case e.meets(r.Want, r.Within):
		return Confirmed
	}
	return Refuted
}

func (r Near) String() string {
	if r.Within == 0 {
		return "exactly " + text(r.Want)
	}
	return fmt.Sprintf("%s ± %s", text(r.Want), text(r.Within))
}

// Misprint refutes a printed value where the corrected one is [Near], and confirms it
// where it is near itself and the corrected one is not.
type Misprint struct{ Printed, Corrected, Within float64 }

func (r Misprint) Verdict(e Estimate) Verdict {
	printed := e.meets(r.Printed, 2*r.Within)
	corrected := Near{r.Corrected, r.Within}.Verdict(e) == Confirmed
	switch {
	case corrected && !printed:
		return Misprinted
	case !corrected && Near{r.Printed, r.Within}.Verdict(e) == Confirmed:
		return Confirmed
	}
	return Inconclusive
}

func (r Misprint) String() string {
	return fmt.Sprintf("printed %s, corrected %s ± %s", text(r.Printed), text(r.Corrected), text(r.Within))
}

// Above confirms what is more than Least, and refutes what is not.
type Above struct{ Least float64 }

func (r Above) Verdict(e Estimate) Verdict {
	switch {
	case e.Lo > r.Least:
		return Confirmed
	case e.Hi <= r.Least:
		return Refuted
	}
	return Inconclusive
}

func (r Above) String() string { return "above " + text(r.Least) }

// Below confirms what is at most Most, such as the probability of what should never
// happen, and refutes what is more.
type Below struct{ Most float64 }

func (r Below) Verdict(e Estimate) Verdict {
	switch {
	case e.Hi <= r.Most:
		return Confirmed
	case e.Lo > r.Most:
		return Refuted
	}
	return Inconclusive
}

func (r Below) String() string { return "at most " + text(r.Most) }

// Bound is [Below] for what theory only bounds: a measurement can refute a bound, and
// otherwise be consistent with it. Values are shares of the bound, the largest of
// all points.
type Bound struct{ Most float64 }

func (r Bound) Verdict(e Estimate) Verdict {
	if v := (Below(r)).Verdict(e); v != Confirmed {
		return v
	}
	return Consistent
}

func (r Bound) String() string { return "bound: at most " + text(r.Most) }

// Refutes turns a rule round: where it confirms, what was printed does not hold.
type Refutes struct{ Rule Rule }

func (r Refutes) Verdict(e Estimate) Verdict {
	if r.Rule.Verdict(e) == Confirmed {
		return Misprinted
	}
	return Inconclusive
}

func (r Refutes) String() string { return "refuted as printed if " + r.Rule.String() }

func text(x float64) string { return axis.FormatFloat(x, 4) }
