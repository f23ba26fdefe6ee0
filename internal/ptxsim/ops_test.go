package ptxsim

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A row is an opcode and what it should give of its arguments' bits.
type row struct {
	opcode string
	args   string // types, the last that of the result: "f32 f32 f32"
	want   func(x []uint64) uint64
}

// precise computes with so many digits that rounding the result once gives what
// exact arithmetic rounded once would.
func precise() *big.Float { return new(big.Float).SetPrec(5000) }

// rounded is the row of an operation on numbers of one type. Where all are finite
// and the result is neither zero, whose sign has no digits, nor without value,
// math/big says what it is; else plain does.
func rounded(opcode, args string, exact func(z *big.Float, x []*big.Float) *big.Float, plain func(x []float64) float64) row {
	types := strings.Fields(args)
	return row{opcode, args, func(bits []uint64) uint64 {
		var xs []float64
		var bigs []*big.Float
		for i, b := range bits {
			x := f64(b)
			if types[i] == "f32" {
				x = float64(f32(b))
			}
			xs = append(xs, x)
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				bigs = append(bigs, precise().SetFloat64(x))
			}
		}
		out := plain(xs)
		undefined := math.IsNaN(out) || strings.HasPrefix(opcode, "div") && xs[1] == 0 || strings.HasPrefix(opcode, "rcp") && xs[0] == 0
		single := types[len(types)-1] == "f32"
		if len(bigs) == len(xs) && !undefined {
			if z := exact(precise(), bigs); z.Sign() != 0 {
				if single {
					y, _ := z.Float32()
					return from32(y)
				}
				y, _ := z.Float64()
				return from64(y)
			}
		}
		if single {
			return from32(float32(out))
		}
		return from64(out)
	}}
}

// integral is the row of an operation on integers of one width, by math/big: the
// result is taken modulo a power of two.
func integral(opcode, kind string, f func(z, a, b *big.Int) *big.Int) row {
	return row{opcode + "." + kind, kind + " " + kind + " " + widen(opcode, kind), func(x []uint64) uint64 {
		return modulo(f(new(big.Int), integer64(kind, x[0]), integer64(kind, x[1])), 8*sizes[widen(opcode, kind)])
	}}
}

func widen(opcode, kind string) string {
	if opcode == "mul.wide" {
		return kind[:1] + "64"
	}
	return kind
}

func integer64(kind string, x uint64) *big.Int {
	n := uint(8 * sizes[kind])
	z := new(big.Int).SetUint64(x)
	if kind[0] == 's' && z.Bit(int(n)-1) == 1 {
		z.Sub(z, new(big.Int).Lsh(big.NewInt(1), n))
	}
	return z
}

func modulo(z *big.Int, n int) uint64 {
	limit := new(big.Int).Lsh(big.NewInt(1), uint(n))
	return new(big.Int).Mod(z, limit).Uint64()
}

// extreme is the larger or the smaller of two float32, by their bits: below zero,
// which has two, they run backwards. A number comes before what is none.
func extreme(a, b uint64, larger bool) uint64 {
	place := func(x uint64) int64 {
		if x>>31 == 1 {
			return -int64(x&0x7fffffff) - 1
		}
		return int64(x)
	}
	if x := f32(a); x != x {
		return b
	}
	if x := f32(b); x != x || (place(a) > place(b)) == larger {
		return a
	}
	return b
}

