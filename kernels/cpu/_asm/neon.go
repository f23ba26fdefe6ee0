package main

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Go's assembler for arm64 has no vector arithmetic on float32, and avo is for amd64
// alone. So the functions of NEON are written here: scalar instructions, loads and
// stores as text, vector instructions as words, each with its name as a comment, by
// which a test decodes it. Registers are avo's virtual ones until a function ends.

// A neonIns is a vector instruction, or a line of Go's assembler, whose word is 0.
type neonIns struct {
	text    string // with {d}, {a} and {b} for registers
	word    uint32 // with registers 0
	updates bool   // it reads d too
}

func lanes3(name string, word uint32) neonIns {
	return neonIns{text: name + " v{d}.4s, v{a}.4s, v{b}.4s", word: word}
}

func lanes2(name string, word uint32) neonIns {
	return neonIns{text: name + " v{d}.4s, v{a}.4s", word: word}
}

func bits3(name string, word uint32) neonIns {
	return neonIns{text: name + " v{d}.16b, v{a}.16b, v{b}.16b", word: word}
}

func (i neonIns) updating() neonIns {
	i.updates = true
	return i
}

// shifted makes a shift by n, of which the word holds the number given.
func shifted(name string, word uint32, n uint64, field uint64) neonIns {
	i := lanes2(name, word|uint32(field)<<16)
	i.text += fmt.Sprintf(", #%d", n)
	return i
}

var (
	nAdd      = lanes3("fadd", 0x4e20d400)
	nSub      = lanes3("fsub", 0x4ea0d400)
	nMul      = lanes3("fmul", 0x6e20dc00)
	nDiv      = lanes3("fdiv", 0x6e20fc00)
	nMin      = lanes3("fmin", 0x4ea0f400)
	nMax      = lanes3("fmax", 0x4e20f400)
	nFMA      = lanes3("fmla", 0x4e20cc00).updating() // d + a*b, rounded once
	nGreater  = lanes3("fcmgt", 0x6ea0e400)
	nAtLeast  = lanes3("fcmge", 0x6e20e400)
	nEqual    = lanes3("fcmeq", 0x4e20e400)
	nIntAdd   = lanes3("add", 0x4ea08400)
	nIntSub   = lanes3("sub", 0x6ea08400)
	nIntMul   = lanes3("mul", 0x4ea09c00)
	nMinBits  = lanes3("umin", 0x6ea06c00)
	nMaxBits  = lanes3("umax", 0x6ea06400)
	nNotBelow = lanes3("cmhs", 0x6ea03c00) // as unsigned numbers
	nEven     = lanes3("uzp1", 0x4e801800)
	nOdd      = lanes3("uzp2", 0x4e805800)
	nAnd      = bits3("and", 0x4e201c00)
	nOr       = bits3("orr", 0x4ea01c00)
	nXor      = bits3("eor", 0x6e201c00)
	nPick     = bits3("bsl", 0x6e601c00).updating()

	nSqrt     = lanes2("fsqrt", 0x6ea1f800)
	nNegate   = lanes2("fneg", 0x6ea0f800)
	nFromInt  = lanes2("scvtf", 0x4e21d800)
	nTruncate = lanes2("fcvtzs", 0x4ea1b800)
	nToInt    = lanes2("fcvtns", 0x4e21a800)
	nRound    = lanes2("frintn", 0x4e218800)
	nNegative = neonIns{text: "cmlt v{d}.4s, v{a}.4s, #0", word: 0x4ea0a800}
	nCopy     = neonIns{text: "mov v{d}.16b, v{a}.16b", word: 0x4ea01c00} // of a or a
	nNot      = neonIns{text: "mvn v{d}.16b, v{a}.16b", word: 0x6e205800}
	nZero     = neonIns{text: "movi v{d}.4s, #0x0", word: 0x4f000400}

	nTable        = neonIns{text: "tbl v{d}.16b, {v{a}.16b}, v{b}.16b", word: 0x4e000000}
	nTableTop     = neonIns{text: "tbx v{d}.16b, {v{a}.16b}, v{b}.16b", word: 0x4e001000, updates: true} // beyond the table d stays
	nUpper        = neonIns{text: "ext v{d}.16b, v{a}.16b, v{b}.16b, #8", word: 0x6e004000}
	nPairSum      = neonIns{text: "faddp s{d}, v{a}.2s", word: 0x7e30d800}
	nLargest      = neonIns{text: "umaxv s{d}, v{a}.4s", word: 0x6eb0a800}
	nSpread       = neonIns{text: "dup v{d}.4s, v{a}.s[0]", word: 0x4e040400}
	nTimes        = neonIns{text: "umull v{d}.2d, v{a}.2s, v{b}.2s", word: 0x2ea0c000}
	nTimesTop     = neonIns{text: "umull2 v{d}.2d, v{a}.4s, v{b}.4s", word: 0x6ea0c000}
	nWiden        = neonIns{text: "shll v{d}.4s, v{a}.4h, #16", word: 0x2e613800} // to the upper halves
	nBytesToWords = neonIns{text: "uxtl v{d}.8h, v{a}.8b", word: 0x2f08a400}
	nWordsToLanes = neonIns{text: "uxtl v{d}.4s, v{a}.4h", word: 0x2f10a400}
	nToBytes      = neonIns{text: "xtn v{d}.8b, v{a}.8h", word: 0x0e212800}
	nNarrow       = neonIns{text: "xtn v{d}.4h, v{a}.4s", word: 0x0e612800}
)

