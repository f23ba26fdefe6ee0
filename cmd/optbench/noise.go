package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/record"
)

// addNoiseFlag adds the flag that says where the noise of machines is kept.
func addNoiseFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "noise", "", "the `FILE` that keeps the noise of machines, or none\n(default optbench/noise.jsonl in the user's cache folder)")
}

// noNoise asks for no noise to be kept or shown.
const noNoise = "none"

// noisePath is where the noise of machines is kept; "" where it is not, for it was not
// asked for or the user has no folder for it.
func noisePath(flag string) string {
	if flag == noNoise {
		return ""
	}
	if flag != "" {
		return flag
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "optbench", "noise.jsonl")
}

// A noiseFloor is what comparisons of a program with itself show on a machine.
type noiseFloor map[record.Case]float64

// readNoise returns the noise of a machine, of each case that of the most
// comparisons, the latest of several. That the usual file is not there says only
// that there was no self-test yet.
func readNoise(flag string, env machine.Environment) (noiseFloor, error) {
	path := noisePath(flag)
	if path == "" {
		return nil, nil
	}
	f, err := record.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if flag == "" {
			return nil, nil
		}
		return nil, fmt.Errorf("--noise %s: no such file; optbench selftest --noise %s makes it", flag, flag)
	}
	if err != nil {
		return nil, err
	}
	here := map[string]bool{}
	for _, r := range f.Runs {
		here[r.ID] = sameMachine(r.Environment, env)
	}
	floor := noiseFloor{}
	comparisons := map[record.Case]int{}
	for _, s := range f.Selftest {
		if n := len(s.Ratios); here[s.Run] && n >= comparisons[s.Case] {
			floor[s.Case], comparisons[s.Case] = s.Noise, n
		}
	}
	return floor, nil
}

// sameMachine reports whether two environments are of machines of one kind.
func sameMachine(a, b machine.Environment) bool {
	return a.CPU == b.CPU && a.OS == b.OS && a.Arch == b.Arch && a.CoresLogical == b.CoresLogical
}

// of returns the noise of a case; of one that was not tested the median of all; 0
// where nothing is known.
func (n noiseFloor) of(c record.Case) float64 {
	if x, ok := n[c]; ok || len(n) == 0 {
		return x
	}
	all := slices.Sorted(maps.Values(n))
	return all[len(all)/2]
}

// openNoise opens the file of noise for another self-test; nil where none is asked for.
func openNoise(flag string) (*record.Writer, error) {
	path := noisePath(flag)
	if flag == noNoise {
		return nil, nil
	}
	if path == "" {
		return nil, fmt.Errorf("there is no cache folder to keep the noise of this machine in, want --noise FILE, or none")
	}
	if flag == "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, fmt.Errorf("keep the noise of this machine: %w; --noise FILE keeps it elsewhere, --noise none nowhere", err)
		}
	}
	return record.OpenWriter(path)
}
