package axis

import (
	"fmt"
	"strings"
)

// Choose returns the names got, in that order, repeats removed, if all of them are
// known. The name all stands for every known one, in their order.
func Choose(axisName string, got []string, known []string) ([]string, error) {
	isKnown := make(map[string]bool, len(known))
	for _, k := range known {
		isKnown[k] = true
	}
	var chosen []string
	for _, name := range got {
		switch {
		case isKnown[name]:
			chosen = append(chosen, name)
		case name == "all":
			chosen = append(chosen, known...)
		default:
			hint := ""
			if s := Suggest(name, known); s != "" {
				hint = fmt.Sprintf(" (did you mean %q?)", s)
			}
			return nil, fmt.Errorf("axis %s: got %q%s, want all or some of: %s", axisName, name, hint, strings.Join(known, ", "))
		}
	}
	return Unique(chosen), nil
}

// Suggest returns the known word nearest to a mistyped one, the first of several
// as near, or "" where none is near: at most one edit for every three letters,
// rounded up, and fewer edits than letters. Case does not count.
func Suggest(word string, known []string) string {
	w := []rune(strings.ToLower(word))
	best, nearest := min((len(w)+2)/3, len(w)-1), ""
	for _, k := range known {
		if d := distance(w, []rune(strings.ToLower(k))); d < best || d == best && nearest == "" {
			best, nearest = d, k
		}
	}
	return nearest
}

// distance counts the insertions, deletions and replacements from a to b.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1) // from the part of a read so far to each part of b
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			replace := diagonal
			if x != y {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Times returns the cases once for each value, which put sets.
func Times[C, V any](cases []C, values []V, put func(*C, V)) []C {
	var out []C
	for _, c := range cases {
		for _, v := range values {
			n := c
			put(&n, v)
			out = append(out, n)
		}
	}
	return out
}
