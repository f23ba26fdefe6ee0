// Package page writes recorded claims as a page to read: what theory says beside what was
// measured, part by part of the lecture that the claims are from, each with its figure.
package page

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/optbench/optbench/harness/plot"
	"github.com/optbench/optbench/harness/record"
	"github.com/optbench/optbench/harness/report"
)

// A Figure is drawn beside the page.
type Figure struct {
	Name string // of its file, in the folder of figures
	*plot.Figure
}

// Write writes the page, as Markdown, on the claims of a file that has those of one run
// and of all groups, and returns the figures that the page expects in a folder.
func Write(w io.Writer, f *record.File, folder string) ([]Figure, error) {
	run, err := only(f)
	if err != nil {
		return nil, err
	}
	claims := map[string]*record.Claim{}
	for i := range f.Claims {
		claims[f.Claims[i].ID] = &f.Claims[i]
	}
	p := &page{w: w, claims: claims}
	p.head(run, f.Claims)
	var figures []Figure
	for _, g := range groups {
		name := g.name + ".svg"
		p.group(&g, path.Join(folder, name), f.Claims)
		if p.err != nil {
			return nil, p.err
		}
		drawn, err := p.figure(&g)
		if err != nil {
			return nil, err
		}
		figures = append(figures, Figure{name, drawn})
	}
	return figures, nil
}

// only returns the run of a file of one profile and seed set. A run that was taken up
// again is several, of which the last stands for all.
func only(f *record.File) (*record.Run, error) {
	if len(f.Claims) == 0 {
		return nil, fmt.Errorf("no records of claims, want a file that optbench claims --profile full -o wrote")
	}
	last := f.Claims[len(f.Claims)-1]
	seen := map[string]bool{}
	for _, c := range f.Claims {
		if c.Profile != last.Profile || c.SeedSet != last.SeedSet {
			return nil, fmt.Errorf("claims of profile %s, seeds %d and of profile %s, seeds %d, want those of one run: a file each", c.Profile, c.SeedSet, last.Profile, last.SeedSet)
		}
		if seen[c.ID] {
			return nil, fmt.Errorf("claim %s is there twice, want the claims of one run", c.ID)
		}
		if !slices.ContainsFunc(groups, func(g group) bool { return g.has(c.ID) }) {
			return nil, fmt.Errorf("claim %s is in no part of the page, want claims that optbench claims -o wrote", c.ID)
		}
		seen[c.ID] = true
	}
	for i := range f.Runs {
		if f.Runs[i].ID == last.Run {
			return &f.Runs[i], nil
		}
	}
	return nil, fmt.Errorf("no record of run %s, which claim %s belongs to", last.Run, last.ID)
}

// A page is written until something fails.
type page struct {
	w      io.Writer
	claims map[string]*record.Claim
	err    error
}

func (p *page) print(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *page) head(run *record.Run, claims []record.Claim) {
	counts := map[string]int{}
	seconds := 0.0
	for _, c := range claims {
		counts[c.Verdict]++
		seconds += c.Seconds
	}
	var verdicts []string
	for v := range counts {
		verdicts = append(verdicts, v)
	}
	slices.SortFunc(verdicts, func(a, b string) int {
		if n := counts[b] - counts[a]; n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for i, v := range verdicts {
		verdicts[i] = fmt.Sprintf("%d %s", counts[v], v)
	}
	p.print(`# What theory claims, and what is measured

%d claims of a lecture on optimizers (MIT 6.881, lecture 20, S. Sra, 2021) and of the papers
behind it: %s.

Instance, seeds and rule of judgement of each were fixed before it ran; seeds are a hash of
the claim's ID. "Measured" has the 95 %% interval: over seeds by bootstrap, of shares by
Wilson, of tail indices by Hill, and of a fit to points without randomness by its residuals.
Where theory says that one is better and not by how much, ">= 10" is what was asked for
beforehand. A bound over a class of functions cannot be confirmed by instances: what was
measured is CONSISTENT with it, or it stands here as BOUND ONLY. REFUTED AS PRINTED means
that a corrected form holds. Grey dots in figures are the exponents of theory, through the
middle of what was measured.

This page is made by

`+"```"+`
%s
optbench claims page FILE -o docs/claims.md
`+"```"+`

of version %s, commit %s, %.0f s of work on all threads together, on %s. The same seeds give
the same figures on other machines; %s tells all of one.
`, len(claims), strings.Join(verdicts, ", "), run.Command, run.Version, run.Commit, seconds, run.Environment.CPU, "`optbench claims C07 --explain`")
}

func (p *page) group(g *group, figure string, claims []record.Claim) {
	numbers := g.from
	if g.to != g.from {
		numbers += " to " + g.to
	}
	p.print("\n## %s (%s)\n\n%s\n\n![%s](%s)\n\n", g.title, numbers, g.text, g.title, figure)
	if p.err != nil {
		return
	}
	table, err := report.NewTable(p.w, true, report.Column{Name: "claim", Left: true}, report.Column{Name: "statement", Left: true}, report.Column{Name: "theory", Left: true},
		report.Column{Name: "measured", Left: true}, report.Column{Name: "verdict", Left: true})
	if err != nil {
		p.err = err
		return
	}
	var own []record.Claim
	for _, c := range claims {
		if g.has(c.ID) {
			own = append(own, c)
			theory, _, _ := strings.Cut(c.Theory, ": ")
			if err := table.Row(c.ID, c.Statement, theory, report.Measured(&c), c.Verdict); err != nil {
				p.err = err
				return
			}
		}
	}
	if p.err = table.Close(); p.err != nil {
		return
	}
	p.print("\n<details><summary>With what, by which rule, and what it does not show</summary>\n")
	for _, c := range own {
		p.print("\n**%s** %s.\n\n", c.ID, c.Source)
		for _, part := range [][2]string{{"Theory", c.Theory}, {"Rule", c.Rule}, {"With", c.Params}, {"Seeds", report.Seeds(&c)}, {"Also", strings.Join(c.Notes, "; ")}, {"Not shown", c.NotShown}} {
			if part[1] != "" {
				p.print("- %s: %s.\n", part[0], escape(part[1]))
			}
		}
	}
	p.print("\n</details>\n")
}

// escape keeps Markdown from reading formulas as emphasis.
func escape(text string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", "&lt;").Replace(text)
}

// has reports whether a claim belongs to the group.
func (g *group) has(id string) bool {
	number := strings.TrimRight(id, "abcdefghijklmnopqrstuvwxyz")
	return g.from <= number && number <= g.to
}

func (p *page) figure(g *group) (*plot.Figure, error) {
	var panels []plot.Panel
	for _, in := range g.panels {
		out := plot.Panel{Title: in.title, X: in.x, Y: in.y, LinearX: in.linearX, LinearY: in.linearY}
		for _, l := range in.lines {
			c := p.claims[l.claim]
			if c == nil || l.series >= len(c.Series) {
				return nil, fmt.Errorf("claim %s has no record of its points, which the figure on %s needs: want a run of all claims", l.claim, g.title)
			}
			m := plot.Line{Name: l.name, X: c.Series[l.series].X, Y: c.Series[l.series].Y}
			if l.theory != nil {
				out.Guides = append(out.Guides, m.Power(l.theory.name, l.theory.exponent))
			}
			out.Lines = append(out.Lines, m)
		}
		panels = append(panels, out)
	}
	return plot.Panels(panels...)
}
