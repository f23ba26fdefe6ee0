package ptxsim

import (
	"math"
	"math/bits"
	"slices"
	"strings"
)

// lanes holds a register of a warp: the bits of a narrower type in the low ones,
// the rest zero; a predicate is 0 or 1.
type lanes [32]uint64

// semantics carries an instruction out for the lanes of mask. It reports false
// where the lanes must wait, or where it has reported a fault.
type semantics func(w *warp, in *instruction, mask uint32) bool

var sizes = map[string]int{
	"pred": 1, "b8": 1, "u8": 1, "b16": 2, "u16": 2, "s16": 2,
	"b32": 4, "u32": 4, "s32": 4, "f32": 4, "b64": 8, "u64": 8, "s64": 8, "f64": 8,
}

// arity is the number of arguments, where it does not depend on the form.
var arity = map[string]int{
	"add": 2, "sub": 2, "mul": 2, "div": 2, "min": 2, "max": 2, "and": 2, "or": 2, "xor": 2, "shl": 2, "shr": 2,
	"setp": 2, "abs": 1, "neg": 1, "not": 1, "sqrt": 1, "rcp": 1, "cvt": 1, "cvta": 1, "fma": 3, "mad": 3, "selp": 3,
	"bfi": 4, "shfl": 4, "atom": 2,
}

func f32(x uint64) float32    { return math.Float32frombits(uint32(x)) }
func f64(x uint64) float64    { return math.Float64frombits(x) }
func from32(x float32) uint64 { return uint64(math.Float32bits(x)) }
func from64(x float64) uint64 { return math.Float64bits(x) }

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func op1[T any](get func(uint64) T, put func(T) uint64, f func(T) T) func(uint64) uint64 {
	return func(x uint64) uint64 { return put(f(get(x))) }
}

func op2[T any](get func(uint64) T, put func(T) uint64, f func(a, b T) T) func(a, b uint64) uint64 {
	return func(a, b uint64) uint64 { return put(f(get(a), get(b))) }
}

// map1, map2 and map3 apply a function lane by lane.
func map1(f func(a uint64) uint64) semantics {
	return func(w *warp, in *instruction, mask uint32) bool {
		d, a := w.result(in.dst[0], mask), w.argument(in.src[0])
		for m := mask; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			d[l] = f(a[l])
		}
		return true
	}
}

func map2(f func(a, b uint64) uint64) semantics {
	return func(w *warp, in *instruction, mask uint32) bool {
		d, a, b := w.result(in.dst[0], mask), w.argument(in.src[0]), w.argument(in.src[1])
		for m := mask; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			d[l] = f(a[l], b[l])
		}
		return true
	}
}

func map3(f func(a, b, c uint64) uint64) semantics {
	return func(w *warp, in *instruction, mask uint32) bool {
		d, a, b, c := w.result(in.dst[0], mask), w.argument(in.src[0]), w.argument(in.src[1]), w.argument(in.src[2])
		for m := mask; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			d[l] = f(a[l], b[l], c[l])
		}
		return true
	}
}

// insert puts the lowest bits of one word into another: how many, and from which bit
// on.
func insert(w *warp, in *instruction, mask uint32) bool {
	d, a, b := w.result(in.dst[0], mask), w.argument(in.src[0]), w.argument(in.src[1])
	at, length := w.argument(in.src[2]), w.argument(in.src[3])
	for m := mask; m != 0; m &= m - 1 {
		l := bits.TrailingZeros32(m) & 31
		field := (uint64(1)<<(length[l]&255) - 1) << (at[l] & 255)
		d[l] = (b[l]&^field | a[l]<<(at[l]&255)&field) & math.MaxUint32
	}
	return true
}

