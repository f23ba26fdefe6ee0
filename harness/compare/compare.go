// Package compare says whether one side of a comparison is slower than the other,
// and how sure that is.
//
// The unit of replication is the launch of a process: samples taken within one
// process share its placement in memory and on cores, and pooling them finds a
// difference between a program and itself in half of all comparisons or more.
//
// Where the sides run in pairs, in an order drawn anew for each pair, the test is
// exact whatever the noise: if the programs are the same, what a pair shows is as
// likely to have the one sign as the other, for a coin chose it ([SignedRank]). A
// drift, a burst or a periodic load changes the sizes of differences, which the
// test takes as given, and not their signs. Where launches were recorded apart,
// the test is one of ranks between launches ([Unpaired]), which a drift between
// the two recordings does deceive.
//
// A [Plan] holds what is decided before measuring: how often it looks at the
// data, the error that each look may spend, the margin within which a difference
// is of no interest. Everything here is a function of data: the same data give the
// same bytes.
package compare

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"
)

// A Verdict is what a comparison says of a case.
type Verdict string

const (
	Slower       Verdict = "SLOWER"       // side b takes longer than side a
	Faster       Verdict = "FASTER"       // side b takes less time
	Equivalent   Verdict = "EQUIVALENT"   // the difference lies within the margin
	Inconclusive Verdict = "INCONCLUSIVE" // the data do not tell

	// Of cases that no test decides.
	Identical     Verdict = "IDENTICAL"      // both sides are the same machine code and data
	NotComparable Verdict = "NOT COMPARABLE" // one side lacks the case
)

// Verdicts lists them, those that call for attention first.
var Verdicts = []Verdict{Slower, NotComparable, Inconclusive, Faster, Equivalent, Identical}

// decided reports whether more data would not change a verdict.
func (v Verdict) decided() bool { return v != Inconclusive }

// A Result is what is known of a case. Times of side b are compared with those of
// side a: a ratio above 1 is slower.
type Result struct {
	Verdict Verdict
	Ratio   float64 // of the times, as Hodges and Lehmann estimate it
	// CI95 is the interval of the ratio, from the same test: it holds the true one
	// with probability 95 % or more over all looks together. Zero: there is none.
	CI95  [2]float64
	P     float64 // of the test, for this case and look alone
	PHolm float64 // adjusted for all cases and looks: below alpha it is significant
	N     int     // pairs; or launches of the side that has fewer
	MDE   float64 // smallest change that would have been seen with 80 % power, as a share
	MoreN int     // of an inconclusive case: pairs that are still needed, about
}

// power is that at which effects count as seen.
const power = 0.8

// Reachable returns the least number of pairs with which a case can be
// significant at level alpha when it is one of so many cases: the least p of n
// pairs is 2/2^n, and the smallest p of a suite must be below alpha/cases.
func Reachable(cases int, alpha float64) int {
	return max(1, int(math.Ceil(1+math.Log2(float64(cases)/alpha)-1e-12)))
}

// A Plan is what is decided before anything is measured.
type Plan struct {
	Looks  []int   // pairs after which the data are looked at, in rising order
	Alpha  float64 // probability of any false alarm in the suite, over all looks
	Margin float64 // change, as a share, up to which sides count as equivalent
}

// NewPlan returns a plan for so many cases that looks at the data at the least
// number of pairs, at the greatest, and where there is room once between. Each look
// spends an equal share of alpha. A look that could find nothing, whatever the
// data, moves to where it could; a plan whose last look is such a one is refused
// with the number of pairs that would do.
func NewPlan(least, most, cases int, alpha, margin float64) (Plan, error) {
	switch {
	case !(alpha > 0 && alpha <= 0.5):
		return Plan{}, fmt.Errorf("alpha is %v, want a probability above 0, at most 0.5, such as 0.05", alpha)
	case !(margin > 0 && margin < 1):
		return Plan{}, fmt.Errorf("margin is %v, want a share above 0, below 1, such as 2%%", margin)
	case least < 1 || most < least || most > maxPairs:
		pairs := fmt.Sprintf("%d..%d", least, most)
		if least == most {
			pairs = strconv.Itoa(most)
		}
		return Plan{}, fmt.Errorf("pairs are %s, want a number from 1 to %d, or a range such as 12..40", pairs, maxPairs)
	case cases < 1:
		return Plan{}, fmt.Errorf("no cases, want one or more")
	}
	if need := Reachable(cases, alpha); most < need {
		mend := fmt.Sprintf("%d pairs or more", need)
		if cases > 1 {
			mend += ", or fewer cases"
		}
		return Plan{}, fmt.Errorf("%s cannot be significant at alpha %v for %s, whatever they show; want %s", count(most, "pair"), alpha, count(cases, "case"), mend)
	}
	for k := 3; ; k-- {
		need := Reachable(cases, alpha/float64(k))
		looks := lookAt(max(least, need), most, k)
		if need <= most && len(looks) == k {
			return Plan{Looks: looks, Alpha: alpha, Margin: margin}, nil
		}
	}
}