func nLeft(n uint64) neonIns   { return shifted("shl", 0x4f005400, n, 32+n) }
func nRight(n uint64) neonIns  { return shifted("ushr", 0x6f000400, n, 64-n) }
func nSigned(n uint64) neonIns { return shifted("sshr", 0x4f000400, n, 64-n) }

func registers(text string, d, a, b int) string {
	return strings.NewReplacer("{d}", fmt.Sprint(d), "{a}", fmt.Sprint(a), "{b}", fmt.Sprint(b)).Replace(text)
}

// A neonStep is a line of a function.
type neonStep struct {
	neonIns
	d, a, b Op     // nil where the text has none
	label   bool   // the text is one
	to      string // the label that the text jumps to
}

// neonFunction is a function being written.
type neonFunction struct {
	name  string
	steps []neonStep
	lits  map[[4]uint32]VecVirtual
	order [][4]uint32         // of lits
	gp    map[Register]string // machine registers of scalars
	at    *Mem                // what neonAddress holds
	room  int                 // of its frame, in bytes, besides spilled values
}

// neonFile collects the text of functions, their declarations and their constants.
type neonFile struct {
	text, stubs bytes.Buffer
	function    *neonFunction
}

var arm = newNeonFile()

const generated = "// Code generated by _asm. DO NOT EDIT.\n\n//go:build arm64 && !purego\n\n"

func newNeonFile() *neonFile {
	f := &neonFile{}
	f.text.WriteString(generated + "#include \"textflag.h\"\n")
	f.stubs.WriteString(generated + "package cpu\n")
	return f
}

func (n *neonFile) begin(name, doc string) {
	n.function = &neonFunction{name: name, lits: map[[4]uint32]VecVirtual{}, gp: map[Register]string{}}
	fmt.Fprintf(&n.stubs, "\n// %s\n//\n//go:noescape\n%s\n", doc, strings.Replace(signature, "func", "func "+name, 1))
}

// add adds a function without arguments.
func (n *neonFile) add(doc, name, line string) {
	fmt.Fprintf(&n.text, "\n// func %s()\nTEXT ·%s(SB), NOSPLIT, $0-0\n\t%s\n\tRET\n", name, name, line)
	fmt.Fprintf(&n.stubs, "\n// %s\nfunc %s()\n", doc, name)
}

// Registers that are not given to scalars.
const (
	neonAddress   = "R23"
	neonConstants = "R24"
)

// r is the machine register of a scalar.
func (f *neonFunction) r(x Register) string {
	if f.gp[x] == "" {
		k := len(f.gp)
		if k >= 16 { // R16 to R18 are the linker's and the system's
			k += 3
		}
		if f.gp[x] = fmt.Sprintf("R%d", k); f.gp[x] == neonAddress {
			panic("too many scalars")
		}
	}
	return f.gp[x]
}

// scalar adds a line of Go's assembler, with scalars for its verbs.
func (f *neonFunction) scalar(format string, args ...any) {
	for i, x := range args {
		if x, ok := x.(Register); ok {
			args[i] = f.r(x)
		}
	}
	f.at = nil
	f.steps = append(f.steps, neonStep{neonIns: neonIns{text: fmt.Sprintf(format, args...)}})
}

