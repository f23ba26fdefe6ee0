package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK         = 0
	exitRefused    = 2 // before measuring: an unknown name, a size that does not fit, a path that cannot be written
	exitIncomplete = 4 // interrupted, or a device is missing
	exitFailed     = 5 // a verification, a measurement or a write failed
)

// A coded error knows the exit code that it ends the program with.
type coded struct {
	code int
	err  error
}

func (c coded) Error() string { return c.err.Error() }
func (c coded) Unwrap() error { return c.err }

// run is the program: it returns the exit code, and reports an error as one
// line.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "optbench: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	var c coded
	if errors.As(err, &c) {
		return c.code
	}
	return exitRefused
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "optbench",
		Short: "How fast fused optimizer updates run, beside the physical limit",
		Long: `optbench measures fused optimizer updates (Adam, LAMB, clipping and the rest):
every figure verified against the definition in the same process, and beside it
the share of the memory limit that was measured in the same run.

Exit codes: 0 done; 2 refused before measuring; 4 interrupted, or a device is
missing; 5 a verification, a measurement or a write failed.`,
		Example: `  optbench run                                    every update on the best backend
  optbench run -a update=adamw,lamb -a n=2^[12:26:2] -o results.jsonl
  optbench table results.jsonl --format md        the same rows for a README`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(newRun(), newList(), newEnv(), newTable(), newVersion())
	return root
}

// stream is where figures go; a table in a terminal shares it with a progress
// bar on standard error.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
