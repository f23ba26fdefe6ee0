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
	Name   string // a or b
	Spec   string // as it was asked for
	Commit string // that a revision stands for
	Digest string // of the code and data of an executable; "" of a command

	// Args is what is launched. An optbench is told its cases in more arguments;
	// a command is what it is.
	Args    []string
	command bool
}

// Program returns a side that launches an executable of optbench.
func Program(name, path string, args ...string) *Side {
	return &Side{Name: name, Spec: path, Args: append([]string{path}, args...)}
}

// Command reports whether the side is a command, which decides itself what cases
// it measures.
func (s *Side) Command() bool { return s.command }

// Find makes a side of what was asked for, the first of these that it is: an
// executable of optbench, a folder with its source, a revision in git, a command
// that prints records. Source is built, in a copy where it is a revision; what is
// built stands in the folder work, which is the caller's to remove.
func Find(ctx context.Context, name, spec, work string) (*Side, error) {
	s := &Side{Name: name, Spec: spec}
	fail := func(err error) (*Side, error) { return nil, fmt.Errorf("--%s %s: %w", name, spec, err) }
	info, err := os.Stat(spec)
	switch {
	case spec == "":
		return nil, fmt.Errorf("--%s is missing, want %s", name, wanted)
	case err == nil && info.IsDir():
		path, err := build(ctx, spec, filepath.Join(work, name))
		if err != nil {
			return fail(err)
		}
		s.Args = []string{path}
	case err == nil:
		path, err := filepath.Abs(spec)
		if err != nil {
			return fail(err)
		}
		if info.Mode()&0o111 == 0 {
			return fail(fmt.Errorf("the file is not executable, want %s", wanted))
		}
		s.Args = []string{path}
	default:
		commit, unknown := git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", spec+"^{commit}")
		if unknown == nil {
			s.Commit = strings.TrimSpace(string(commit))
			path, err := buildRevision(ctx, s.Commit, filepath.Join(work, name))
			if err != nil {
				return fail(err)
			}
			s.Args = []string{path}
			break
		}
		if s.Args, err = words(spec); err != nil {
			return fail(err)
		}
		if _, err := exec.LookPath(s.Args[0]); err != nil {
			return fail(fmt.Errorf("no such file, folder, revision or command, want %s%s", wanted, shallow(ctx)))
		}
		s.command = true
	}
	if !s.command {
		if s.Digest, err = digest(s.Args[0]); err != nil {
			return fail(err)
		}
	}
	return s, nil
}

const wanted = "an executable of optbench, a folder with its source, a git revision, or a command that prints its records"

// shallow says what to do where revisions are missing from a clone.
func shallow(ctx context.Context) string {
	if out, err := git(ctx, "rev-parse", "--is-shallow-repository"); err == nil && strings.TrimSpace(string(out)) == "true" {
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

// buildRevision builds a revision of this repository in a copy of its own; the
// repository is only read.
func buildRevision(ctx context.Context, commit, work string) (string, error) {
	top, err := git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", err
	}
	archive, err := git(ctx, "-C", strings.TrimSpace(string(top)), "archive", "--format=tar", commit)
	if err != nil {
		return "", err
	}
	source := filepath.Join(work, "source")
	if err := unpack(bytes.NewReader(archive), source); err != nil {
		return "", fmt.Errorf("copy the revision: %w", err)
	}
	return build(ctx, source, work)
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

// build builds the optbench of a folder, so that the same source gives the same
// bytes wherever it stands.
func build(ctx context.Context, source, work string) (string, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return "", err
	}
	path := filepath.Join(work, "optbench")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/optbench")
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
	var out, said bytes.Buffer
	cmd := exec.CommandContext(limited, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	err := cmd.Run()
	// Its last line is its error; what stands before are notes.
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	why := strings.TrimPrefix(lines[len(lines)-1], "optbench: ")
	name := strings.Join(append([]string{filepath.Base(args[0])}, args[1:]...), " ")
	fail := func(what string) error { return fmt.Errorf("%w: side %s: %s: %s", ErrLaunch, s.Name, name, what) }
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fail(fmt.Sprintf("ran on after %v, and was ended", patience))
	case errors.As(err, &exit) && !s.command && (exit.ExitCode() == 2 || exit.ExitCode() == 4):
		return nil, fmt.Errorf("%w: %s", errLacks, cmp.Or(why, err.Error()))
	case err != nil:
		return nil, fail(cmp.Or(why, err.Error()))
	}
	if len(bytes.TrimSpace(out.Bytes())) == 0 {
		return nil, fail("printed no records")
	}
	f, err := record.Read(&out, "its output")
	if err != nil {
		return nil, fail(err.Error())
	}
	if len(f.Throughput) == 0 {
		return nil, fail("printed no measurements")
	}
	return f.Throughput, nil
}
