package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/harness/report"
)

func newEnv() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Say what this machine is, and what makes its figures noisy",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := machine.Capture()
			w := cmd.OutOrStdout()
			warnings := machine.Warnings(e)
			if asJSON {
				return json.NewEncoder(w).Encode(struct {
					machine.Environment
					Warnings []machine.Warning `json:"warnings"`
				}{e, warnings})
			}
			for _, line := range describe(e) {
				fmt.Fprintf(w, " %-16s%s\n", line[0], line[1])
			}
			if len(warnings) == 0 {
				fmt.Fprintln(w, "\n Nothing seen that makes figures noisy.")
				return nil
			}
			fmt.Fprintln(w, "\n What makes figures noisy here:")
			for _, x := range warnings {
				fmt.Fprintf(w, "  - %s\n", report.Wrap(x.Text, "    "))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// describe returns the environment as pairs of a name and a value, of what is
// known.
func describe(e machine.Environment) [][2]string {
	var out [][2]string
	add := func(name, format string, known bool, args ...any) {
		if known {
			out = append(out, [2]string{name, fmt.Sprintf(format, args...)})
		}
	}
	add("processor", "%s", e.CPU != "", e.CPU)
	add("instructions", "%s", len(e.ISA) > 0, strings.Join(e.ISA, " "))
	add("clock", "%.0f MHz now", e.MHz > 0, e.MHz)
	add("caches", "L1 %s, L2 %s, L3 %s", e.Caches.L1D > 0, size(uint64(e.Caches.L1D)), size(uint64(e.Caches.L2)), size(uint64(e.Caches.L3)))
	add("cores", "%d, of which %d usable", e.CoresLogical > 0, e.CoresLogical, e.UsableThreads)
	add("core to core", "%.0f ns one way", e.CoreToCoreNS > 0, e.CoreToCoreNS)
	add("NUMA nodes", "%d", e.NUMANodes > 0, e.NUMANodes)
	add("governor", "%s", e.Governor != "", e.Governor)
	add("boost", "%s", e.Boost != "", e.Boost)
	add("SMT", "%s", e.SMT != "", e.SMT)
	add("huge pages", "%s", e.TransparentHugepage != "", e.TransparentHugepage)
	add("memory", "%s, %s available", e.MemoryTotal > 0, size(e.MemoryTotal), size(e.MemoryAvailable))
	add("load", "%.2f", true, e.Load1)
	add("virtualisation", "%s", e.Virtualisation != "", e.Virtualisation)
	add("container", "%s", e.Container != "", e.Container)
	add("system", "%s/%s %s", true, e.OS, e.Arch, e.Kernel)
	add("Go", "%s", true, e.Go)
	return out
}

// size shows bytes in binary units.
func size(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	x, i := float64(n)/1024, 0
	for x >= 1024 && i < len(units)-1 {
		x, i = x/1024, i+1
	}
	return fmt.Sprintf("%.4g %ciB", x, units[i])
}
