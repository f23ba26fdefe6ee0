package kernels

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNotFused holds the rule that a definition's products are rounded: where
// the conversion in T(a*b) + c is forgotten, Go may fuse the two operations on
// an architecture that has an instruction for it, and no test run on another
// would notice. So the package is compiled for two that do, and its listing
// searched.
func TestNotFused(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go tool to compile the package with")
	}
	for _, target := range [][]string{
		{"GOARCH=arm64"},
		{"GOARCH=amd64", "GOAMD64=v3"},
	} {
		t.Run(strings.Join(target, ","), func(t *testing.T) {
			t.Parallel()
			compile := func(dir string) (counts map[string]int, first map[string]string) {
				cmd := exec.Command(tool, "build", "-gcflags=-S", ".")
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=")
				cmd.Env = append(cmd.Env, target...)
				listing, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %v\n%s", cmd, err, listing[:min(len(listing), 2000)])
				}
				return fused(listing)
			}
			if control, _ := compile(forgotten(t)); control["Forgotten"] == 0 {
				t.Error("no fused instruction where a conversion is forgotten: the search does not know this architecture's")
			}
			counts, first := compile(".")
			for _, want := range []string{"adam[go.shape.float32]", "adam[go.shape.float64]", "Pow32"} {
				if _, ok := counts[want]; !ok {
					t.Errorf("the listing has no function %s", want)
				}
			}
			for f, n := range counts {
				if n > 0 {
					t.Errorf("%s has %d fused multiply-adds, the first at %s", f, n, first[f])
				}
			}
		})
	}
}

// forgotten returns the folder of a package that the compiler may fuse.
func forgotten(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example.com/kernels\n",
		"kernels.go": "package kernels\n\nfunc Forgotten(a, b, c float64) float64 { return a*b + c }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	function = regexp.MustCompile(`^[^\s]*/kernels\.(\S+) STEXT`)
	multiply = regexp.MustCompile(`\tV?FN?M(ADD|SUB|L[AS])[A-Z0-9]*\t`)
)

// fused counts the fused instructions of each function of a compiler's listing
// and returns the first of each.
func fused(listing []byte) (counts map[string]int, first map[string]string) {
	counts, first = map[string]int{}, map[string]string{}
	name := ""
	lines := bufio.NewScanner(bytes.NewReader(listing))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := function.FindStringSubmatch(line); m != nil {
			name = m[1]
			counts[name] += 0
		} else if strings.Contains(line, " STEXT") {
			name = line // of another package, instantiated or inlined here
		} else if multiply.MatchString(line) {
			if counts[name]++; counts[name] == 1 {
				first[name] = strings.TrimSpace(line)
			}
		}
	}
	return counts, first
}
