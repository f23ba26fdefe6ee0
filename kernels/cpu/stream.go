package cpu

import (
	"unsafe"

	"github.com/optbench/optbench/kernels"
)

// streamLoop is a stream where there is no assembly, word by word.
type streamLoop struct{ written, read [][]uint32 }

func newStreamLoop(m kernels.Mix, arrays []unsafe.Pointer, n int) *streamLoop {
	s := &streamLoop{}
	for i, t := range m {
		words := unsafe.Slice((*uint32)(arrays[i]), n*t.Size/4)
		if t.Written {
			s.written = append(s.written, words)
		} else {
			s.read = append(s.read, words)
		}
	}
	return s
}

// zero is 0. The compiler does not know, so it keeps the loads and stores.
var zero uint32

// Run runs all of it.
func (s *streamLoop) Run(*Coefs, int, int) {
	var sum uint32
	for _, x := range s.written {
		for i := range x {
			x[i] += zero
		}
	}
	for _, x := range s.read {
		for _, v := range x {
			sum += v
		}
	}
	use(sum)
}

// use keeps the loads of what is only read.
//
//go:noinline
func use(uint32) {}
