package pairs

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optbench/optbench/harness/record"
)

// Errors that a caller may want to tell apart, to be found with errors.Is.
var (
	// ErrLaunch is the error of a launch that failed, printed nothing, or ran on.
	ErrLaunch = errors.New("launch failed")
	// errLacks is the error of a side that does not have a case.
	errLacks = errors.New("lacks the case")
)

// A Side is a program to launch.
type Side struct {
	Name    string // a or b
	Spec    string // as it was asked for
	Commit  string // that a revision stands for
	Digest  string // of the code and data of an executable; "" of a command
	Kernels string // of the compiled packages of kernels, where the side was built; "" is not known

	// Args is what is launched. An optbench is told its cases in more arguments;
	// a command is what it is.
	Args    []string
	source  string // the folder that Build builds
	command bool
}

// Program returns a side that launches an executable of optbench.
func Program(name, path string, args ...string) *Side {
	return &Side{Name: name, Spec: path, Args: append([]string{path}, args...)}
}

// Command reports whether the side is a command, which decides itself what cases
// it measures.
func (s *Side) Command() bool { return s.command }

// Record returns what is stored of the side.
func (s *Side) Record() record.Side {
	return record.Side{Spec: s.Spec, Commit: s.Commit, Digest: s.Digest}
}

// Find makes a side of what was asked for, the first of these that it is: an
// executable of optbench, a folder with its source, a revision in git, a command
// that prints records.
func Find(ctx context.Context, name, spec string) (*Side, error) {
	s := &Side{Name: name, Spec: spec}
	info, err := os.Stat(spec)
	switch {
	case spec == "":
		return nil, fmt.Errorf("--%s is missing, want %s", name, wanted)
	case err == nil && info.IsDir():
		s.source = spec
		return s, nil
	case err == nil:
		path, err := filepath.Abs(spec)
		if err != nil {
			return nil, s.failed(err)
		}
		if info.Mode()&0o111 == 0 {
			return nil, s.failed(fmt.Errorf("the file is not executable, want %s", wanted))
		}
		s.Args = []string{path}
		return s, nil
	}
	commit, unknown := git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", spec+"^{commit}")
	if unknown == nil {
		s.Commit = strings.TrimSpace(string(commit))
		return s, nil
	}
	if s.Args, err = words(spec); err != nil {
		return nil, s.failed(err)
	}
	if _, err := exec.LookPath(s.Args[0]); err != nil {
		return nil, s.failed(fmt.Errorf("no such file, folder, revision or command, want %s%s", wanted, noRevision(ctx)))
	}
	s.command = true
	return s, nil
}

// Build builds what is source, in a copy where it is a revision, and identifies
// the code of the executable. What is built stands in the folder work, which is the
// caller's to remove.
func (s *Side) Build(ctx context.Context, work string) error {
	if s.command {
		return nil
	}
	work = filepath.Join(work, s.Name)
	if s.Commit != "" {
		s.source = filepath.Join(work, "source")
		if err := checkout(ctx, s.Commit, s.source); err != nil {
			return s.failed(err)
		}
	}
	if s.source != "" {
		path, err := build(ctx, s.source, work)
		if err != nil {
			return s.failed(err)
		}
		s.Args, s.Kernels = []string{path}, compiled(ctx, s.source, "./kernels/...")
	}
	var err error
	if s.Digest, err = digest(s.Args[0]); err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *Side) failed(err error) error { return fmt.Errorf("--%s %s: %w", s.Name, s.Spec, err) }

const wanted = "an executable of optbench, a folder with its source, a git revision, or a command that prints its records"

// noRevision says why a revision may be missing.
func noRevision(ctx context.Context) string {
	out, err := git(ctx, "rev-parse", "--is-shallow-repository")
	switch {
	case err != nil:
		return "; revisions are those of the git repository of this folder, and there is none"
	case strings.TrimSpace(string(out)) == "true":
		return "; this clone is shallow: git fetch --unshallow gets the revisions that it lacks"
	}
	return ""
}

func git(ctx context.Context, args ...string) ([]byte, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %s", args[0], cmp.Or(strings.TrimSpace(said.String()), err.Error()))
	}
	return out, nil
}

// checkout copies a revision of this repository, which is only read, to a folder.
func checkout(ctx context.Context, commit, dir string) error {
	top, err := git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	archive, err := git(ctx, "-C", strings.TrimSpace(string(top)), "archive", "--format=tar", commit)
	if err != nil {
		return err
	}
	if err := unpack(bytes.NewReader(archive), dir); err != nil {
		return fmt.Errorf("copy the revision: %w", err)
	}
	return nil
}

