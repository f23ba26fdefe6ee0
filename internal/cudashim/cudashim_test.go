package cudashim

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestSymbols holds the list of entry points to the header: what cu may call there
// must lead to the driver. One that cu calls and that is in neither does not link.
func TestSymbols(t *testing.T) {
	names := func(file, pattern string) []string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			out = append(out, m[1])
		}
		slices.Sort(out)
		return out
	}
	declared := names("include/cuda.h", `(?m)^CUresult (\w+)\(`)
	listed := names("symbols.h", `(?m)^X\((\w+)\)$`)
	listed = append(listed, "cuInit") // which does not wait for the driver
	slices.Sort(listed)
	if !slices.Equal(declared, listed) || len(declared) < 100 {
		t.Errorf("symbols.h and cuInit are %d names, and cuda.h declares %d:\n%q\n%q", len(listed), len(declared), listed, declared)
	}
}
