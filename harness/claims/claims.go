// Package claims holds what papers claim of optimizers as experiments whose design is
// fixed before they run: what theory says, what is measured, by which rule the two are
// compared, and what the experiment does not show.
//
// A claim is one Go file, or one of a few that share an experiment: what it runs, and
// one define(...) for each. What it steps are definitions of package kernels on a
// backend; seeds are a hash of its ID, so that nobody chose them.
package claims

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/optbench/optbench/harness/axis"
)

// A Claim is a statement and the experiment that it is held to.
type Claim struct {
	// ID is a letter and two digits, and one more letter where several claims share a
	// number: C07, C07b.
	ID        string
	Statement string // what is claimed, in a sentence that begins with what matters
	Source    string // where it is claimed
	// Theory is what the measured number should be, ": ", and by what argument.
	Theory   string
	NotShown string // what the experiment does not show
	Rule     Rule
	// Run measures. What it returns depends on the profile and the seeds of the lab
	// alone.
	Run func(*Lab) (Measured, error)
}

// Measured is what an experiment gave.
type Measured struct {
	Value float64
	CI    [2]float64 // 95 % interval, over seeds or the points of a fit; both ends are Value where there is none
	Seeds int        // runs that the value is of; 0 where nothing is random
	// Params says with what it was measured: "condition=1e2..1e5 dim=2".
	Params string
	// Notes are other figures of the same experiment: controls, ratios, prefactors.
	Notes []string
	// Series are the measured points, for a plot.
	Series []Series
}

// A Series is points of one curve.
type Series struct {
	Name string
	X, Y []float64
}

// Exactly is a measured value without randomness.
func Exactly(value float64, params string) Measured {
	return Measured{Value: value, CI: [2]float64{value, value}, Params: params}
}

var claims []*Claim

// define adds claims.
func define(more ...Claim) []*Claim {
	var out []*Claim
	for i := range more {
		out = append(out, &more[i])
	}
	claims = append(claims, out...)
	return out
}

// All returns every claim, sorted by ID.
func All() []*Claim {
	return slices.SortedFunc(slices.Values(claims), func(a, b *Claim) int { return cmp.Compare(a.ID, b.ID) })
}

// Find returns the claims of IDs in the order of [All]: C07, or C7, stands for C07b too.
// None stand for all.
func Find(ids ...string) ([]*Claim, error) {
	wanted := map[*Claim]bool{}
	for _, id := range ids {
		found := false
		for _, c := range claims {
			if short(c.ID) == short(id) || short(number(c.ID)) == short(id) {
				wanted[c], found = true, true
			}
		}
		if !found {
			return nil, unknown(id)
		}
	}
	return slices.DeleteFunc(All(), func(c *Claim) bool { return len(ids) > 0 && !wanted[c] }), nil
}

// short is an ID as it may be written: without a zero before its number.
func short(id string) string {
	id = strings.ToLower(id)
	if len(id) > 2 && id[1] == '0' {
		return id[:1] + id[2:]
	}
	return id
}

// number is an ID without the letter at its end.
func number(id string) string { return strings.TrimRight(id, "abcdefghijklmnopqrstuvwxyz") }

// unknown is the error of an ID that no claim has. It says which numbers there are, and
// suggests the one that the ID has but for its letter, or the last of the nearest.
func unknown(id string) error {
	var numbers, ranges []string // the last number first; from the first to the last of a letter
	for _, c := range All() {
		n := number(c.ID)
		if slices.Contains(numbers, n) {
			continue
		}
		numbers = slices.Insert(numbers, 0, n)
		if last := len(ranges) - 1; last >= 0 && ranges[last][0] == n[0] {
			first, _, _ := strings.Cut(ranges[last], " ")
			ranges[last] = first + " to " + n
		} else {
			ranges = append(ranges, n)
		}
	}
	known := strings.Join(ranges, ", ")
	near := axis.Suggest(id, numbers)
	if at := slices.IndexFunc(numbers, func(n string) bool { return short(n) == number(short(id)) }); at >= 0 {
		near = numbers[at]
	}
	if near != "" {
		return fmt.Errorf("unknown claim %q, did you mean %s? Known: %s", id, near, known)
	}
	return fmt.Errorf("unknown claim %q, want one of %s", id, known)
}
