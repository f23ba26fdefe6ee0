package kernels

import (
	"fmt"
	"slices"
	"strings"
)

// A Mix is the memory traffic of a pass: that of a stream which measures its
// limit. Arrays that are stored come first, wide ones before narrow ones.
type Mix []Traffic

// Traffic is what becomes of one array.
type Traffic struct {
	Array   int
	Size    int // bytes of a number; of blocks, without the scale
	Written bool
}

// Mix returns the traffic of a pass. An array that is written and not read is
// read all the same: a cache does that, and what was there can be stored again.
func (f *Stored) Mix(pass int) Mix { return f.mix(f.Access(pass)) }

// ResidentMix returns the traffic with memory of all passes over a tensor that
// stays in a cache between them.
func (f *Stored) ResidentMix() Mix { return f.mix(f.anyAccess()) }

// ResidentBytes returns the least memory traffic of all passes over a tensor of n
// elements that stays in a cache between them.
func (f *Stored) ResidentBytes(n int) int {
	total := 0
	for i, a := range f.anyAccess() {
		total += a.times() * f.Types[i].Bytes(n)
	}
	return total
}

// anyAccess is what any pass does with each array.
func (f *Stored) anyAccess() []Access {
	all := make([]Access, len(f.Types))
	for pass := range f.Passes {
		for i, a := range f.Access(pass) {
			all[i] |= a
		}
	}
	return all
}

func (f *Stored) mix(access []Access) Mix {
	var m Mix
	for k, a := range access {
		if a != None && f.ArrayRole(k) != Neighbour {
			m = append(m, Traffic{k, f.Types[k].Bytes(Block) / Block, a&Write != 0})
		}
	}
	slices.SortStableFunc(m, func(a, b Traffic) int {
		switch {
		case a.Written && !b.Written:
			return -1
		case b.Written && !a.Written:
			return 1
		}
		return b.Size - a.Size
	})
	return m
}

// Name is a letter and a size for each array: "W4W2R4".
func (m Mix) Name() string {
	var b strings.Builder
	for _, t := range m {
		letter := "R"
		if t.Written {
			letter = "W"
		}
		fmt.Fprintf(&b, "%s%d", letter, t.Size)
	}
	return b.String()
}