// meaning returns what an opcode does, or nil where it is not known.
func meaning(name []string) semantics {
	opcode, kind := strings.Join(name, "."), name[len(name)-1]
	switch name[0] {
	case "ld":
		return access(name[1:], load)
	case "st":
		return access(name[1:], store)
	case "atom":
		return atom(name[1:])
	case "mov", "cvta":
		return move(opcode, kind)
	case "setp":
		return compare(name[1:])
	case "selp":
		if sizes[kind] == 0 {
			return nil
		}
		return map3(func(a, b, p uint64) uint64 {
			if p != 0 {
				return a
			}
			return b
		})
	case "cvt":
		return convert(opcode)
	}
	switch opcode {
	case "ret", "exit":
		return func(w *warp, _ *instruction, mask uint32) bool { w.running &^= mask; return false }
	case "bfi.b32":
		return insert
	case "bra", "bra.uni":
		return func(w *warp, in *instruction, mask uint32) bool { w.jump(in, mask); return true }
	case "membar.gl", "fence.acq_rel.gpu", "fence.sc.gpu":
		return func(*warp, *instruction, uint32) bool { return true } // accesses happen in order
	case "bar.sync", "bar.red.or.pred":
		return func(w *warp, _ *instruction, mask uint32) bool { w.atBarrier |= mask; return false }
	case "bar.warp.sync":
		return func(w *warp, in *instruction, mask uint32) bool { return w.meet(in.src[0], mask) }
	case "shfl.sync.bfly.b32", "shfl.sync.idx.b32", "shfl.sync.up.b32", "shfl.sync.down.b32":
		mode := name[2]
		return func(w *warp, in *instruction, mask uint32) bool { return w.shuffle(in, mask, mode) }
	}
	if f := floats[opcode]; f != nil {
		return f
	}
	return integer(name)
}

// floats are the opcodes whose arithmetic is IEEE's, each correctly rounded. The
// conversions keep the compiler from fusing.
var floats = map[string]semantics{
	"add.rn.f32":  map2(op2(f32, from32, func(a, b float32) float32 { return a + b })),
	"sub.rn.f32":  map2(op2(f32, from32, func(a, b float32) float32 { return a - b })),
	"mul.rn.f32":  map2(op2(f32, from32, func(a, b float32) float32 { return float32(a * b) })),
	"div.rn.f32":  map2(op2(f32, from32, func(a, b float32) float32 { return a / b })),
	"sqrt.rn.f32": map1(op1(f32, from32, func(a float32) float32 { return float32(math.Sqrt(float64(a))) })),
	"rcp.rn.f32":  map1(op1(f32, from32, func(a float32) float32 { return 1 / a })),
	"abs.f32":     map1(func(a uint64) uint64 { return a &^ (1 << 31) }),
	"neg.f32":     map1(func(a uint64) uint64 { return a ^ 1<<31 }),
	"min.f32":     map2(op2(f32, from32, func(a, b float32) float32 { return number(a, b, min(a, b)) })),
	"max.f32":     map2(op2(f32, from32, func(a, b float32) float32 { return number(a, b, max(a, b)) })),
	"fma.rn.f32":  map3(func(a, b, c uint64) uint64 { return from32(fma32(f32(a), f32(b), f32(c))) }),

	"add.rn.f64":  map2(op2(f64, from64, func(a, b float64) float64 { return a + b })),
	"sub.rn.f64":  map2(op2(f64, from64, func(a, b float64) float64 { return a - b })),
	"mul.rn.f64":  map2(op2(f64, from64, func(a, b float64) float64 { return float64(a * b) })),
	"div.rn.f64":  map2(op2(f64, from64, func(a, b float64) float64 { return a / b })),
	"rcp.rn.f64":  map1(op1(f64, from64, func(a float64) float64 { return 1 / a })),
	"sqrt.rn.f64": map1(op1(f64, from64, math.Sqrt)),
	"abs.f64":     map1(func(a uint64) uint64 { return a &^ (1 << 63) }),
	"neg.f64":     map1(func(a uint64) uint64 { return a ^ 1<<63 }),
	"fma.rn.f64":  map3(func(a, b, c uint64) uint64 { return from64(math.FMA(f64(a), f64(b), f64(c))) }),
}

// number is c, or the one of a and b that is a number where the other is none.
func number(a, b, c float32) float32 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return c
}

