// Command _asm writes the amd64 kernels of package cpu: for every kernel in
// package kernels one body (adamw.go and so on), lowered to AVX2 and AVX-512 by
// the skeletons in this file and the verbs in vec.go; the streams that measure
// the memory limit; and the tables that find them.
//
// It refuses to write anything unless every kernel has its body.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"log"
	"maps"
	"os"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/optbench/optbench/kernels"
)

// A body is one pass of a kernel over one vector: it takes the slots, in the
// definition's order, and returns those that it changed. Slots that the pass
// does not read are nil, as are returned slots that it does not write.
type body struct {
	coefs []int // constants that it uses, by place in kernels.Coef
	emit  func(v *vec, s []VecVirtual) []VecVirtual
}

// bodies holds the body of every pass by symbol. The files of bodies fill it.
var bodies = map[string]body{}

func symbol(kernel, pass string) string {
	if pass == "" {
		return kernel
	}
	return kernel + "_" + pass
}

func define(kernel, pass string, b body) bool {
	bodies[symbol(kernel, pass)] = b
	return true
}

// An isa is an instruction set to lower to.
type isa struct {
	suffix  string
	width   int // float32 per vector
	table   string
	unroll  int // vectors per iteration of an elementwise loop
	spilled int // more constants than this live in memory
}

var isas = []isa{
	{suffix: "AVX512", width: 16, table: "avx512", unroll: 2, spilled: 16},
	{suffix: "AVX2", width: 8, table: "avx2", unroll: 1, spilled: 5},
}

const signature = "func(c *[16]float32, ptr *[8]uintptr, i, n int, sums *float32)"

