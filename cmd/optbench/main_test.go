package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"optbench": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			scripts, err := filepath.Abs("../../scripts")
			if err != nil {
				return err
			}
			e.Setenv("SCRIPTS", scripts)
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or every command that is built with the race detector takes a second
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"columns":     columns,
			"interrupted": interrupted,
			"refused":     refused,
			"unprinted":   unprinted,
		},
	})
}

// refused CODE ARG... runs optbench and holds it to that exit code.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("optbench", args[1:]...)
	ended(ts, err, want, ts.ReadFile("stderr"))
	if want == exitRefused && ts.ReadFile("stdout") != "" {
		ts.Fatalf("something was printed before it refused")
	}
}

// unprinted COMMAND runs optbench with its standard output on a full disk.
func unprinted(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("sh", "-c", "optbench "+strings.Join(args, " ")+" >/dev/full")
	ended(ts, err, exitFailed, ts.ReadFile("stderr"))
}

// interrupted FILE ARG... runs optbench, interrupts it once the file holds a
// measurement, and holds it to its exit code.
func interrupted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupted FILE ARG...")
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("optbench", args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &stdout, &stderr
	ts.Check(cmd.Start())
	end := make(chan error, 1)
	go func() { end <- cmd.Wait() }()
	defer cmd.Process.Kill() // no harm where it has ended

	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(time.Minute)
	sent := false
	for {
		select {
		case <-look.C:
			text, _ := os.ReadFile(ts.MkAbs(args[0])) // not there yet
			measured := slices.ContainsFunc([]string{"throughput", "convergence", "claim"}, func(kind string) bool {
				return bytes.Contains(text, []byte(`"kind":"`+kind+`"`))
			})
			if !sent && measured {
				sent = true
				ts.Check(cmd.Process.Signal(os.Interrupt))
			}
		case err := <-end:
			ts.Stdout().Write(stdout.Bytes())
			ts.Stderr().Write(stderr.Bytes())
			ended(ts, err, exitIncomplete, stderr.String())
			return
		case <-deadline:
			ts.Fatalf("runs on after a minute; interrupted: %v", sent)
		}
	}
}

// ended holds the end of a command to an exit code, and its standard error to one
// line that starts with the name of the program, after notes at most: no usage
// text, no trace.
func ended(ts *testscript.TestScript, err error, want int, stderr string) {
	code := 0
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	for i, line := range lines {
		last, note := i == len(lines)-1, strings.HasPrefix(line, "note: ") || strings.HasPrefix(line, "      ")
		if strings.HasPrefix(line, "optbench: ") != last || !last && !note {
			ts.Fatalf("standard error is not one line that starts with optbench, after notes at most")
		}
	}
}

// columns FILE holds every line to at most 100 columns and no escape codes.
func columns(ts *testscript.TestScript, neg bool, args []string) {
	for _, line := range strings.Split(ts.ReadFile(args[0]), "\n") {
		if n := len([]rune(line)); n > 100 {
			ts.Fatalf("%d columns: %s", n, line)
		}
		if strings.Contains(line, "\x1b") {
			ts.Fatalf("an escape code: %q", line)
		}
	}
}

// TestDocs holds the page on claims and the figures of documents to the recorded runs
// that make docs makes them of.
func TestDocs(t *testing.T) {
	root := filepath.Join("..", "..")
	docs, records, made := filepath.Join(root, "docs"), filepath.Join(root, "results", "epyc-zen4-2vcpu"), t.TempDir()
	for _, args := range [][]string{
		{"claims", "page", filepath.Join(records, "claims.jsonl"), "-o", filepath.Join(made, "claims.md")},
		{"plot", "speed", filepath.Join(records, "regimes.jsonl"), "-o", filepath.Join(made, "regimes.svg")},
	} {
		var errs strings.Builder
		if code := run(args, strings.NewReader(""), io.Discard, &errs); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
	same := func(made, name string) {
		t.Helper()
		got, err := os.ReadFile(made)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the command makes, want make docs", name)
		}
	}
	same(filepath.Join(made, "claims.md"), "claims.md")
	// Elsewhere compilers may fuse products and sums, and places differ in last digits.
	if runtime.GOARCH != "amd64" {
		return
	}
	same(filepath.Join(made, "regimes.svg"), filepath.Join("cpu", "regimes.svg"))
	figures, err := os.ReadDir(filepath.Join(docs, "claims"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		same(filepath.Join(made, "claims", f.Name()), filepath.Join("claims", f.Name()))
	}
}

// TestTablesInDocuments holds the tables of documents to what the command makes
// of the recorded runs that they name.
func TestTablesInDocuments(t *testing.T) {
	const records = "results/epyc-zen4-2vcpu/"
	for _, c := range []struct {
		document string
		args     []string
	}{
		{"README.md", []string{"table", records + "quick.jsonl", "--by", "n", "--format", "md"}},
		{"README.md", []string{"table", records + "converge.jsonl", "--by", "optimizer", "--format", "md"}},
		{"results/README.md", []string{"table", records + "memory.jsonl", "--format", "md"}},
		{"results/README.md", []string{"table", records + "dtype.jsonl", "--format", "md"}},
		{"results/README.md", []string{"table", records + "layers.jsonl", "--format", "md"}},
		{"results/README.md", []string{"table", records + "cache.jsonl", "--format", "md"}},
	} {
		document, args := c.document, c.args
		root := filepath.Join("..", "..")
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		args[1] = filepath.Join(root, args[1])
		if code := run(args, strings.NewReader(""), &out, &errs); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
		}
		table, _, _ := strings.Cut(strings.TrimSpace(out.String()), "\n\n")
		if !strings.Contains(string(text), table) {
			t.Errorf("%s lacks the table that %v makes:\n%s", document, args, table)
		}
	}
}
