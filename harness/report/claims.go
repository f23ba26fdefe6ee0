package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/optbench/optbench/harness/record"
)

// ClaimFormats lists the formats that claims are shown in, the one for people first.
var ClaimFormats = []string{"table", "md", "json"}

// A Claims shows claims as they come: a row each, or, where it explains, all that is
// known of them.
type Claims struct {
	w       io.Writer
	json    *json.Encoder
	table   *Table
	explain bool
	count   int
}

var claimColumns = []Column{{"claim", 7, true}, {"verdict", 20, true}, {"measured [95 %]", 29, true}, {"theory", 12, true}, {"s", 7, false}, {"statement", 25, true}}

var claimColumnsInFull = append(claimColumns[:len(claimColumns):len(claimColumns)], Column{Name: "source", Left: true}, Column{Name: "rule", Left: true}, Column{Name: "with", Left: true}, Column{Name: "seeds", Left: true}, Column{Name: "not shown", Left: true})

// NewClaims starts to show claims in one of [ClaimFormats].
func NewClaims(w io.Writer, format string, explain bool) (*Claims, error) {
	c := &Claims{w: w, explain: explain && format == "table"}
	var err error
	switch {
	case c.explain:
	case format == "table":
		c.table, err = NewTable(w, false, claimColumns...)
	case format == "md":
		c.table, err = NewTable(w, true, claimColumnsInFull...)
	case format == "json":
		c.json = json.NewEncoder(w)
	default:
		err = fmt.Errorf("claims are shown as %s, got --format %s", strings.Join(ClaimFormats, ", "), format)
	}
	return c, err
}

// Run says which run the claims that follow belong to.
func (c *Claims) Run(r *record.Run) error {
	if c.json == nil {
		return nil
	}
	return jsonLines{c.json}.line(r)
}

// Write shows a claim.
func (c *Claims) Write(r *record.Claim) error {
	c.count++
	switch {
	case c.json != nil:
		return jsonLines{c.json}.line(r)
	case c.explain:
		return c.full(r)
	}
	theory := r.Theory
	if !c.table.markdown {
		theory, _, _ = strings.Cut(theory, ": ") // the number without the argument
	}
	cells := []string{r.ID, r.Verdict, Measured(r), theory, seconds(r), r.Statement}
	if c.table.markdown {
		cells = append(cells, r.Source, r.Rule, r.Params, Seeds(r), r.NotShown)
	}
	return c.table.Row(cells...)
}

// full tells all of a claim.
func (c *Claims) full(r *record.Claim) error {
	var b strings.Builder
	if c.count > 1 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s  %s\n", r.ID, r.Verdict)
	parts := [][2]string{
		{"claim", r.Statement}, {"source", r.Source}, {"theory", r.Theory}, {"measured", Measured(r)}, {"rule", r.Rule},
		{"with", r.Params}, {"seeds", Seeds(r)}, {"work", seconds(r) + " s, profile " + r.Profile},
	}
	for _, n := range r.Notes {
		parts = append(parts, [2]string{"also", n})
	}
	for _, p := range append(parts, [2]string{"not shown", r.NotShown}) {
		if p[1] != "" {
			fmt.Fprintf(&b, "  %-9s  %s\n", p[0], Wrap(p[1], strings.Repeat(" ", 13)))
		}
	}
	_, err := io.WriteString(c.w, b.String())
	return err
}

// Close ends the table.
func (c *Claims) Close() error {
	if c.table == nil {
		return nil
	}
	return c.table.Close()
}

// Measured is what was measured, the value with its interval, if it has one.
func Measured(r *record.Claim) string {
	value := strconv.FormatFloat(r.Measured, 'g', 4, 64)
	lo, hi := fmt.Sprintf("%.3g", r.CI95[0]), fmt.Sprintf("%.3g", r.CI95[1])
	if lo == hi {
		return value
	}
	return fmt.Sprintf("%s [%s, %s]", value, lo, hi)
}

// Seeds is how many runs there were of which seeds.
func Seeds(r *record.Claim) string {
	switch {
	case r.Seeds > 0:
		return fmt.Sprintf("%d of set %d", r.Seeds, r.SeedSet)
	case r.CI95[0] != r.CI95[1]:
		return "none, nothing is random: the interval is over the points"
	}
	return "none, nothing is random"
}

func seconds(r *record.Claim) string {
	if r.Seconds >= 100 {
		return strconv.FormatFloat(r.Seconds, 'f', 0, 64)
	}
	return strconv.FormatFloat(r.Seconds, 'f', 2, 64)
}

// showClaims writes the claims of a file.
func showClaims(w io.Writer, f *record.File, format string) error {
	out, err := NewClaims(w, format, false)
	if err != nil {
		return err
	}
	for i := range f.Runs {
		if err := out.Run(&f.Runs[i]); err != nil {
			return err
		}
	}
	for i := range f.Claims {
		if err := out.Write(&f.Claims[i]); err != nil {
			return err
		}
	}
	return out.Close()
}
