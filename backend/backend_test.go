package backend_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/backend/backendtest"
)

// OPTBENCH_REQUIRE lists backends, by comma, that must be available: where
// they are known to be, a skipped test is a failure.
func TestConformance(t *testing.T) {
	required := strings.Split(os.Getenv("OPTBENCH_REQUIRE"), ",")
	for _, l := range backend.List() {
		t.Run(l.Name, func(t *testing.T) {
			if l.Missing != "" {
				if slices.Contains(required, l.Name) {
					t.Fatal(l.Missing)
				}
				t.Skip(l.Missing)
			}
			// One to four workers in turn, whatever the machine has: the same bits
			// must come of every cut.
			threads := 0
			backendtest.Run(t, func() (backend.Backend, error) {
				threads = threads%4 + 1
				return backend.Options{Threads: threads}.Open(l.Name)
			})
		})
	}
	for _, name := range required {
		if name != "" && !slices.Contains(backend.Names(), name) {
			t.Errorf("OPTBENCH_REQUIRE names %s, which this binary does not know: %s", name, strings.Join(backend.Names(), ", "))
		}
	}
}