// goName turns a symbol such as acclip_v1 into acclipV1.
func goName(symbol string) string {
	words := strings.Split(symbol, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// loop is the state of one function being written.
type loop struct {
	v      *vec
	i, n   GPVirtual
	base   []GPVirtual
	access []kernels.Access
	body   func(v *vec, s []VecVirtual) []VecVirtual
}

// begin writes the prologue: elements [i, n) of the slots that access names.
func begin(is isa, name, doc string, access []kernels.Access, b body) *loop {
	TEXT(name+is.suffix, 0, signature)
	Doc(name + is.suffix + " " + doc)
	Pragma("noescape")
	l := &loop{access: access, body: b.emit}
	ptr := Load(Param("ptr"), GP64())
	l.base = make([]GPVirtual, len(access))
	for k, a := range access {
		if a != kernels.None {
			l.base[k] = GP64()
			MOVQ(Mem{Base: ptr, Disp: 8 * k}, l.base[k])
		}
	}
	l.v = newVec(is, b)
	l.i = Load(Param("i"), GP64()).(GPVirtual)
	l.n = Load(Param("n"), GP64()).(GPVirtual)
	return l
}

// vector runs the body on the vector at element i+offset, all of it or, where
// the vec is masked, its leading part.
func (l *loop) vector(offset int) {
	at := func(k int) Mem { return Mem{Base: l.base[k], Index: l.i, Scale: 4, Disp: 4 * offset} }
	s := make([]VecVirtual, len(l.access))
	for k, a := range l.access {
		if a&kernels.Read != 0 {
			s[k] = l.v.load(at(k))
		}
	}
	for k, x := range l.body(l.v, s) {
		if l.access[k]&kernels.Write != 0 {
			l.v.store(x, at(k))
		}
	}
}

// elementwise writes the skeleton of a pass without sums: whole iterations,
// then vectors under a mask.
func elementwise(is isa, name, doc string, access []kernels.Access, b body) {
	l := begin(is, name, doc, access, b)
	step := is.width * is.unroll
	limit := GP64()
	MOVQ(l.n, limit)
	SUBQ(Imm(uint64(step)), limit)
	CMPQ(l.i, limit)
	JGT(LabelRef("tail"))
	Label("loop")
	for u := range is.unroll {
		l.vector(u * is.width)
	}
	ADDQ(Imm(uint64(step)), l.i)
	CMPQ(l.i, limit)
	JLE(LabelRef("loop"))
	Label("tail")
	CMPQ(l.i, l.n)
	JGE(LabelRef("done"))
	l.v.mask(l.i, l.n)
	l.vector(0)
	ADDQ(Imm(uint64(is.width)), l.i)
	JMP(LabelRef("tail"))
	Label("done")
	VZEROUPPER()
	RET()
}

// norms writes the skeleton of a pass with sums: unit by unit, each with
// accumulators of its own that are folded and stored at the end.
func norms(is isa, name, doc string, access []kernels.Access, sums int, b body) {
	l := begin(is, name, doc, access, b)
	v := l.v
	out := Load(Param("sums"), GP64())
	v.accumulators(sums)
	end, limit := GP64(), GP64()

	Label("unit")
	CMPQ(l.i, l.n)
	JGE(LabelRef("done"))
	LEAQ(Mem{Base: l.i, Disp: kernels.Unit}, end)
	CMPQ(end, l.n)
	CMOVQGT(l.n, end)
	v.clear()
	MOVQ(end, limit)
	SUBQ(Imm(kernels.Lanes), limit)
	CMPQ(l.i, limit)
	JGT(LabelRef("tail"))
	Label("lanes")
	for j := range kernels.Lanes / is.width {
		v.part = j
		l.vector(j * is.width)
	}
	ADDQ(Imm(kernels.Lanes), l.i)
	CMPQ(l.i, limit)
	JLE(LabelRef("lanes"))
	Label("tail")
	for j := range kernels.Lanes / is.width {
		CMPQ(l.i, end)
		JGE(LabelRef("fold"))
		v.part = j
		v.mask(l.i, end)
		l.vector(0)
		ADDQ(Imm(uint64(is.width)), l.i)
	}
	Label("fold")
	MOVQ(end, l.i)
	v.masked = false
	for k := range sums {
		v.fold(k, Mem{Base: out, Disp: 4 * k})
	}
	ADDQ(Imm(uint64(4*sums)), out)
	JMP(LabelRef("unit"))
	Label("done")
	VZEROUPPER()
	RET()
}

// stream writes a loop that loads every slot and stores some unchanged: the
// memory traffic of a pass and nothing else.
func stream(is isa, reads, writes int) {
	access := make([]kernels.Access, reads+writes)
	for k := range access {
		access[k] = kernels.Read
		if k < writes {
			access[k] = kernels.ReadWrite
		}
	}
	elementwise(is, streamName(reads, writes),
		fmt.Sprintf("loads elements [i, n) of %d arrays and stores the first %d of them unchanged.", reads+writes, writes),
		access, body{emit: func(_ *vec, s []VecVirtual) []VecVirtual { return s }})
}

func streamName(reads, writes int) string { return fmt.Sprintf("streamR%dW%d", reads, writes) }

// A mix is the traffic of a pass: arrays read only, and arrays read and written.
type mix struct{ reads, writes int }

func mixOf(access []kernels.Access) mix {
	var m mix
	for _, a := range access {
		switch a {
		case kernels.Read:
			m.reads++
		case kernels.ReadWrite:
			m.writes++
		case kernels.Write:
			log.Fatal("a pass that writes without reading needs a stream of its own")
		}
	}
	return m
}

func main() {
	table := flag.String("table", "", "write the lookup tables to `file`")
	flag.Parse()
	ConstraintExpr("amd64,!purego")

	mixes := map[mix]bool{}
	for _, k := range kernels.Kernels() {
		for _, p := range k.Passes {
			name := symbol(k.Name, p.Name)
			b, ok := bodies[name]
			if !ok {
				log.Fatalf("kernel %s, pass %q has no body: add _asm/%s.go", k.Name, p.Name, k.Name)
			}
			mixes[mixOf(p.Access)] = true
			for _, is := range isas {
				if p.Sums == 0 {
					elementwise(is, goName(name), "runs elements [i, n) of a pass.", p.Access, b)
				} else {
					norms(is, goName(name), "runs elements [i, n) of a pass and stores the sums of its units.", p.Access, p.Sums, b)
				}
			}
		}
	}
	ordered := slices.SortedFunc(maps.Keys(mixes), func(a, b mix) int { return 8*(a.reads-b.reads) + a.writes - b.writes })
	for _, m := range ordered {
		for _, is := range isas {
			stream(is, m.reads, m.writes)
		}
	}
	TEXT("spin", NOSPLIT, "func()")
	Doc("spin tells the core that the thread is waiting.")
	PAUSE()
	RET()
	Generate()

	if err := os.WriteFile(*table, tables(ordered), 0o666); err != nil {
		log.Fatal(err)
	}
}

// tables writes the maps that find a kernel or a stream by what it does, so
// that no hand-written file lists them.
func tables(mixes []mix) []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated by _asm. DO NOT EDIT.\n\n//go:build amd64 && !purego\n\npackage cpu\n\n")
	for _, is := range isas {
		fmt.Fprintf(&b, "var %sKernels = map[string]Func{\n", is.table)
		for _, k := range kernels.Kernels() {
			for _, p := range k.Passes {
				name := symbol(k.Name, p.Name)
				fmt.Fprintf(&b, "\t%q: %s%s,\n", name, goName(name), is.suffix)
			}
		}
		fmt.Fprintf(&b, "}\n\nvar %sStreams = map[mix]Func{\n", is.table)
		for _, m := range mixes {
			fmt.Fprintf(&b, "\t{%d, %d}: %s%s,\n", m.reads, m.writes, streamName(m.reads, m.writes), is.suffix)
		}
		b.WriteString("}\n\n")
	}
	src, err := format.Source(b.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	return src
}