func yes(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// rows are the opcodes that compute, each with its meaning told a second time.
func rows() []row {
	var out []row
	for _, t := range []string{"f32", "f64"} {
		two, three := t+" "+t+" "+t, t+" "+t+" "+t+" "+t
		out = append(out,
			rounded("add.rn."+t, two, func(z *big.Float, x []*big.Float) *big.Float { return z.Add(x[0], x[1]) }, func(x []float64) float64 { return x[0] + x[1] }),
			rounded("sub.rn."+t, two, func(z *big.Float, x []*big.Float) *big.Float { return z.Sub(x[0], x[1]) }, func(x []float64) float64 { return x[0] - x[1] }),
			rounded("mul.rn."+t, two, func(z *big.Float, x []*big.Float) *big.Float { return z.Mul(x[0], x[1]) }, func(x []float64) float64 { return x[0] * x[1] }),
			rounded("div.rn."+t, two, func(z *big.Float, x []*big.Float) *big.Float { return z.Quo(x[0], x[1]) }, func(x []float64) float64 { return x[0] / x[1] }),
			rounded("fma.rn."+t, three,
				func(z *big.Float, x []*big.Float) *big.Float { return z.Add(z.Mul(x[0], x[1]), x[2]) },
				func(x []float64) float64 { return math.FMA(x[0], x[1], x[2]) }),
			rounded("rcp.rn."+t, t+" "+t, func(z *big.Float, x []*big.Float) *big.Float { return z.Quo(big.NewFloat(1), x[0]) }, func(x []float64) float64 { return 1 / x[0] }),
			rounded("sqrt.rn."+t, t+" "+t, func(z *big.Float, x []*big.Float) *big.Float { return z.Sqrt(x[0]) }, func(x []float64) float64 { return math.Sqrt(x[0]) }),
			rounded("abs."+t, t+" "+t, func(z *big.Float, x []*big.Float) *big.Float { return z.Abs(x[0]) }, func(x []float64) float64 { return math.Abs(x[0]) }),
			rounded("neg."+t, t+" "+t, func(z *big.Float, x []*big.Float) *big.Float { return z.Neg(x[0]) }, func(x []float64) float64 { return -x[0] }),
		)
		value := func(x uint64) float64 {
			if t == "f32" {
				return float64(f32(x))
			}
			return f64(x)
		}
		for relation, f := range map[string]func(a, b float64) bool{
			"eq": func(a, b float64) bool { return a == b }, "ne": func(a, b float64) bool { return a < b || a > b },
			"lt": func(a, b float64) bool { return a < b }, "le": func(a, b float64) bool { return a <= b },
			"gt": func(a, b float64) bool { return a > b }, "ge": func(a, b float64) bool { return a >= b },
			"equ": func(a, b float64) bool { return !(a < b || a > b) }, "neu": func(a, b float64) bool { return a != b },
			"ltu": func(a, b float64) bool { return !(a >= b) }, "leu": func(a, b float64) bool { return !(a > b) },
			"gtu": func(a, b float64) bool { return !(a <= b) }, "geu": func(a, b float64) bool { return !(a < b) },
			"nan": func(a, b float64) bool { return !(a <= b) && !(a >= b) },
		} {
			out = append(out, row{"setp." + relation + "." + t, t + " " + t + " pred", func(x []uint64) uint64 { return yes(f(value(x[0]), value(x[1]))) }})
		}
		out = append(out,
			row{"mov." + t, t + " " + t, func(x []uint64) uint64 { return x[0] }},
			row{"selp." + t, t + " " + t + " pred " + t, func(x []uint64) uint64 { return x[(1-x[2])&1] }})
	}
	out = append(out,
		rounded("cvt.rn.f32.f64", "f64 f32", func(z *big.Float, x []*big.Float) *big.Float { return x[0] }, func(x []float64) float64 { return x[0] }),
		rounded("cvt.f64.f32", "f32 f64", func(z *big.Float, x []*big.Float) *big.Float { return x[0] }, func(x []float64) float64 { return x[0] }),
		row{"cvt.rn.f32.u32", "u32 f32", func(x []uint64) uint64 {
			y, _ := precise().SetUint64(x[0]).Float32()
			return from32(y)
		}},
		row{"cvt.rn.f32.s32", "s32 f32", func(x []uint64) uint64 {
			y, _ := precise().SetInt(integer64("s32", x[0])).Float32()
			return from32(y)
		}},
		row{"min.f32", "f32 f32 f32", func(x []uint64) uint64 { return extreme(x[0], x[1], false) }},
		row{"max.f32", "f32 f32 f32", func(x []uint64) uint64 { return extreme(x[0], x[1], true) }},
		row{"bfi.b32", "b32 b32 u32 u32 b32", func(x []uint64) uint64 {
			for i, end := x[2]&255, x[2]&255+x[3]&255; i < min(end, 32); i++ {
				x[1] = x[1]&^(1<<i) | x[0]>>(i-x[2]&255)&1<<i
			}
			return x[1]
		}},
		row{"cvt.rni.f32.f32", "f32 f32", func(x []uint64) uint64 {
			y := f32(x[0])
			if y != y || math.Abs(float64(y)) >= 1<<24 {
				return from32(y)
			}
			whole := float32(math.Floor(float64(y)))
			if rest := y - whole; rest > 0.5 || rest == 0.5 && int64(whole)%2 != 0 {
				whole++
			}
			return from32(float32(math.Copysign(float64(whole), float64(y))))
		}},
		row{"cvt.rzi.s32.f32", "f32 s32", func(x []uint64) uint64 {
			y := f32(x[0])
			if y != y {
				return 0
			}
			if math.IsInf(float64(y), 0) {
				y = float32(math.Copysign(1e30, float64(y)))
			}
			z, _ := precise().SetFloat64(float64(y)).Int(nil)
			if most := big.NewInt(math.MaxInt32); z.Cmp(most) > 0 {
				z = most
			}
			if least := big.NewInt(math.MinInt32); z.Cmp(least) < 0 {
				z = least
			}
			return modulo(z, 32)
		}},
		row{"cvt.s64.s32", "s32 s64", func(x []uint64) uint64 { return modulo(integer64("s32", x[0]), 64) }},
		row{"cvt.u64.u32", "u32 u64", func(x []uint64) uint64 { return x[0] }},
		row{"cvt.u32.u16", "u16 u32", func(x []uint64) uint64 { return x[0] }},
		row{"cvt.u16.u32", "u32 u16", func(x []uint64) uint64 { return x[0] % (1 << 16) }},
		row{"selp.b16", "b16 b16 pred b16", func(x []uint64) uint64 { return x[(1-x[2])&1] }},
		row{"cvt.u32.u64", "u64 u32", func(x []uint64) uint64 { return x[0] % (1 << 32) }},
		row{"cvta.to.global.u64", "u64 u64", func(x []uint64) uint64 { return x[0] }},
	)
	for _, t := range []string{"s16", "s32", "s64", "u16", "u32", "u64"} {
		if t[0] == 's' {
			out = append(out, integral("add", t, (*big.Int).Add), integral("sub", t, (*big.Int).Sub), integral("mul.lo", t, (*big.Int).Mul))
		} else {
			out = append(out, row{"div." + t, t + " " + t + " " + t, func(x []uint64) uint64 {
				if x[1] == 0 {
					return math.MaxUint64 >> (64 - 8*sizes[t])
				}
				return x[0] / x[1]
			}})
		}
		out = append(out,
			integral("min", t, func(z, a, b *big.Int) *big.Int {
				if a.Cmp(b) < 0 {
					return a
				}
				return b
			}),
			integral("max", t, func(z, a, b *big.Int) *big.Int {
				if a.Cmp(b) > 0 {
					return a
				}
				return b
			}),
			row{"shr." + t, t + " u32 " + t, func(x []uint64) uint64 {
				return modulo(new(big.Int).Rsh(integer64(t, x[0]), uint(min(x[1], 100))), 8*sizes[t])
			}},
			row{"mov." + t, t + " " + t, func(x []uint64) uint64 { return x[0] }},
			row{"selp." + t, t + " " + t + " pred " + t, func(x []uint64) uint64 { return x[(1-x[2])&1] }})
		if strings.HasSuffix(t, "32") {
			out = append(out, integral("mul.wide", t, (*big.Int).Mul))
		}
		for relation, holds := range map[string][]int{"eq": {0}, "ne": {-1, 1}, "lt": {-1}, "le": {-1, 0}, "gt": {1}, "ge": {0, 1}} {
			out = append(out, row{"setp." + relation + "." + t, t + " " + t + " pred", func(x []uint64) uint64 {
				return yes(slices.Contains(holds, integer64(t, x[0]).Cmp(integer64(t, x[1]))))
			}})
		}
	}
	for _, t := range []string{"b32", "b64"} {
		out = append(out,
			row{"and." + t, t + " " + t + " " + t, func(x []uint64) uint64 { return x[0] & x[1] }},
			row{"or." + t, t + " " + t + " " + t, func(x []uint64) uint64 { return x[0] | x[1] }},
			row{"xor." + t, t + " " + t + " " + t, func(x []uint64) uint64 { return x[0] ^ x[1] }},
			row{"setp.eq." + t, t + " " + t + " pred", func(x []uint64) uint64 { return yes(x[0] == x[1]) }},
			row{"setp.ne." + t, t + " " + t + " pred", func(x []uint64) uint64 { return yes(x[0] != x[1]) }},
			row{"not." + t, t + " " + t, func(x []uint64) uint64 { return ^x[0] & (math.MaxUint64 >> (64 - 8*sizes[t])) }},
			row{"shl." + t, t + " u32 " + t, func(x []uint64) uint64 {
				return modulo(new(big.Int).Lsh(new(big.Int).SetUint64(x[0]), uint(min(x[1], 100))), 8*sizes[t])
			}},
			row{"mov." + t, t + " " + t, func(x []uint64) uint64 { return x[0] }},
			row{"setp.eq." + t, t + " " + t + " pred", func(x []uint64) uint64 { return yes(x[0] == x[1]) }},
			row{"setp.ne." + t, t + " " + t + " pred", func(x []uint64) uint64 { return yes(x[0] != x[1]) }},
			row{"selp." + t, t + " " + t + " pred " + t, func(x []uint64) uint64 { return x[(1-x[2])&1] }})
	}
	return append(out,
		row{"and.pred", "pred pred pred", func(x []uint64) uint64 { return x[0] & x[1] }},
		row{"or.pred", "pred pred pred", func(x []uint64) uint64 { return x[0] | x[1] }},
		row{"xor.pred", "pred pred pred", func(x []uint64) uint64 { return x[0] ^ x[1] }},
		row{"not.pred", "pred pred", func(x []uint64) uint64 { return 1 - x[0] }},
		row{"mov.pred", "pred pred", func(x []uint64) uint64 { return x[0] }},
	)
}

// program is a kernel that applies one opcode: arguments and results are arrays
// of a parameter each, of 64 bits per thread. Predicates are made of numbers.
func (r row) program() string {
	types := strings.Fields(r.args)
	var b, params strings.Builder
	b.WriteString(".reg .b64 %a<9>;\n.reg .b64 %x<9>;\n.reg .pred %p<9>;\n.reg .b32 %t;\nmov.u32 %t, %tid.x;\nmul.wide.u32 %x8, %t, 8;\n")
	var names []string
	for i, t := range types {
		fmt.Fprintf(&params, ".param .u64 q%d,", i)
		fmt.Fprintf(&b, "ld.param.u64 %%a%d, [q%d];\nadd.s64 %%a%d, %%a%d, %%x8;\n", i, i, i, i)
		name := fmt.Sprintf("%%x%d", i)
		if i < len(types)-1 {
			fmt.Fprintf(&b, "ld.global.u64 %s, [%%a%d];\n", name, i)
		}
		if t == "pred" {
			if i < len(types)-1 {
				fmt.Fprintf(&b, "setp.ne.s64 %%p%d, %s, 0;\n", i, name)
			}
			name = fmt.Sprintf("%%p%d", i)
		}
		names = append(names, name)
	}
	last := len(types) - 1
	fmt.Fprintf(&b, "%s %s, %s;\n", r.opcode, names[last], strings.Join(names[:last], ", "))
	if types[last] == "pred" {
		fmt.Fprintf(&b, "selp.b64 %%x%d, 1, 0, %s;\n", last, names[last])
	}
	fmt.Fprintf(&b, "st.global.u64 [%%a%d], %%x%d;\nret;\n", last, last)
	return fmt.Sprintf(".visible .entry op(%s)\n{\n%s}\n", strings.TrimSuffix(params.String(), ","), b.String())
}

// draw makes the bits of a number of a type: any, near others, or at an edge.
func draw(rng *rand.Rand, t string) uint64 {
	switch t {
	case "pred":
		return rng.Uint64() & 1
	case "f32":
		edges := []uint64{0, 1 << 31, 1, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x3f800000, 0x3f800001, 0x3f7fffff, 0x3f000000, 0x40200000, 0x4f000000, 0xcf000000}
		switch rng.IntN(4) {
		case 0:
			return edges[rng.IntN(len(edges))]
		case 1:
			return uint64(rng.Uint32())
		}
		return from32(float32(rng.NormFloat64() * math.Ldexp(1, rng.IntN(80)-40)))
	case "f64":
		edges := []uint64{0, 1 << 63, 1, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7fefffffffffffff, 0x0010000000000000, 0x3ff0000000000000, 0x3ff0000010000000, 0x3ff0000030000000, 0x36a0000000000000, 0x3690000000000000}
		switch rng.IntN(4) {
		case 0:
			return edges[rng.IntN(len(edges))]
		case 1:
			return rng.Uint64()
		}
		return from64(rng.NormFloat64() * math.Ldexp(1, rng.IntN(80)-40))
	}
	x := rng.Uint64()
	switch rng.IntN(3) {
	case 0:
		x = uint64(rng.IntN(200)) - 100
	case 1:
		x = 1<<rng.IntN(64) - uint64(rng.IntN(2))
	}
	return x & (math.MaxUint64 >> (64 - 8*sizes[t]))
}

// TestOpcodes holds every opcode that computes to its meaning.
func TestOpcodes(t *testing.T) {
	for _, r := range rows() {
		types := strings.Fields(r.args)
		module, err := Parse(r.program())
		if err != nil {
			t.Errorf("%s: %v", r.opcode, err)
			continue
		}
		k, err := module.Kernel("op")
		if err != nil {
			t.Fatal(err)
		}
		const n = 640
		rng := rand.New(rand.NewPCG(1, uint64(len(r.opcode))))
		var m Memory
		var args []uint64
		var arrays []*Array
		for range types {
			a := m.Alloc("x", 8*n)
			arrays, args = append(arrays, a), append(args, a.Addr())
		}
		for i := range n {
			for j, kind := range types[:len(types)-1] {
				arrays[j].Write(8*i, binary.LittleEndian.AppendUint64(nil, draw(rng, kind)))
			}
		}
		if err := m.Launch(k, Launch{Grid: 1, Block: n, Args: args}); err != nil {
			t.Errorf("%s: %v", r.opcode, err)
			continue
		}
		for i := range n {
			x := make([]uint64, len(types))
			for j, a := range arrays {
				x[j] = get(a.Bytes()[8*i : 8*i+8])
			}
			got, want := x[len(x)-1], r.want(x[:len(x)-1])
			if got != want && !(isNaN(types[len(types)-1], got) && isNaN(types[len(types)-1], want)) {
				t.Errorf("%s of %x: got %x, want %x", r.opcode, x[:len(x)-1], got, want)
				break
			}
		}
	}
}

func isNaN(t string, x uint64) bool {
	return t == "f32" && f32(x) != f32(x) || t == "f64" && f64(x) != f64(x)
}

// TestFusedTies takes products half-way between two numbers, and adds what is far
// too small to change any digit but decides which is nearer.
func TestFusedTies(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 10000 {
		a, b := float32(1<<12|rng.IntN(1<<12)|1), float32(1<<11|rng.IntN(1<<11)|1)
		c := float32(math.Ldexp(1, -20-rng.IntN(60)))
		for _, x := range [][3]float32{{a, b, c}, {a, b, -c}, {-a, b, c}, {-a, b, -c}, {a, b, 0}} {
			z := precise().Mul(precise().SetFloat64(float64(x[0])), precise().SetFloat64(float64(x[1])))
			want, _ := z.Add(z, precise().SetFloat64(float64(x[2]))).Float32()
			if got := fma32(x[0], x[1], x[2]); got != want {
				t.Fatalf("%v*%v%+v: got %v, want %v", x[0], x[1], x[2], got, want)
			}
		}
	}
}

// elsewhere are the opcodes of the shipped kernels that run_test.go tests: those
// that move data, synchronize and jump.
var elsewhere = regexp.MustCompile(`^((ld|st|atom|bar|shfl|membar|bra)\..*|bra|ret)$`)

// TestCovered holds the tests to every opcode of the kernels that are shipped.
func TestCovered(t *testing.T) {
	tested := map[string]bool{}
	for _, r := range rows() {
		tested[r.opcode] = true
	}
	files, err := filepath.Glob("../../kernels/cuda/*.ptx")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files of PTX: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		module, err := Parse(string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, k := range module.kernels {
			for _, in := range k.code {
				if opcode := strings.Join(in.name, "."); !tested[opcode] && !elsewhere.MatchString(opcode) {
					t.Errorf("%s: %s has no test", file, opcode)
				}
			}
		}
	}
}
