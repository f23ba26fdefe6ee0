package pairs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"optbench run", []string{"optbench", "run"}},
		{"  a\t'b c'  d\\ e ", []string{"a", "b c", "d e"}},
		{`sh -c "x \"y\" 'z'"`, []string{"sh", "-c", `x "y" 'z'`}},
		{`a '' "" '\'`, []string{"a", "", "", `\`}},
		{"a=1,2 $x|y", []string{"a=1,2", "$x|y"}},
	} {
		if got, err := words(c.text); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v, want %q", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", " ", "'a", `a "b`, `a\`} {
		if got, err := words(bad); err == nil {
			t.Errorf("%q is accepted as %q", bad, got)
		}
	}
}

// A repository is a small module that is built like optbench.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	for _, tool := range []string{"git", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s: %v", tool, err)
		}
	}
	r := repository{t, t.TempDir()}
	for _, kv := range [][2]string{
		{"GIT_CONFIG_GLOBAL", os.DevNull}, {"GIT_AUTHOR_NAME", "a"}, {"GIT_AUTHOR_EMAIL", "a@b"}, {"GIT_COMMITTER_NAME", "a"}, {"GIT_COMMITTER_EMAIL", "a@b"},
	} {
		t.Setenv(kv[0], kv[1])
	}
	r.git("init", "-q")
	r.write("go.mod", "module example.org/m\n\ngo 1.26\n")
	r.write("kernels/kernels.go", "package kernels\n\nvar Name = \"one\"\n")
	r.write("cmd/optbench/main.go", "package main\n\nimport \"example.org/m/kernels\"\n\nfunc main() { print(kernels.Name) }\n")
	return r
}

func (r repository) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (r repository) commit() {
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "x")
}

// build finds and builds a side.
func (r repository) build(name, spec string) (*Side, error) {
	r.t.Helper()
	s, err := Find(r.t.Context(), name, spec)
	if err != nil {
		return nil, err
	}
	return s, s.Build(r.t.Context(), r.t.TempDir())
}

// TestRevisions builds revisions and folders so that the same source is identical,
// wherever it stands; and knows equal kernels in programs that differ.
func TestRevisions(t *testing.T) {
	r := newRepository(t)
	r.commit()
	r.git("tag", "first")
	r.write("cmd/optbench/main.go", "package main\n\nimport \"example.org/m/kernels\"\n\nfunc main() { print(kernels.Name, kernels.Name) }\n")
	r.commit()
	r.write("kernels/kernels.go", "package kernels\n\nvar Name = \"two\"\n")
	r.commit()
	r.write("notes.txt", "no code")
	r.commit()
	t.Chdir(filepath.Join(r.dir, "cmd")) // a revision is of the whole repository
	sides := map[string]*Side{}
	for _, spec := range []string{"first", "HEAD~2", "HEAD~1", "HEAD", r.dir} {
		s, err := r.build("a", spec)
		if err != nil {
			t.Fatal(err)
		}
		if (s.Commit == "") != (spec == r.dir) || s.Command() {
			t.Errorf("%s: commit %q, command %v", spec, s.Commit, s.Command())
		}
		sides[spec] = s
	}
	for _, c := range []struct {
		a, b               string
		identical, kernels bool
	}{
		{"HEAD", r.dir, true, true}, {"HEAD~1", "HEAD", true, true}, {"first", "first", true, true},
		{"first", "HEAD~2", false, true}, {"HEAD~2", "HEAD", false, false},
	} {
		a, b := sides[c.a], sides[c.b]
		if Identical(a, b) != c.identical || a.Kernels == "" || (a.Kernels == b.Kernels) != c.kernels {
			t.Errorf("%s and %s: identical %v, kernels %v, want %v and %v", c.a, c.b, Identical(a, b), a.Kernels == b.Kernels, c.identical, c.kernels)
		}
	}
	stripped := filepath.Join(t.TempDir(), "other")
	text, err := os.ReadFile(sides["HEAD"].Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stripped, text, 0o777); err != nil {
		t.Fatal(err)
	}
	s, err := r.build("b", stripped)
	if err != nil || !Identical(s, sides["HEAD"]) || s.Kernels != "" {
		t.Errorf("a copy of the executable: identical %v, kernels %q, %v", Identical(s, sides["HEAD"]), s.Kernels, err)
	}
	planted := Program("b", stripped, "--plant", "2%")
	planted.Digest = s.Digest
	if Identical(s, planted) {
		t.Error("sides with other arguments are identical")
	}
}

// TestBuildFails shows the first lines of the compiler.
func TestBuildFails(t *testing.T) {
	r := newRepository(t)
	r.write("cmd/optbench/main.go", "package main\n\nfunc main() { undefined() }\n")
	r.commit()
	t.Chdir(r.dir)
	_, err := r.build("b", "HEAD")
	if err == nil || !strings.Contains(err.Error(), "--b HEAD: does not build: ") || !strings.Contains(err.Error(), "main.go:3:15: undefined: undefined") {
		t.Errorf("got %v, want what the compiler says", err)
	}
	if strings.Contains(fmt.Sprint(err), "\n") {
		t.Errorf("%q has several lines", err)
	}
}

func TestLaunch(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skipf("no shell: %v", err)
	}
	for _, c := range []struct {
		script string
		lacks  bool
		want   string
	}{
		{"echo 'note: x' >&2; echo 'optbench: unknown update' >&2; exit 2", true, "lacks the case: unknown update"},
		{"echo 'optbench: no such device' >&2; exit 4", true, "lacks the case: no such device"},
		{"echo 'optbench: verification failed' >&2; exit 5", false, "launch failed: side a: optbench run --format json --profile quick --seed 7 -a n=1: verification failed"},
		{"kill -9 $$", false, "signal: killed"},
		{"", false, "printed no records"},
		{`echo '{"schema":"optbench/1","kind":"new"}'`, false, "printed no measurements"},
	} {
		path := filepath.Join(t.TempDir(), "optbench")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		_, err := Program("a", path).Launch(t.Context(), []string{"n=1"}, "quick", 7, time.Minute)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, errLacks) != c.lacks {
			t.Errorf("%q: got %v, want an error with %q", c.script, err, c.want)
		}
	}
}
