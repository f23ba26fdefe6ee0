// Package arch holds the tree to its plan: which package may import which, how
// packages are named, and which build tags there are. It reads the source, so
// that no build tag hides a file from it.
package arch

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/optbench/optbench"

// A rule says what the packages of a directory may import. Imports within the
// directory tree that the rule is for, where deep, are always allowed.
type rule struct {
	dir      string
	deep     bool     // for the directories below as well
	project  []string // other packages of the project; "x/..." includes those below x
	external []string // prefixes of import paths; "*" for any
	tests    []string // what tests alone may import besides
}

// rules are tried in order; a directory without one is an error. What a package
// may import its tests may too, and the conformance suite besides.
var rules = []rule{
	{dir: "kernels"},
	{dir: "kernels/cpu", project: []string{"kernels"}, external: []string{"golang.org/x/sys"}},
	{dir: "kernels/cuda", project: []string{"kernels"}, tests: []string{"internal/ptxsim"}},
	{dir: "backend", project: []string{"kernels", "kernels/cpu", "kernels/cuda", "internal/cgroup", "internal/cudashim"}, external: []string{"*"}, tests: []string{"internal/cudasim"}},
	{dir: "backend/backendtest", project: []string{"backend", "kernels"}},
	{dir: "harness/measure", project: []string{"harness/axis", "harness/record"}},
	{dir: "harness/plot", project: []string{"harness/axis", "harness/measure", "harness/record"}, external: []string{"gonum.org/v1/plot"}, tests: []string{"kernels"}},
	{dir: "harness/dense", project: []string{"kernels"}, external: []string{"gonum.org/v1/gonum"}},
	{dir: "harness/compare", external: []string{"gonum.org/v1/gonum", "golang.org/x/perf"}}, // statistics, of data alone
	{dir: "harness", deep: true, project: []string{"backend", "kernels", "internal/..."}, external: []string{"*"}},
	{dir: "cmd/optbench", project: []string{"harness/...", "backend", "kernels", "internal/..."}, external: []string{"*"}},
	{dir: "internal/cudasim", project: []string{"internal/cudashim", "internal/ptxsim"}},
	{dir: "internal", deep: true, external: []string{"*"}},
}

// The suite for backends serves tests alone.
const suite = "backend/backendtest"

// device are the packages that reach a device's driver: only files of backend
// whose names start with cuda may import them, and what simulates one.
var device = []string{"gorgonia.org/cu", "github.com/NVIDIA/go-nvml", module + "/internal/cudashim"}

// tags are the build tags that files may depend on: the two of the project, and
// words for systems and architectures.
var tags = []string{"purego", "cuda", "unix", "linux", "darwin", "windows", "freebsd", "amd64", "arm64", "riscv64"}

// vague are names that say nothing of a package's purpose.
var vague = []string{"util", "utils", "common", "types", "misc", "helpers"}

// A file is what its rules depend on.
type file struct {
	name    string // from the root of the module, with slashes
	pkg     string
	imports []string
	tags    []string
}

func (f *file) test() bool { return strings.HasSuffix(f.name, "_test.go") }

func TestTree(t *testing.T) {
	files := read(t, filepath.Join("..", ".."))
	if len(files) < 40 {
		t.Fatalf("found %d files, which cannot be the whole project", len(files))
	}
	for _, f := range files {
		for _, problem := range f.problems() {
			t.Errorf("%s: %s", f.name, problem)
		}
	}
}

