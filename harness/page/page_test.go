package page

import (
	"io"
	"strings"
	"testing"

	"github.com/optbench/optbench/harness/claims"
	"github.com/optbench/optbench/harness/record"
)

// TestGroups: every claim belongs to one group, and figures show claims of their own, or
// of one before.
func TestGroups(t *testing.T) {
	for _, c := range claims.All() {
		var in []string
		for _, g := range groups {
			if g.has(c.ID) {
				in = append(in, g.title)
			}
		}
		if len(in) != 1 {
			t.Errorf("claim %s is in groups %q, want one", c.ID, in)
		}
	}
	for _, g := range groups {
		if len(g.panels) == 0 {
			t.Errorf("%s has no figure", g.title)
		}
		for _, p := range g.panels {
			for _, l := range p.lines {
				if found, err := claims.Find(l.claim); err != nil || found[0].ID != l.claim || l.claim > g.to+"z" {
					t.Errorf("%s, %s: shows %s, want a claim that is there", g.title, p.title, l.claim)
				}
				if l.theory != nil && (p.linearX || p.linearY) {
					t.Errorf("%s, %s: an exponent on a linear axis", g.title, p.title)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	run := []record.Run{{ID: "r"}}
	for _, c := range []struct {
		file record.File
		want string
	}{
		{record.File{Runs: run}, "no records of claims"},
		{record.File{Runs: run, Claims: []record.Claim{{Run: "r", ID: "C01"}, {Run: "r", ID: "C01"}}}, "claim C01 is there twice"},
		{record.File{Runs: run, Claims: []record.Claim{{Run: "r", ID: "C01", Profile: "full"}, {Run: "r", ID: "C02", Profile: "quick"}}}, "want those of one run"},
		{record.File{Runs: run, Claims: []record.Claim{{Run: "s", ID: "C01"}}}, "no record of run s"},
		{record.File{Runs: run, Claims: []record.Claim{{Run: "r", ID: "Z"}}}, "claim Z is in no part of the page"},
		{record.File{Runs: run, Claims: []record.Claim{{Run: "r", ID: "E11"}}}, "claim E11 is in no part of the page"},
		{record.File{Runs: run, Claims: []record.Claim{{Run: "r", ID: "C01"}}}, "claim C02 has no record of its points"},
	} {
		if _, err := Write(io.Discard, &c.file, "figures"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.file.Claims, err, c.want)
		}
	}
}
