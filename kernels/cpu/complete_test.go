//go:build (amd64 || arm64) && !purego

package cpu

import (
	"testing"

	"github.com/optbench/optbench/kernels"
)

// TestComplete holds the tables of every instruction set to an entry for each
// pass that is defined, a stream for each pass's memory traffic, and no other.
func TestComplete(t *testing.T) {
	passes, mixes := map[string]bool{}, map[string]bool{}
	for _, k := range kernels.Kernels() {
		for _, f := range k.Forms() {
			if len(f.Types) > MaxSlots {
				t.Errorf("%s in %s has %d arrays, and a Func takes %d", k.Name, f.Storage.Name, len(f.Types), MaxSlots)
			}
			if f.Wide() {
				continue
			}
			mixes[f.ResidentMix().Name()] = true
			for i := range k.Passes {
				passes[symbol(f, i)] = true
				mixes[f.Mix(i).Name()] = true
			}
		}
	}
	for _, isa := range isas() {
		for _, table := range []struct {
			what  string
			funcs map[string]Func
			want  map[string]bool
		}{{"kernel", isa.kernels, passes}, {"stream", isa.streams, mixes}} {
			for name := range table.want {
				if fn := table.funcs[name]; fn.run == nil || fn.whole < 1 {
					t.Errorf("%s has no %s %s", isa.Name, table.what, name)
				}
			}
			for name := range table.funcs {
				if !table.want[name] {
					t.Errorf("%s has a %s %s that nothing defines", isa.Name, table.what, name)
				}
			}
		}
	}
}