// maxPairs bounds a plan: beyond it no patience suffices.
const maxPairs = 1000

// lookAt returns up to k numbers from least to most, as far apart as makes a look
// worth its share of alpha.
func lookAt(least, most, k int) []int {
	const apart = 1.2
	var out []int
	for i := range k {
		x := most
		if i < k-1 {
			x = int(math.Round(float64(least) * math.Pow(float64(most)/float64(least), float64(i)/float64(k-1))))
		}
		if i == 0 || float64(x) >= apart*float64(out[len(out)-1]) {
			out = append(out, x)
		}
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// spent is the share of alpha of one look.
func (p Plan) spent() float64 { return p.Alpha / float64(len(p.Looks)) }

// level returns the confidence of the intervals of a look: those of all looks
// together hold the true value with probability 95 %.
func (p Plan) level() float64 { return 1 - 0.05/float64(len(p.Looks)) }

// A sample is the outcome of a test on the data of one case, in logarithms of
// ratios, which add up where ratios multiply.
type sample struct {
	n     int
	p     float64
	shift float64
	// interval returns that of the shift at a confidence, and whether there is one.
	interval func(confidence float64) (lo, hi float64, ok bool)
}

// Data are those of one case, in logarithms: of the ratios b/a of its pairs; or of the
// times of either side, of launches that were recorded apart.
type Data struct {
	Pairs []float64
	A, B  []float64
}

func (d Data) sample() sample {
	if len(d.A) > 0 {
		return unpairedSample(d.A, d.B)
	}
	return signedSample(d.Pairs)
}

// Judge returns a result for each case. Earlier are the results of the look before,
// nil at the first: what was decided stays, and counts towards the correction for many
// cases as Holm's procedure has it.
func (p Plan) Judge(cases []Data, earlier []Result) []Result {
	samples := make([]sample, len(cases))
	for i, d := range cases {
		samples[i] = d.sample()
	}
	out := make([]Result, len(samples))
	ps := make([]float64, len(samples))
	for i, s := range samples {
		ps[i] = s.p
		if earlier != nil && earlier[i].Verdict.decided() {
			// Decided earlier: a rejection stands before all others in Holm's order,
			// an equivalence behind them. So the first false alarm of all looks has
			// the probability that its look spends.
			ps[i] = 1
			if earlier[i].Verdict != Equivalent {
				ps[i] = 0
			}
		}
	}
	adjusted := Holm(ps)
	for i, s := range samples {
		if earlier != nil && earlier[i].Verdict.decided() {
			out[i] = earlier[i]
			continue
		}
		holm := min(1, adjusted[i]*float64(len(p.Looks)))
		out[i] = p.one(s, holm, len(samples))
	}
	return out
}

// one returns the result of a case.
func (p Plan) one(s sample, holm float64, cases int) Result {
	r := Result{Verdict: Inconclusive, N: s.n, P: s.p, PHolm: holm, Ratio: math.Exp(s.shift)}
	if lo, hi, ok := s.interval(p.level()); ok {
		r.CI95 = [2]float64{math.Exp(lo), math.Exp(hi)}
	}
	margin := math.Log1p(p.Margin)
	// Two one-sided tests at the level of this look are an interval at twice it.
	if lo, hi, ok := s.interval(1 - 2*p.spent()); ok && -margin < lo && hi < margin {
		r.Verdict = Equivalent
	} else if holm <= p.Alpha {
		r.Verdict = Slower
		if s.shift < 0 {
			r.Verdict = Faster
		}
	}
	error, ok := s.standardError()
	if !ok {
		return r
	}
	// What it takes to be seen in a suite where nothing else differs.
	z := -distuv.UnitNormal.Quantile(p.spent()/2/float64(cases)) + distuv.UnitNormal.Quantile(power)
	r.MDE = math.Expm1(z * error)
	if r.Verdict == Inconclusive {
		// More pairs will tell it from nothing, or put it within the margin,
		// whichever is nearer.
		effect := max(math.Abs(s.shift), margin-math.Abs(s.shift))
		r.MoreN = max(1, int(math.Ceil(float64(s.n)*math.Pow(z*error/effect, 2)))-s.n)
	}
	return r
}

// standardError returns that of the shift, from an interval rather than a variance:
// single values far off leave it as it is.
func (s sample) standardError() (float64, bool) {
	const confidence = 0.9
	lo, hi, ok := s.interval(confidence)
	return (hi - lo) / 2 / distuv.UnitNormal.Quantile((1+confidence)/2), ok
}
