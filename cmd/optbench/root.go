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
	exitOK           = 0
	exitRegression   = 1 // a case is slower
	exitRefused      = 2 // before measuring: an unknown name, a size that does not fit, a path that cannot be written
	exitInconclusive = 3 // only where asked to fail on it
	exitIncomplete   = 4 // interrupted, a device is missing, or records cannot be compared
	exitFailed       = 5 // a verification, a measurement or a write failed
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
	out := &output{w: stdout}
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if out.err != nil {
		err = coded{exitFailed, fmt.Errorf("print: %w", out.err)}
	}
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

// output remembers the first error of writing to w. Some of what prints through
// it does not look.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// oneOf lists what a flag takes, in lines that leave room for its name.
func oneOf(what string, words []string) string {
	const most = 56 // and the default
	line := len(what) + 1
	text := what + ":"
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		if line += 1 + len(w); line > most {
			text, line = text+"\n"+w, len(w)
			continue
		}
		text += " " + w
	}
	return text
}

// named refuses flags that name files and were given no name.
func named(cmd *cobra.Command, flags ...string) error {
	for _, flag := range flags {
		if f := cmd.Flags().Lookup(flag); f.Changed && f.Value.String() == "" {
			return fmt.Errorf("--%s is empty, want the name of a file", flag)
		}
	}
	return nil
}

// noArguments refuses arguments, and says where axes go.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, got %q; axes are set with -a, as in optbench run -a update=adam", cmd.Name(), args[0])
	}
	return nil
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "optbench",
		Short: "How fast fused optimizer updates run, beside the physical limit",
		Long: `optbench measures fused optimizer updates (Adam, LAMB, clipping and the rest):
every figure verified against the definition in the same process, and beside it
the share of the memory limit that was measured in the same run.

Exit codes: 0 done; 1 a case is slower; 2 refused before measuring; 3 inconclusive,
where asked to fail on it; 4 interrupted, a device is missing, or records cannot be
compared; 5 a verification, a measurement or a write failed.`,
		Example: `  optbench run                                    every update on the best backend
  optbench run -a update=adamw,lamb -a n=2^[12:26:2] -o results.jsonl
  optbench table results.jsonl --format md        the same rows for a README
  optbench ab --a main --b . -a update=adamw      is this source slower than main?`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		// The rest is the parser's own account of what the first part says.
		text, _, _ := strings.Cut(err.Error(), ": strconv.")
		return errors.New(text)
	})
	root.AddCommand(newRun(), newConverge(), newClaims(), newAB(), newCompare(), newSelftest(), newHistory(),
		newList(), newEnv(), newTable(), newPlot(), newVersion())
	return root
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
