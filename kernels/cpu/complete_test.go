//go:build amd64 && !purego

package cpu

import (
	"testing"

	"github.com/optbench/optbench/kernels"
)

// TestComplete holds the tables of every instruction set to an entry for each
// pass that is defined, a stream for each pass's memory traffic, and no other.
func TestComplete(t *testing.T) {
	passes, mixes := map[string]bool{}, map[mix]bool{}
	for _, k := range kernels.Kernels() {
		if len(k.Slots) > MaxSlots {
			t.Errorf("%s has %d slots, and a Func takes %d", k.Name, len(k.Slots), MaxSlots)
		}
		for i, p := range k.Passes {
			passes[symbol(k, i)] = true
			var m mix
			for _, a := range p.Access {
				switch a {
				case kernels.Read:
					m.reads++
				case kernels.ReadWrite:
					m.writes++
				case kernels.Write:
					t.Errorf("%s: a pass that writes without reading has no stream", symbol(k, i))
				}
			}
			mixes[m] = true
		}
	}
	for _, isa := range isas() {
		for name := range passes {
			if isa.kernels[name] == nil {
				t.Errorf("%s has no kernel %s", isa.Name, name)
			}
		}
		for name := range isa.kernels {
			if !passes[name] {
				t.Errorf("%s has a kernel %s that nothing defines", isa.Name, name)
			}
		}
		for m := range mixes {
			if isa.streams[m] == nil {
				t.Errorf("%s has no stream for %d arrays read and %d updated", isa.Name, m.reads, m.writes)
			}
		}
		for m := range isa.streams {
			if !mixes[m] {
				t.Errorf("%s has a stream for %d arrays read and %d updated, which no pass is like", isa.Name, m.reads, m.writes)
			}
		}
	}
}