// memory returns an operand of Go's assembler. One index register with an offset is
// more than an instruction takes, so that the address goes to a register.
func (f *neonFunction) memory(m Mem) string {
	if m.Index == nil {
		return fmt.Sprintf("%d(%s)", m.Disp, f.r(m.Base))
	}
	offset := m.Disp
	m.Disp = 0
	if f.at == nil || *f.at != m {
		shift := ""
		if m.Scale > 1 {
			shift = fmt.Sprintf("<<%d", bits.TrailingZeros8(m.Scale))
		}
		f.scalar("ADD %s"+shift+", %s, "+neonAddress, m.Index, m.Base)
		f.at = &m
	}
	return fmt.Sprintf("%d(%s)", offset, neonAddress)
}

// load and store move the size that a suffix says.
func (f *neonFunction) load(size string, m Mem, d Op) {
	f.steps = append(f.steps, neonStep{neonIns: neonIns{text: "FMOV" + size + " " + f.memory(m) + ", F{d}"}, d: d})
}

func (f *neonFunction) store(size string, a Op, m Mem) {
	f.steps = append(f.steps, neonStep{neonIns: neonIns{text: "FMOV" + size + " F{a}, " + f.memory(m)}, a: a})
}

func (f *neonFunction) do(i neonIns, d, a, b Op) {
	f.steps = append(f.steps, neonStep{neonIns: i, d: d, a: a, b: b})
}

// neonFrame is where a frame starts, behind the return address and aligned.
const neonFrame = 16

// frame returns the address of memory on the stack.
func (f *neonFunction) frame(bytes int) GPVirtual {
	x := GP64()
	f.scalar("MOVD $%d(RSP), %s", neonFrame+f.room, x)
	f.room += bytes
	return x
}

func (f *neonFunction) copy(a, d Op) { f.do(nCopy, d, a, a) }

func (f *neonFunction) label(name string) {
	f.at = nil
	f.steps = append(f.steps, neonStep{neonIns: neonIns{text: name}, label: true})
}

func (f *neonFunction) jump(format, label string, args ...any) {
	f.scalar(format+" "+label, args...)
	f.steps[len(f.steps)-1].to = label
}

// jumpIfZero jumps where all bits of x are zero.
func (f *neonFunction) jumpIfZero(x Op, label string) {
	t, bits := XMM(), GP64()
	f.do(nLargest, t, x, nil)
	f.fromVector("FMOVS", t, bits)
	f.jump("CBZW %s,", label, bits)
}

// fromVector moves the first lane of x to a scalar.
func (f *neonFunction) fromVector(instruction string, x Op, to GPVirtual) {
	f.scalar(instruction+" F{a}, %s", to)
	f.steps[len(f.steps)-1].a = x
}

// toLanes returns the lower half of a scalar in every lane.
func (f *neonFunction) toLanes(x GPVirtual) VecVirtual {
	d := XMM()
	f.scalar("FMOVS %s, F{d}", x)
	f.steps[len(f.steps)-1].d = d
	f.do(nSpread, d, d, nil)
	return d
}

// constant returns the register of four words, which nothing may write.
func (f *neonFunction) constant(words [4]uint32) VecVirtual {
	if f.lits[words] == nil {
		f.lits[words] = XMM()
		f.order = append(f.order, words)
	}
	return f.lits[words]
}

func (f *neonFunction) lit(l lit) VecVirtual {
	x := uint32(l)
	return f.constant([4]uint32{x, x, x, x})
}

// A life is the steps from the first that sets a value to the last that uses it.
type life struct {
	x         Op
	from, to  int
	uses      int
	register  int
	inMemory  bool
	constants int // its place among the constants, or -1
}

