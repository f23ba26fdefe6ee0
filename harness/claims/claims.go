// Package claims holds what a lecture on optimization claims as experiments: what
// theory says, beside what is measured, and a verdict by a rule that was fixed before.
//
// A claim is one Go file with one define(...). Its design is frozen there: parameters
// for either profile, rules with their tolerances. Seeds follow from the claim's ID, so
// that nobody chooses them.
package claims

import (
	"cmp"
	"slices"
)

// A Claim is a statement with the experiment that tests it.
type Claim struct {
	ID        string
	Statement string
	Source    string // where it is stated
	Theory    string // what should be measured, in a few words
	Limits    string // what the experiment does not show
	// Quantities are what is measured, in the order of what Measure returns. A claim
	// without any is a bound, or a question, that no experiment can decide.
	Quantities []Quantity
	Measure    func(*Trial) ([]Estimate, error)
}

// A Quantity is a number to be measured, and what decides on it.
type Quantity struct {
	Name string
	Rule Rule
}

var all []*Claim

// define adds a claim.
func define(c Claim) *Claim {
	all = append(all, &c)
	return &c
}

// All returns every claim: those of the lecture, then its errata, by number.
func All() []*Claim {
	return slices.SortedFunc(slices.Values(all), func(a, b *Claim) int {
		return cmp.Or(cmp.Compare(a.ID[0], b.ID[0]), cmp.Compare(number(a.ID), number(b.ID)), cmp.Compare(a.ID, b.ID))
	})
}

// number is that of an ID such as C34b.
func number(id string) (n int) {
	for _, r := range id[1:] {
		if r >= '0' && r <= '9' {
			n = 10*n + int(r-'0')
		}
	}
	return n
}

// IDs lists the claims in the order of [All].
func IDs() []string {
	var ids []string
	for _, c := range All() {
		ids = append(ids, c.ID)
	}
	return ids
}

// Find returns the claim of that ID, or nil.
func Find(id string) *Claim {
	i := slices.IndexFunc(all, func(c *Claim) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return all[i]
}