// unpack writes the folders and files of an archive below a folder.
func unpack(r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() // nothing is lost with it
	files := tar.NewReader(r)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o777)
		case tar.TypeReg:
			var text []byte
			if text, err = io.ReadAll(files); err == nil {
				err = root.WriteFile(name, text, 0o666)
			}
		}
		if err != nil {
			return err
		}
	}
}

// reproducible are the flags with which the same source gives the same bytes
// wherever it stands.
var reproducible = []string{"-trimpath", "-buildvcs=false"}

// build builds the optbench of a folder.
func build(ctx context.Context, source, work string) (string, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return "", err
	}
	path := filepath.Join(work, "optbench")
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build"}, reproducible, []string{"-o", path, "./cmd/optbench"})...)
	cmd.Dir = source
	if said, err := cmd.CombinedOutput(); err != nil {
		const most = 6
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		if len(lines) > most {
			lines = append(lines[:most], "...")
		}
		return "", fmt.Errorf("does not build: %s", cmp.Or(strings.Join(lines, "; "), err.Error()))
	}
	return path, nil
}

// compiled identifies what packages compile to, apart from what imports them; "" is
// not known. A build made before leaves little to do.
func compiled(ctx context.Context, source, packages string) string {
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"list", "-export"}, reproducible, []string{"-f", "{{.ImportPath}} {{.BuildID}}", packages})...)
	cmd.Dir = source
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		// A build ID is that of the inputs, a slash, and that of the content.
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, content, found := strings.Cut(id, "/")
		if !found {
			return ""
		}
		fmt.Fprintln(&b, name, content)
	}
	return b.String()
}

// words splits a command as a shell does, with quotes and backslashes, but without
// variables, pipes and patterns.
func words(command string) ([]string, error) {
	var out []string
	var word strings.Builder
	var quote rune
	started, escaped := false, false
	for _, r := range command {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, started = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, started = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if started {
				out = append(out, word.String())
				word.Reset()
			}
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote is not closed")
	}
	if started {
		out = append(out, word.String())
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the command is empty, want %s", wanted)
	}
	return out, nil
}

// Launch starts a fresh process and returns the measurements that it prints. An
// optbench measures the cases that the axis settings span, by the profile; seed is
// of the order in which it samples.
func (s *Side) Launch(ctx context.Context, settings []string, profile string, seed uint64, patience time.Duration) ([]record.Throughput, error) {
	args := s.Args
	if !s.command {
		args = append([]string{args[0], "run", "--format", "json", "--profile", profile, "--seed", strconv.FormatUint(seed, 10)}, args[1:]...)
		for _, a := range settings {
			args = append(args, "-a", a)
		}
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, said := limitedBuffer{left: mostOutput}, limitedBuffer{left: mostOutput}
	cmd := exec.CommandContext(limited, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	err := cmd.Run()
	// Its last line is its error; what stands before are notes.
	lines := strings.Split(strings.TrimSpace(said.text.String()), "\n")
	why := strings.TrimPrefix(lines[len(lines)-1], "optbench: ")
	name := strings.Join(append([]string{filepath.Base(args[0])}, args[1:]...), " ")
	fail := func(what string) error { return fmt.Errorf("%w: side %s: %s: %s", ErrLaunch, s.Name, name, what) }
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fail(fmt.Sprintf("ran on after %v, and was ended", patience))
	case out.left < 0 || said.left < 0:
		return nil, fail(fmt.Sprintf("printed more than %d MiB", mostOutput>>20))
	case errors.As(err, &exit) && !s.command && (exit.ExitCode() == 2 || exit.ExitCode() == 4):
		return nil, fmt.Errorf("%w: %s", errLacks, cmp.Or(why, err.Error()))
	case err != nil:
		return nil, fail(cmp.Or(why, err.Error()))
	}
	if len(bytes.TrimSpace(out.text.Bytes())) == 0 {
		return nil, fail("printed no records")
	}
	f, err := record.Read(&out.text, "its output")
	if err != nil {
		return nil, fail(err.Error())
	}
	if len(f.Throughput) == 0 {
		return nil, fail("printed no measurements")
	}
	seen := map[record.Case]bool{}
	for _, t := range f.Throughput {
		if seen[t.Case] {
			return nil, fail(fmt.Sprintf("measured %s at n=%d twice, want each case once in a launch", t.Case.Update, t.Case.N))
		}
		seen[t.Case] = true
	}
	return f.Throughput, nil
}

// mostOutput is how many bytes a launch may print: many times what records take.
const mostOutput = 64 << 20

// A limitedBuffer refuses what goes beyond its limit, which ends who writes it.
type limitedBuffer struct {
	text bytes.Buffer
	left int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("too much output")
	}
	return b.text.Write(p)
}
