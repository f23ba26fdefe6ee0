package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// The frame of a function and its scalars, of which skeletons are made.

const signature = "func(c *[16]float32, ptr *[8]uintptr, i, n int, sums *float32)"

// neon reports whether functions are those of arm64.
func (is isa) neon() bool { return is.width == 4 }

func (is isa) begin(name, doc string) {
	if is.neon() {
		arm.begin(name, name+" "+doc)
		return
	}
	TEXT(name, 0, signature)
	Doc(name + " " + doc)
	Pragma("noescape")
}

func (is isa) end() {
	if is.neon() {
		arm.end()
		return
	}
	VZEROUPPER()
	RET()
}

func (is isa) param(name string) GPVirtual {
	x := GP64()
	if is.neon() {
		places := map[string]int{"c": 0, "ptr": 8, "i": 16, "n": 24, "sums": 32}
		arm.function.scalar("MOVD "+name+"+%d(FP), %s", places[name], x)
		return x
	}
	return Load(Param(name), x).(GPVirtual)
}

// pointer returns the word at m.
func (is isa) pointer(m Mem) GPVirtual {
	x := GP64()
	if is.neon() {
		arm.function.scalar("MOVD %d(%s), %s", m.Disp, m.Base, x)
	} else {
		MOVQ(m, x)
	}
	return x
}

func (is isa) move(from, to GPVirtual) {
	if is.neon() {
		arm.function.scalar("MOVD %s, %s", from, to)
	} else {
		MOVQ(from, to)
	}
}

func (is isa) increase(x GPVirtual, by int) {
	switch {
	case is.neon():
		arm.function.scalar("ADD $%d, %s", by, x)
	case by > math.MaxInt8:
		ADDQ(U32(by), x)
	default:
		ADDQ(Imm(uint64(by)), x)
	}
}

func (is isa) decrease(x GPVirtual, by int) {
	if is.neon() {
		arm.function.scalar("SUB $%d, %s", by, x)
	} else {
		SUBQ(Imm(uint64(by)), x)
	}
}

// least sets to to from+by, or to most if that is less.
func (is isa) least(from GPVirtual, by int, most, to GPVirtual) {
	if is.neon() {
		arm.function.scalar("ADD $%d, %s, %s", by, from, to)
		arm.function.scalar("CMP %s, %s", most, to)
		arm.function.scalar("CSEL GT, %s, %s, %s", most, to, to)
		return
	}
	LEAQ(Mem{Base: from, Disp: by}, to)
	CMPQ(to, most)
	CMOVQGT(most, to)
}

// blocksToBytes turns the index of an element that starts a block into bytes.
func (is isa) blocksToBytes(x GPVirtual) {
	if is.neon() {
		size := GP64()
		arm.function.scalar("LSR $8, %s", x)
		arm.function.scalar("MOVD $%d, %s", kernels.BlockBytes, size)
		arm.function.scalar("MUL %s, %s", size, x)
		return
	}
	SHRQ(Imm(8), x)
	IMUL3Q(U32(kernels.BlockBytes), x, x)
}

func (is isa) sum(from, to GPVirtual) {
	if is.neon() {
		arm.function.scalar("ADD %s, %s", from, to)
	} else {
		ADDQ(from, to)
	}
}

func (is isa) clearInt(x GPVirtual) {
	if is.neon() {
		arm.function.scalar("MOVD ZR, %s", x)
	} else {
		XORQ(x, x)
	}
}

func (is isa) label(name string) {
	if is.neon() {
		arm.function.label(name)
	} else {
		Label(name)
	}
}

func (is isa) jump(label string) {
	if is.neon() {
		arm.function.jump("JMP", label)
	} else {
		JMP(LabelRef(label))
	}
}

// A relation is one of two scalars, as signed numbers.
type relation struct {
	amd64 func(Op)
	arm64 string
}

var (
	isBelow   = relation{JLT, "BLT"}
	isAbove   = relation{JGT, "BGT"}
	isAtMost  = relation{JLE, "BLE"}
	isAtLeast = relation{JGE, "BGE"}
)

// jumpIf jumps where a has the relation to b.
func (is isa) jumpIf(a GPVirtual, r relation, b GPVirtual, label string) {
	if is.neon() {
		arm.function.scalar("CMP %s, %s", b, a)
		arm.function.jump(r.arm64, label)
		return
	}
	CMPQ(a, b)
	r.amd64(LabelRef(label))
}
