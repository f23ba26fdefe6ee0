package main

import (
	"bufio"
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"testing"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"golang.org/x/arch/arm64/arm64asm"
)

// TestWords decodes every word of the assembly for arm64 and finds the instruction that
// its comment names: what the processor runs is what can be read.
func TestWords(t *testing.T) {
	file, err := os.Open("../zz_arm64.s")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	words := 0
	lines := bufio.NewScanner(file)
	for line := 1; lines.Scan(); line++ {
		text, found := strings.CutPrefix(strings.TrimSpace(lines.Text()), "WORD $")
		if !found {
			continue
		}
		words++
		number, comment, _ := strings.Cut(text, " // ")
		if got := decoded(t, number); got != comment {
			t.Errorf("line %d: %s is %q, and its comment says %q", line, number, got, comment)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if words == 0 {
		t.Error("no words were found")
	}
}

func decoded(t *testing.T, number string) string {
	word, err := strconv.ParseUint(number, 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	instruction, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, uint32(word)))
	if err != nil {
		return err.Error()
	}
	return arm64asm.GNUSyntax(instruction)
}

// TestAllocate holds values that live at the same time to registers of their own, where
// there are more than registers too.
func TestAllocate(t *testing.T) {
	f := &neonFunction{lits: map[[4]uint32]VecVirtual{}, gp: map[Register]string{}}
	i, n := GP64(), GP64()
	const many = 2 * neonSpare
	var before []VecVirtual
	for range many {
		before = append(before, f.toLanes(i))
	}
	f.label("loop")
	sum := XMM()
	f.do(nZero, sum, nil, nil)
	for k, x := range before {
		f.do(nAdd, sum, sum, x)
		f.do(nAdd, sum, sum, f.lit(lit(k)))
	}
	f.scalar("CMP %s, %s", n, i)
	f.jump("BLT", "loop")
	all := f.lives()
	allocate(all)
	inMemory := 0
	for k, a := range all {
		if a.inMemory {
			inMemory++
			continue
		}
		for _, b := range all[:k] {
			if !b.inMemory && a.register == b.register && a.from < b.to && b.from < a.to {
				t.Errorf("steps %d to %d and %d to %d share register %d", a.from, a.to, b.from, b.to, a.register)
			}
		}
		if a.register >= neonSpare {
			t.Errorf("register %d is given away", a.register)
		}
	}
	for _, l := range all {
		if l.x != Op(sum) && l.to != len(f.steps)-1 {
			t.Errorf("a value from before the loop, or a constant, ends at step %d within it", l.to)
		}
	}
	if want := 2*many + 1 - neonSpare; inMemory != want {
		t.Errorf("%d values are in memory, want %d", inMemory, want)
	}
}