// lives finds the life of every value. Where it starts before a loop and ends in it, it
// lasts as long as the loop; constants start with the function.
func (f *neonFunction) lives() []*life {
	var all []*life
	of := map[Op]*life{}
	for k, words := range f.order {
		of[f.lits[words]] = &life{x: f.lits[words], from: -1, to: -1, constants: k}
		all = append(all, of[f.lits[words]])
	}
	labels := map[string]int{}
	type loop struct{ from, to int }
	var loops []loop
	for at, s := range f.steps {
		for _, x := range []Op{s.a, s.b, s.d} {
			if x == nil {
				continue
			}
			if of[x] == nil {
				of[x] = &life{x: x, from: at, constants: -1}
				all = append(all, of[x])
			}
			of[x].to = at
			of[x].uses++
		}
		if s.label {
			labels[s.text] = at
		}
		if from, backward := labels[s.to]; backward {
			loops = append(loops, loop{from, at})
		}
	}
	for again := true; again; {
		again = false
		for _, lp := range loops {
			for _, l := range all {
				if l.from < lp.from && lp.from <= l.to && l.to < lp.to {
					l.to, again = lp.to, true
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *life) int { return a.from - b.from })
	return all
}

// neonSpare is the first of the registers in which spilled values are worked on.
const neonSpare = 29

// allocate gives every value a register for all its life, or keeps it in memory: that
// which lives longest, of those the least used.
func allocate(all []*life) {
	var active []*life
	free := make([]int, neonSpare)
	for i := range free {
		free[i] = neonSpare - 1 - i
	}
	for _, l := range all {
		active = slices.DeleteFunc(active, func(a *life) bool {
			if a.to > l.from {
				return false
			}
			free = append(free, a.register)
			return true
		})
		active = append(active, l)
		if len(free) > 0 {
			l.register, free = free[len(free)-1], free[:len(free)-1]
			continue
		}
		out := slices.MaxFunc(active, func(a, b *life) int {
			if a.to != b.to {
				return a.to - b.to
			}
			return b.uses - a.uses
		})
		out.inMemory = true
		l.register = out.register
		active = slices.DeleteFunc(active, func(a *life) bool { return a == out })
	}
}

// end writes the function.
func (n *neonFile) end() {
	f := n.function
	all := f.lives()
	allocate(all)
	of := map[Op]*life{}
	where := map[Op]string{}
	for _, l := range all {
		of[l.x] = l
		switch {
		case l.inMemory && l.constants >= 0:
			where[l.x] = fmt.Sprintf("%d(%s)", 16*l.constants, neonConstants)
		case l.inMemory:
			where[l.x] = fmt.Sprintf("%d(RSP)", neonFrame+f.room)
			f.room += 16
		}
	}
	w := &n.text
	if len(f.order) > 0 {
		fmt.Fprintln(w)
		for k, words := range f.order {
			for i, x := range words {
				fmt.Fprintf(w, "DATA %sWords<>+%d(SB)/4, $0x%08x\n", f.name, 16*k+4*i, x)
			}
		}
		fmt.Fprintf(w, "GLOBL %sWords<>(SB), RODATA|NOPTR, $%d\n", f.name, 16*len(f.order))
	}
	frame := 0
	if f.room > 0 {
		frame = neonFrame - 8 + f.room // the return address is not counted
	}
	fmt.Fprintf(w, "\n// %s\nTEXT ·%s(SB), 0, $%d-40\n", strings.Replace(signature, "func", "func "+f.name, 1), f.name, frame)
	if len(f.order) > 0 {
		fmt.Fprintf(w, "\tMOVD $%sWords<>(SB), %s\n", f.name, neonConstants)
	}
	for k, words := range f.order {
		if l := of[f.lits[words]]; !l.inMemory {
			fmt.Fprintf(w, "\tFMOVQ %d(%s), F%d\n", 16*k, neonConstants, l.register)
		}
	}
	for _, s := range f.steps {
		if s.label {
			fmt.Fprintf(w, "%s:\n", s.text)
			continue
		}
		number := [3]int{}
		for i, x := range []Op{s.d, s.a, s.b} {
			if x == nil {
				continue
			}
			number[i] = of[x].register
			if of[x].inMemory {
				number[i] = neonSpare + i
				if i > 0 || s.updates {
					fmt.Fprintf(w, "\tFMOVQ %s, F%d\n", where[x], number[i])
				}
			}
		}
		d, a, b := number[0], number[1], number[2]
		if s.a == s.b {
			b = a
		}
		if s.word != 0 {
			fmt.Fprintf(w, "\tWORD $0x%08x // %s\n", s.word|uint32(d|a<<5|b<<16), registers(s.text, d, a, b))
		} else {
			fmt.Fprintf(w, "\t%s\n", registers(s.text, d, a, b))
		}
		if s.d != nil && of[s.d].inMemory {
			fmt.Fprintf(w, "\tFMOVQ F%d, %s\n", d, where[s.d])
		}
	}
	fmt.Fprint(w, "\tRET\n")
}