// TestProblems makes sure that TestTree would find something.
func TestProblems(t *testing.T) {
	for _, c := range []struct {
		f    file
		want string // "" for no problem
	}{
		{file{"kernels/a.go", "kernels", []string{"math"}, nil}, ""},
		{file{"kernels/a.go", "kernels", []string{"gonum.org/v1/gonum/mat"}, nil}, "gonum"},
		{file{"kernels/a_test.go", "kernels", []string{module + "/backend"}, nil}, "backend"},
		{file{"kernels/cpu/a.go", "cpu", []string{module + "/kernels", "golang.org/x/sys/cpu"}, nil}, ""},
		{file{"kernels/cpu/a.go", "cpu", []string{module + "/backend"}, nil}, "backend"},
		{file{"kernels/cuda/a_test.go", "cuda", []string{module + "/internal/ptxsim"}, nil}, ""},
		{file{"kernels/cuda/a.go", "cuda", []string{module + "/internal/ptxsim"}, nil}, "ptxsim"},
		{file{"backend/a.go", "backend", []string{module + "/kernels/cpu"}, nil}, ""},
		{file{"backend/a.go", "backend", []string{module + "/harness"}, nil}, "harness"},
		{file{"backend/a.go", "backend", []string{module + "/backend/backendtest"}, nil}, "backendtest"},
		{file{"backend/a_test.go", "backend_test", []string{module + "/backend", module + "/backend/backendtest"}, nil}, ""},
		{file{"backend/a.go", "backend", []string{"gorgonia.org/cu"}, nil}, "cuda"},
		{file{"backend/cuda_run.go", "backend", []string{"gorgonia.org/cu"}, []string{"cuda"}}, ""},
		{file{"internal/cudasim/a.go", "cudasim", []string{module + "/internal/cudashim"}, []string{"cuda"}}, ""},
		{file{"backend/a.go", "backend", []string{module + "/internal/cudasim"}, nil}, "cudasim"},
		{file{"backend/cuda_test.go", "backend_test", []string{module + "/internal/cudasim"}, []string{"cuda"}}, ""},
		{file{"harness/x/a.go", "x", []string{module + "/harness/y", module + "/kernels"}, nil}, ""},
		{file{"harness/x/a.go", "x", []string{module + "/kernels/cpu"}, nil}, "kernels/cpu"},
		{file{"harness/measure/a.go", "measure", []string{module + "/harness/record"}, nil}, ""},
		{file{"harness/measure/a.go", "measure", []string{module + "/kernels"}, nil}, "kernels"},
		{file{"harness/plot/a.go", "plot", []string{module + "/harness/measure", "gonum.org/v1/plot/vg"}, nil}, ""},
		{file{"harness/plot/a.go", "plot", []string{module + "/kernels"}, nil}, "kernels"},
		{file{"harness/dense/a.go", "dense", []string{module + "/kernels", "gonum.org/v1/gonum/blas"}, nil}, ""},
		{file{"harness/dense/a.go", "dense", []string{module + "/backend"}, nil}, "backend"},
		{file{"harness/a.go", "harness", []string{module + "/kernels/cuda"}, nil}, "kernels/cuda"},
		{file{"harness/a.go", "harness", []string{module + "/cmd/optbench"}, nil}, "cmd"},
		{file{"harness/a.go", "harness", []string{"gorgonia.org/cu/nvrtc"}, nil}, "cuda"},
		{file{"cmd/optbench/a.go", "main", []string{module + "/harness/x"}, nil}, ""},
		{file{"cmd/optbench/a.go", "main", []string{module + "/kernels/cpu"}, nil}, "kernels/cpu"},
		{file{"internal/x/a.go", "x", []string{module + "/internal/x/y"}, nil}, ""},
		{file{"internal/x/a.go", "x", []string{module + "/internal/y"}, nil}, "internal/y"},
		{file{"internal/x/a.go", "x", []string{module + "/kernels"}, nil}, "kernels"},
		{file{"new/a.go", "new", nil, nil}, "no rule"},
		{file{"harness/util/a.go", "util", nil, nil}, "util"},
		{file{"harness/a.go", "harness", nil, []string{"linux", "slow"}}, "slow"},
	} {
		got := strings.Join(c.f.problems(), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: problems %q, want %q", c.f, got, c.want)
		}
	}
}

// problems says what is wrong with the file.
func (f *file) problems() []string {
	var out []string
	dir := path.Dir(f.name)
	if slices.Contains(vague, f.pkg) || slices.Contains(vague, path.Base(dir)) {
		out = append(out, fmt.Sprintf("a package named %s does not say what it is for", f.pkg))
	}
	for _, tag := range f.tags {
		if !slices.Contains(tags, tag) {
			out = append(out, fmt.Sprintf("build tag %s, want one of %s", tag, strings.Join(tags, ", ")))
		}
	}
	i := slices.IndexFunc(rules, func(r rule) bool { return dir == r.dir || r.deep && below(dir, r.dir) })
	if i < 0 {
		return append(out, "no rule says what a package in "+dir+" may import")
	}
	for _, imported := range f.imports {
		if !f.allows(rules[i], imported) {
			out = append(out, fmt.Sprintf("imports %s, which packages of %s may not", imported, rules[i].dir))
		}
		reaches := slices.ContainsFunc(device, func(d string) bool { return imported == d || below(imported, d) })
		if reaches && !strings.HasPrefix(f.name, "backend/cuda") && dir != "internal/cudasim" {
			out = append(out, fmt.Sprintf("imports %s, which only backend/cuda*.go may", imported))
		}
	}
	return out
}

func (f *file) allows(r rule, imported string) bool {
	p, own := strings.CutPrefix(imported, module+"/")
	switch {
	case !own && !strings.Contains(strings.Split(imported, "/")[0], "."):
		return true // the standard library
	case !own:
		return slices.ContainsFunc(r.external, func(x string) bool { return x == "*" || imported == x || below(imported, x) })
	case f.test() && (p == suite || p == path.Dir(f.name) || slices.Contains(r.tests, p)):
		return true
	case r.dir == "internal": // each alone, with what is below it
		leaf := strings.Join(strings.Split(f.name, "/")[:2], "/")
		return p == leaf || below(p, leaf)
	case r.deep && (p == r.dir || below(p, r.dir)):
		return true
	}
	return slices.ContainsFunc(r.project, func(x string) bool {
		x, deep := strings.CutSuffix(x, "/...")
		return p == x || deep && below(p, x)
	})
}

func below(p, dir string) bool { return strings.HasPrefix(p, dir+"/") }

var buildLine = regexp.MustCompile(`(?m)^//go:build .*$`)

// read returns every Go and assembly file of the module.
func read(t *testing.T, root string) []*file {
	t.Helper()
	var out []*file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := rel != "." && strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")
			if _, err := os.Stat(filepath.Join(name, "go.mod")); hidden || d.Name() == "testdata" || rel != "." && err == nil {
				return fs.SkipDir
			}
			return nil
		}
		f := &file{name: filepath.ToSlash(rel)}
		switch filepath.Ext(name) {
		case ".go", ".s":
		default:
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, line := range buildLine.FindAllString(string(text), -1) {
			expr, err := constraint.Parse(line)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			expr.Eval(func(tag string) bool { f.tags = append(f.tags, tag); return true }) // asks for each
		}
		if filepath.Ext(name) == ".go" {
			var parsed *ast.File
			if parsed, err = parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly); err != nil {
				return err
			}
			f.pkg = parsed.Name.Name
			for _, spec := range parsed.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				f.imports = append(f.imports, imported)
			}
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
