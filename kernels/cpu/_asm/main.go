// Command _asm writes the kernels of package cpu: for every kernel in package kernels
// one body (adamw.go and so on), lowered to AVX2, AVX-512 and NEON for every storage
// by the skeletons (skeleton.go), the verbs (vec.go) and the types of memory
// (memory.go); the streams that measure the memory limit; and the tables that find
// them. Avo writes the code for amd64, neon.go that for arm64.
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
	"path/filepath"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"

	"github.com/optbench/optbench/kernels"
)

// A body is one pass of a kernel over one bundle of vectors.
type body struct {
	coefs   []int // constants that it uses, by place in kernels.Coef
	crowded bool  // it needs the registers that constants would take
	bundle  int   // AVX-512: vectors in a bundle, where not as many as usual
	ahead   ahead // a pass with sums: what it fetches before it is needed

	// emit takes the slots, in the definition's order, and returns those that it
	// changed. Slots that the pass does not read are nil, as are returned slots
	// that it does not write.
	emit func(v *vec, s []val) []val
	// draw returns the numbers that a noise law draws, a vector for each word of a
	// block of random words.
	draw func(v *vec) val
	// terms adds to the sums of the pass, of the slots as they then are in memory,
	// and returns scratch slots.
	terms func(v *vec, s []val) []val
}

// An ahead lists slots that are fetched ahead. The processor does so by itself, but
// a pass that also finds lines in the second cache waits for those behind lines from
// memory, of which it can await few at a time: stencils over long rows took twice as
// long without.
type ahead struct {
	memory []int // from memory into the second cache
	cache  []int // from there into the first
}

// How far ahead, in bytes.
const (
	aheadOfMemory = 4096
	aheadOfCache  = 256
)

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
	unroll  int // vectors in a bundle
	spilled int // avo's: more constants than this live in memory
}

var isas = []isa{
	{suffix: "AVX512", width: 16, table: "avx512", unroll: 2, spilled: 16},
	{suffix: "AVX2", width: 8, table: "avx2", unroll: 1, spilled: 5},
	{suffix: "NEON", width: 4, table: "neon", unroll: 2},
}

// functionName turns lamb's norms in bf16 into lambNormsBf16.
func functionName(f *kernels.Stored, pass int) string {
	name := symbol(f.Name, f.Passes[pass].Name)
	if f.Storage.Name != kernels.F32.String() {
		name += "_" + strings.ReplaceAll(f.Storage.Name, "-", "_")
	}
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// An entry is a function in the tables.
type entry struct {
	key, name string
	whole     int // it runs multiples of this many elements
}

func main() {
	dir := flag.String("dir", "", "write all but the code for amd64 to `folder`")
	flag.Parse()
	ConstraintExpr("amd64,!purego")

	functions, streams := map[string][]entry{}, map[string]kernels.Mix{}
	for _, k := range kernels.Kernels() {
		for _, f := range k.Forms() {
			if f.Wide() {
				continue
			}
			streams[f.ResidentMix().Name()] = f.ResidentMix()
			for pass, p := range k.Passes {
				name := symbol(k.Name, p.Name)
				b, ok := bodies[strings.TrimSuffix(name, "_scaled")]
				if !ok {
					log.Fatalf("kernel %s, pass %q has no body: add _asm/%s.go", k.Name, p.Name, k.Name)
				}
				streams[f.Mix(pass).Name()] = f.Mix(pass)
				for _, is := range isas {
					e := entry{name + "_" + f.Storage.Name, functionName(f, pass) + is.suffix, 1}
					switch {
					case is.neon() && p.Draw32 != nil:
						drawsNEON(is, f, pass, b)
						e.whole = kernels.NoiseGroup
					case p.Draw32 != nil:
						draws(is, f, pass, b)
					case f.Grain() > 1:
						blocks(is, f, pass, b)
						if is.neon() {
							e.whole = kernels.Block
						}
					case p.Sums > 0:
						norms(is, f, pass, b)
						if wholeVectors(is, f.Types) {
							e.whole = kernels.Unit
						}
					default:
						elementwise(is, f, pass, b)
						if wholeVectors(is, f.Types) {
							e.whole = is.width
						}
					}
					functions[is.table] = append(functions[is.table], e)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		for _, is := range isas {
			stream(is, streams[name])
		}
	}
	const spin = "spin tells the core that the thread is waiting."
	TEXT("spin", NOSPLIT, "func()")
	Doc(spin)
	PAUSE()
	RET()
	Generate()
	arm.add(spin, "spin", "YIELD")

	names := slices.Sorted(maps.Keys(streams))
	write := func(name string, src []byte) {
		if err := os.WriteFile(filepath.Join(*dir, name), src, 0o666); err != nil {
			log.Fatal(err)
		}
	}
	write("zz_arm64.s", arm.text.Bytes())
	write("zz_arm64.go", arm.stubs.Bytes())
	for _, arch := range []string{"amd64", "arm64"} {
		write("zz_table_"+arch+".go", tables(arch, functions, names))
	}
}

// tables writes the maps that find a kernel or a stream by what it does, so
// that no hand-written file lists them.
func tables(arch string, functions map[string][]entry, streams []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by _asm. DO NOT EDIT.\n\n//go:build %s && !purego\n\npackage cpu\n\n", arch)
	for _, is := range isas {
		if is.neon() != (arch == "arm64") {
			continue
		}
		fmt.Fprintf(&b, "var %sKernels = map[string]Func{\n", is.table)
		for _, e := range functions[is.table] {
			fmt.Fprintf(&b, "\t%q: {%s, %d},\n", e.key, e.name, e.whole)
		}
		fmt.Fprintf(&b, "}\n\nvar %sStreams = map[string]Func{\n", is.table)
		for _, s := range streams {
			fmt.Fprintf(&b, "\t%q: {stream%s%s, 1},\n", s, s, is.suffix)
		}
		b.WriteString("}\n\n")
	}
	src, err := format.Source(b.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	return src
}