// fma32 is a*b+c, rounded once. The product is exact in float64, and so are the
// sum and its error taken together; the sum, rounded to odd, has digits enough
// that rounding it to float32 is as if it had all.
func fma32(a, b, c float32) float32 {
	p, z := float64(float64(a)*float64(b)), float64(c)
	sum := p + z
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return float32(sum)
	}
	q := sum - p
	lost := (p - (sum - q)) + (z - q)
	if pattern := math.Float64bits(sum); lost != 0 && pattern&1 == 0 {
		if (lost > 0) == (sum > 0) {
			sum = math.Float64frombits(pattern + 1)
		} else {
			sum = math.Float64frombits(pattern - 1)
		}
	}
	return float32(sum)
}

// integer returns the integer and logical opcodes.
func integer(name []string) semantics {
	kind := name[len(name)-1]
	size := sizes[kind]
	if size == 0 || kind[0] == 'f' {
		return nil
	}
	low := uint64(1)<<(8*size) - 1 // all ones for 8 bytes: the shift gives 0
	if kind == "pred" {
		low = 1
	}
	signed := kind[0] == 's'
	extend := func(x uint64) int64 { s := 64 - 8*size; return int64(x<<s) >> s }
	shift := func(b uint64) uint64 { return min(uint64(uint32(b)), uint64(8*size)) } // clamped, never taken modulo
	less := func(a, b uint64) bool {
		if signed {
			return extend(a) < extend(b)
		}
		return a < b
	}
	form := strings.Join(name[:len(name)-1], ".")
	cut := func(f func(a, b uint64) uint64) semantics {
		return map2(func(a, b uint64) uint64 { return f(a&low, b&low) & low })
	}
	switch form {
	case "add":
		return cut(func(a, b uint64) uint64 { return a + b })
	case "sub":
		return cut(func(a, b uint64) uint64 { return a - b })
	case "mul.lo":
		return cut(func(a, b uint64) uint64 { return a * b })
	case "mad.lo":
		return map3(func(a, b, c uint64) uint64 { return (a*b + c) & low })
	case "mul.wide":
		if signed {
			return map2(func(a, b uint64) uint64 { return uint64(extend(a) * extend(b)) })
		}
		return map2(func(a, b uint64) uint64 { return (a & low) * (b & low) })
	case "div":
		if signed {
			return nil // nothing here divides numbers with a sign
		}
		return cut(func(a, b uint64) uint64 {
			if b == 0 {
				return low
			}
			return a / b
		})
	case "min":
		return cut(func(a, b uint64) uint64 {
			if less(b, a) {
				return b
			}
			return a
		})
	case "max":
		return cut(func(a, b uint64) uint64 {
			if less(a, b) {
				return b
			}
			return a
		})
	case "and":
		return cut(func(a, b uint64) uint64 { return a & b })
	case "or":
		return cut(func(a, b uint64) uint64 { return a | b })
	case "xor":
		return cut(func(a, b uint64) uint64 { return a ^ b })
	case "not":
		return map1(func(a uint64) uint64 { return ^a & low })
	case "neg":
		return map1(func(a uint64) uint64 { return -a & low })
	case "shl":
		return map2(func(a, b uint64) uint64 { return a << shift(b) & low })
	case "shr":
		if signed {
			return map2(func(a, b uint64) uint64 { return uint64(extend(a)>>shift(b)) & low })
		}
		return map2(func(a, b uint64) uint64 { return a & low >> shift(b) })
	}
	return nil
}

// move copies a register; of mov.b64 also the halves, apart or together.
func move(opcode, kind string) semantics {
	if opcode != "mov."+kind && opcode != "cvta.to.global.u64" || sizes[kind] == 0 {
		return nil
	}
	low := uint64(1)<<(8*sizes[kind]) - 1
	return func(w *warp, in *instruction, mask uint32) bool {
		a := w.argument(in.src[0])
		switch {
		case len(in.dst) == 2:
			x, y := w.result(in.dst[0], mask), w.result(in.dst[1], mask)
			for m := mask; m != 0; m &= m - 1 {
				l := bits.TrailingZeros32(m) & 31
				v := a[l]
				x[l], y[l] = v&math.MaxUint32, v>>32
			}
		case len(in.src) == 2:
			d, b := w.result(in.dst[0], mask), w.argument(in.src[1])
			for m := mask; m != 0; m &= m - 1 {
				l := bits.TrailingZeros32(m) & 31
				d[l] = a[l]&math.MaxUint32 | b[l]<<32
			}
		default:
			d := w.result(in.dst[0], mask)
			for m := mask; m != 0; m &= m - 1 {
				l := bits.TrailingZeros32(m) & 31
				d[l] = a[l] & low
			}
		}
		return true
	}
}

