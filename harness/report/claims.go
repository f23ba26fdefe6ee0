package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/record"
)

// ClaimFormats lists how claims can be shown, the one for people first.
var ClaimFormats = []string{"table", "md", "json"}

var claimFields = []field[record.Claim]{
	{Column: Column{"claim", 7, true}, value: func(c *record.Claim) string { return c.ID }},
	{Column: Column{"verdict", 20, true}, value: func(c *record.Claim) string { return c.Verdict }},
	{Column: Column{"measured [95 %]", 27, true}, value: estimate},
	{Column: Column{"theory", 37, true}, value: func(c *record.Claim) string { return c.Theory }},
	{Column: Column{"seconds", 9, false}, value: func(c *record.Claim) string { return strconv.FormatFloat(c.Seconds, 'f', 1, 64) }},
}

// estimate is what the verdict was made of.
func estimate(c *record.Claim) string {
	if c.Quantity == "" {
		return "not measured"
	}
	return interval95(c.Measured, c.CI95)
}

func interval95(x float64, ci [2]float64) string {
	switch {
	case ci[0] == -math.MaxFloat64 && ci[1] == math.MaxFloat64:
		return "not finite"
	case ci[0] == ci[1]:
		return axis.FormatFloat(x, 4)
	}
	return fmt.Sprintf("%s [%s, %s]", axis.FormatFloat(x, 3), axis.FormatFloat(ci[0], 3), axis.FormatFloat(ci[1], 3))
}

// Claims writes claims in a format: a row for each, and in Markdown a section for each
// besides.
func Claims(w io.Writer, format string, claims []record.Claim) error {
	if format == "json" {
		out := json.NewEncoder(w)
		for i := range claims {
			if err := out.Encode(&claims[i]); err != nil {
				return fmt.Errorf("json: %w", err)
			}
		}
		return nil
	}
	fields := claimFields
	if format == "md" {
		fields = append(slices.Clone(fields[:1]), append([]field[record.Claim]{
			{Column: Column{"statement", 0, true}, value: func(c *record.Claim) string { return c.Statement }},
		}, fields[1:]...)...)
	}
	table, err := newTable(w, format == "md", fields)
	if err != nil {
		return err
	}
	for i := range claims {
		if err := addRow(table, fields, &claims[i]); err != nil {
			return err
		}
	}
	if err := table.Close(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", tally(claims)); err != nil || format != "md" {
		return err
	}
	for i := range claims {
		if err := claimSection(w, &claims[i]); err != nil {
			return err
		}
	}
	return nil
}

// showClaims writes the claims of a file, whose order is theirs.
func showClaims(w io.Writer, f *record.File, format, by, sort string) error {
	switch {
	case by != "" || sort != "":
		return fmt.Errorf("claims have one table in one order, want them without --by and --sort")
	case !slices.Contains(ClaimFormats, format):
		return fmt.Errorf("claims are not shown as %s, want --format %s", format, strings.Join(ClaimFormats, ", "))
	}
	return Claims(w, format, f.Claims)
}

// tally counts verdicts.
func tally(claims []record.Claim) string {
	counts := map[string]int{}
	for _, c := range claims {
		counts[c.Verdict]++
	}
	var parts []string
	for _, v := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[v], v))
	}
	return strings.Join(parts, ", ")
}

func claimSection(w io.Writer, c *record.Claim) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s: %s\n\n%s. Source: %s. Theory: %s.\n\n", c.ID, c.Verdict, c.Statement, c.Source, c.Theory)
	if len(c.Quantities) > 0 {
		b.WriteString("| measured | value [95 %] | rule | verdict |\n|---|---|---|---|\n")
		for _, q := range c.Quantities {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", escaped(q.Name), interval95(q.Measured, q.CI95), escaped(q.Rule), q.Verdict)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s: %s.\n\nSeeds: %s. Parameters: %s.\n", limitsHead, c.Limits, seedsOf(c), params(c))
	_, err := io.WriteString(w, b.String())
	return err
}

const limitsHead = "What it does not show"

func escaped(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func seedsOf(c *record.Claim) string {
	if c.Seeds == 0 {
		return "none, nothing is random"
	}
	return fmt.Sprintf("%d of set %d", c.Seeds, c.SeedSet)
}

func params(c *record.Claim) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(c.Params)) {
		out = append(out, k+" "+c.Params[k])
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, "; ")
}

// Explain writes all that is known of claims, for a terminal.
func Explain(w io.Writer, claims []record.Claim) error {
	for i := range claims {
		c := &claims[i]
		var b strings.Builder
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s %s\n", c.ID, c.Verdict)
		for _, line := range [][2]string{
			{"claim", c.Statement}, {"source", c.Source}, {"theory", c.Theory},
		} {
			labelled(&b, line[0], line[1])
		}
		for _, q := range c.Quantities {
			labelled(&b, "measured", fmt.Sprintf("%s: %s; %s: %s", q.Name, interval95(q.Measured, q.CI95), q.Rule, q.Verdict))
		}
		labelled(&b, "limits", c.Limits)
		labelled(&b, "seeds", seedsOf(c))
		labelled(&b, "params", params(c))
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

func labelled(b *strings.Builder, label, text string) {
	const indent = "            "
	fmt.Fprintf(b, "  %-10s%s\n", label, Wrap(text, indent))
}
