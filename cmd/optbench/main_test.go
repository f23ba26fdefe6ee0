package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":   await,
			"refused": refused,
			"columns": columns,
		},
	})
}

// await FILE TEXT waits until the file holds the text.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(text), args[1]) {
			return
		}
	}
	ts.Fatalf("%s never held %s", args[0], args[1])
}

// refused CODE ARG... runs optbench and holds it to that exit code, and to one
// line on standard error that starts with its name: no usage text, no trace.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec("optbench", args[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if text := ts.ReadFile("stderr"); strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "optbench: ") {
		ts.Fatalf("standard error is not one line that starts with optbench")
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

// TestTablesInDocuments holds the tables of documents to what the command makes
// of the recorded runs that they name.
func TestTablesInDocuments(t *testing.T) {
	for document, args := range map[string][]string{
		"README.md":         {"table", "results/epyc-zen4-2vcpu/quick.jsonl", "--by", "n", "--format", "md"},
		"results/README.md": {"table", "results/epyc-zen4-2vcpu/memory.jsonl", "--format", "md"},
	} {
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