// compare returns setp with a comparison and a type: a comparison such as ltu is
// true also where one of the numbers is none.
func compare(name []string) semantics {
	if len(name) != 2 {
		return nil
	}
	relation, kind := name[0], name[1]
	order := map[string][]int{"eq": {0}, "ne": {-1, 1}, "lt": {-1}, "le": {-1, 0}, "gt": {1}, "ge": {0, 1}}
	size := sizes[kind]
	unordered := false
	if kind == "f32" || kind == "f64" {
		if base := strings.TrimSuffix(relation, "u"); base != relation && order[base] != nil {
			relation, unordered = base, true
		}
	}
	holds := order[relation]
	if relation == "nan" && kind[0] == 'f' {
		holds, unordered = []int{}, true
	}
	if size == 0 || kind == "pred" || holds == nil {
		return nil
	}
	is := [4]bool{slices.Contains(holds, -1), slices.Contains(holds, 0), slices.Contains(holds, 1), unordered}
	place := func(less, equal, greater bool) uint64 {
		switch {
		case less:
			return truth(is[0])
		case equal:
			return truth(is[1])
		case greater:
			return truth(is[2])
		}
		return truth(is[3])
	}
	shift := 64 - 8*size
	switch kind[0] {
	case 'f':
		if size == 4 {
			return map2(func(a, b uint64) uint64 { x, y := f32(a), f32(b); return place(x < y, x == y, x > y) })
		}
		return map2(func(a, b uint64) uint64 { x, y := f64(a), f64(b); return place(x < y, x == y, x > y) })
	case 's':
		return map2(func(a, b uint64) uint64 {
			x, y := int64(a<<shift)>>shift, int64(b<<shift)>>shift
			return place(x < y, x == y, x > y)
		})
	}
	return map2(func(a, b uint64) uint64 { x, y := a<<shift, b<<shift; return place(x < y, x == y, x > y) })
}

// convert returns cvt, for the pairs of types that occur.
func convert(opcode string) semantics {
	switch opcode {
	case "cvt.f64.f32":
		return map1(func(a uint64) uint64 { return from64(float64(f32(a))) })
	case "cvt.rn.f32.f64":
		return map1(func(a uint64) uint64 { return from32(float32(f64(a))) })
	case "cvt.rn.f32.u32":
		return map1(func(a uint64) uint64 { return from32(float32(uint32(a))) })
	case "cvt.rn.f32.s32":
		return map1(func(a uint64) uint64 { return from32(float32(int32(a))) })
	case "cvt.rni.f32.f32":
		return map1(func(a uint64) uint64 { return from32(float32(math.RoundToEven(float64(f32(a))))) })
	case "cvt.rzi.s32.f32":
		return map1(func(a uint64) uint64 { return uint64(uint32(saturate(float64(f32(a))))) })
	case "cvt.s64.s32":
		return map1(func(a uint64) uint64 { return uint64(int64(int32(a))) })
	case "cvt.u64.u32", "cvt.u32.u64":
		return map1(func(a uint64) uint64 { return a & math.MaxUint32 })
	case "cvt.u16.u32", "cvt.u32.u16":
		return map1(func(a uint64) uint64 { return a & math.MaxUint16 })
	}
	return nil
}

// saturate is the integer towards zero, or the nearest there is; 0 for no number.
func saturate(x float64) int32 {
	switch {
	case x != x:
		return 0
	case x >= math.MaxInt32:
		return math.MaxInt32
	case x <= math.MinInt32:
		return math.MinInt32
	}
	return int32(x)
}
