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
func (f *Stored) Mix(pass int) Mix {
	var m Mix
	for k, a := range f.Access(pass) {
		if a != None {
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
