package claims

import (
	"fmt"
	"math"
)

// A Verdict is what comes of a claim.
type Verdict string

const (
	Confirmed        Verdict = "CONFIRMED"
	Consistent       Verdict = "CONSISTENT" // below an upper bound, which nothing measured can confirm
	Refuted          Verdict = "REFUTED"
	RefutedAsPrinted Verdict = "REFUTED AS PRINTED" // and its corrected form confirmed
	Inconclusive     Verdict = "INCONCLUSIVE"       // the interval is too wide to tell
	BoundOnly        Verdict = "BOUND ONLY"         // nothing that could be measured would tell
)

// A Rule compares a measured value with theory. It is fixed before anything is
// measured, and a function of the value and its interval alone. Where they are not
// numbers every rule is inconclusive.
type Rule interface {
	// String is the rule in words.
	String() string
	Judge(Measured) Verdict
}

// meets reports whether an interval has a point within tolerance of x.
func meets(ci [2]float64, x, tolerance float64) bool {
	return ci[0] <= x+tolerance && ci[1] >= x-tolerance
}

func (m *Measured) known() bool {
	return !math.IsNaN(m.Value) && m.CI[0] <= m.Value && m.Value <= m.CI[1]
}

func half(ci [2]float64) float64 { return (ci[1] - ci[0]) / 2 }

// Near is the rule for a number that theory gives, such as the slope of a rate: the
// interval comes within Tolerance of Want and is no wider than Tolerance, or twice
// that from end to end, or it tells nothing.
type Near struct{ Want, Tolerance float64 }

// SlopeWithin is [Near] for exponents.
func SlopeWithin(want, tolerance float64) Rule { return Near{want, tolerance} }

func (r Near) String() string {
	return fmt.Sprintf("confirmed if the interval comes within %.4g of %.4g and is at most %.4g either side", r.Tolerance, r.Want, r.Tolerance)
}

func (r Near) Judge(m Measured) Verdict {
	switch {
	case !m.known():
		return Inconclusive
	case !meets(m.CI, r.Want, r.Tolerance):
		return Refuted
	case half(m.CI) > r.Tolerance:
		return Inconclusive
	}
	return Confirmed
}

// AtLeast is the rule for a number of which theory gives a lower bound, or says that it is
// large and not how large: then Bound is what is asked of it.
type AtLeast struct{ Bound float64 }

func (r AtLeast) String() string {
	return fmt.Sprintf("confirmed if the whole interval is at least %.4g", r.Bound)
}

func (r AtLeast) Judge(m Measured) Verdict {
	switch {
	case !m.known():
		return Inconclusive
	case m.CI[0] >= r.Bound:
		return Confirmed
	case m.CI[1] < r.Bound:
		return Refuted
	}
	return Inconclusive
}

// Above is the rule for what is to be more than a number, as a ratio is than 1 where one
// is better: as good is not.
type Above struct{ Bound float64 }

func (r Above) String() string {
	return fmt.Sprintf("confirmed if the whole interval is above %.4g", r.Bound)
}

func (r Above) Judge(m Measured) Verdict {
	switch {
	case !m.known():
		return Inconclusive
	case m.CI[0] > r.Bound:
		return Confirmed
	case m.CI[1] <= r.Bound:
		return Refuted
	}
	return Inconclusive
}

// AtMost is the rule for a number of which theory gives an upper bound: a measured one
// below is consistent with it, and confirms nothing.
type AtMost struct{ Bound float64 }

func (r AtMost) String() string {
	return fmt.Sprintf("consistent if the whole interval is at most %.4g", r.Bound)
}

func (r AtMost) Judge(m Measured) Verdict {
	switch {
	case !m.known():
		return Inconclusive
	case m.CI[1] <= r.Bound:
		return Consistent
	case m.CI[0] > r.Bound:
		return Refuted
	}
	return Inconclusive
}

// Exact is the rule for what is an identity: the value is Want but for rounding, of
// which Within is a bound.
type Exact struct{ Want, Within float64 }

func (r Exact) String() string {
	if r.Within == 0 {
		return fmt.Sprintf("confirmed if the value is exactly %.4g", r.Want)
	}
	return fmt.Sprintf("confirmed if the value is within %.4g of %.4g", r.Within, r.Want)
}

func (r Exact) Judge(m Measured) Verdict {
	switch {
	case !m.known():
		return Inconclusive
	case math.Abs(m.Value-r.Want) <= r.Within:
		return Confirmed
	}
	return Refuted
}

// Proportion is the rule for a share of cases, or any number of which theory gives
// both bounds: the interval lies between them.
type Proportion struct{ Low, High float64 }

func (r Proportion) String() string {
	return fmt.Sprintf("confirmed if the whole interval lies in [%.4g, %.4g]", r.Low, r.High)
}

func (r Proportion) Judge(m Measured) Verdict {
	switch {
	case !m.known():
		return Inconclusive
	case r.Low <= m.CI[0] && m.CI[1] <= r.High:
		return Confirmed
	case m.CI[1] < r.Low || m.CI[0] > r.High:
		return Refuted
	}
	return Inconclusive
}

// AsPrinted is the rule for a number that was printed wrong: the interval comes within
// Tolerance of one of the two, is no wider either side, and does not of the other.
type AsPrinted struct{ Printed, Corrected, Tolerance float64 }

func (r AsPrinted) String() string {
	return fmt.Sprintf("refuted as printed if the interval comes within %.4g of the corrected %.4g, not of the printed %.4g, and is at most %.4g either side",
		r.Tolerance, r.Corrected, r.Printed, r.Tolerance)
}

func (r AsPrinted) Judge(m Measured) Verdict {
	printed, corrected := meets(m.CI, r.Printed, r.Tolerance), meets(m.CI, r.Corrected, r.Tolerance)
	switch {
	case !m.known():
		return Inconclusive
	case !printed && !corrected:
		return Refuted
	case printed && corrected || half(m.CI) > r.Tolerance:
		return Inconclusive
	case printed:
		return Confirmed
	}
	return RefutedAsPrinted
}

// Stated is the rule for what is a bound over a class of functions, or open: it stands
// in the list for completeness, and what is measured beside it decides nothing.
type Stated struct{}

func (Stated) String() string         { return "none: no instance could confirm or refute it" }
func (Stated) Judge(Measured) Verdict { return BoundOnly }
