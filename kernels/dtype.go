package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A DType is the type in which an array is stored. Arithmetic is float64 for
// F64 and float32 for every other type: a number is widened as it is read, and
// rounded to nearest, ties to even, as it is written.
type DType uint8

const (
	F32  DType = iota // float32
	F64               // float64: cpu:go alone, for experiments that need it
	BF16              // the upper half of a float32: 8 bits of precision
	Q8                // blocks of bytes, signed; see [Block]
	UQ8               // blocks of bytes, zero and above
)

var dtypeNames = [...]string{"f32", "f64", "bf16", "q8", "uq8"}

// String returns the name used on the command line and in records.
func (d DType) String() string {
	if int(d) >= len(dtypeNames) {
		return fmt.Sprintf("dtype %d", uint8(d))
	}
	return dtypeNames[d]
}

// Block is how many numbers of Q8 or UQ8 share a scale. A block is BlockBytes
// long, also where the array ends within it: the scale, a float32, and a byte
// for each number, all little-endian.
//
// A byte of Q8 is a sign, four bits e and three bits f; of UQ8, four bits e and
// four bits f. It stands for 2^(e-15)*(1+f) - 2^-15 times the scale, f read as a
// fraction: a floating-point number, moved so that a byte of zero is zero. So the
// error is about 1/16 of a number in Q8, 1/32 in UQ8, down to 2^-12 of the largest
// in the block, and 2^-19 or 2^-20 of that below; a linear map has 2^-8 everywhere.
// The scale is the largest magnitude of the block over that of the largest byte, or
// zero where it is below 2^-100. In UQ8 what is above zero stays above zero: second
// moments are divided by, and one that vanished would turn a small step into a
// huge one.
//
// Where a number of a block is not finite, nor is its scale: the whole block is
// NaN from then on.
const (
	Block      = 256
	BlockBytes = 4 + Block
	BlockLeast = 0x1p-100 // blocks with nothing as large are zeros

	ByteZero = 0x1p-15 // what a byte of zero is before it is moved
	ByteBias = 112     // binades between the exponent of float32 and e
)

// Top returns the largest number that a byte stands for with scale 1, before it is
// moved.
func (d DType) Top() float32 {
	if d == Q8 {
		return 15.0 / 8
	}
	return 31.0 / 16
}

// Fraction returns how many of a byte's bits are f.
func (d DType) Fraction() uint64 {
	if d == Q8 {
		return 3
	}
	return 4
}

// Bytes returns the size of an array of n numbers.
func (d DType) Bytes(n int) int {
	switch d {
	case F64:
		return 8 * n
	case BF16:
		return 2 * n
	case Q8, UQ8:
		return (n + Block - 1) / Block * BlockBytes
	}
	return 4 * n
}

// Grain is the multiple at which an array of the type may be cut: 1 but for
// blocks.
func (d DType) Grain() int {
	if d == Q8 || d == UQ8 {
		return Block
	}
	return 1
}

// Round rounds every number to one that the type can store. A block starts at
// x[0].
func (d DType) Round(x []float32) {
	switch d {
	case BF16:
		for i, v := range x {
			x[i] = math.Float32frombits(uint32(toBF16(v)) << 16)
		}
	case Q8, UQ8:
		var codes [Block]byte
		for len(x) > 0 {
			block := x[:min(Block, len(x))]
			d.decode(block, codes[:], d.encode(codes[:], block))
			x = x[len(block):]
		}
	}
}

// Decode reads an array of any type but F64 into dst.
func (d DType) Decode(dst []float32, src []byte) {
	switch d {
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case Q8, UQ8:
		for i := 0; i < len(dst); i += Block {
			block := dst[i:min(i+Block, len(dst))]
			d.decode(block, src[4:], math.Float32frombits(binary.LittleEndian.Uint32(src)))
			src = src[BlockBytes:]
		}
	default:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	}
}

// Encode writes src as an array of any type but F64 to dst. The padding of a
// last block that is not full becomes zero.
func (d DType) Encode(dst []byte, src []float32) {
	switch d {
	case BF16:
		for i, x := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], toBF16(x))
		}
	case Q8, UQ8:
		for i := 0; i < len(src); i += Block {
			block := src[i:min(i+Block, len(src))]
			clear(dst[4+len(block) : BlockBytes])
			binary.LittleEndian.PutUint32(dst, math.Float32bits(d.encode(dst[4:], block)))
			dst = dst[BlockBytes:]
		}
	default:
		for i, x := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	}
}

// toBF16 rounds to nearest, ties to even; there is one NaN.
func toBF16(x float32) uint16 {
	if x != x {
		return 0x7fc0
	}
	b := math.Float32bits(x)
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// encode writes the codes of one block, of which the rest are left as they are,
// and returns its scale. Half way between two bytes it takes the larger.
func (d DType) encode(codes []byte, x []float32) float32 {
	const sign = 1 << 31
	var most uint32 // compared as integers: NaN is the largest
	for _, v := range x {
		most = max(most, math.Float32bits(v)&^sign)
	}
	largest, top := math.Float32frombits(most), d.Top()
	if largest < BlockLeast {
		clear(codes[:len(x)])
		return 0
	}
	scale := largest / (top - ByteZero)
	if !finite(float64(scale)) {
		clear(codes[:len(x)])
		return scale
	}
	inverse, shift := 1/scale, 23-d.Fraction()
	for i, v := range x {
		size := math.Float32bits(v) &^ sign
		y := math.Float32bits(fma32(math.Float32frombits(size), inverse, ByteZero))
		code := (min(y, math.Float32bits(top)) + 1<<(shift-1) - ByteBias<<23) >> shift
		if d == UQ8 {
			code = max(code, min(size, 1))
		} else {
			code |= math.Float32bits(v) >> 31 << 7
		}
		codes[i] = byte(code)
	}
	return scale
}

// decode reads the codes of one block.
func (d DType) decode(x []float32, codes []byte, scale float32) {
	if !finite(float64(scale)) {
		for i := range x {
			x[i] = float32(math.NaN())
		}
		return
	}
	zero := float32(scale * ByteZero)
	for i := range x {
		code := uint32(codes[i])
		sign := uint32(0)
		if d == Q8 {
			sign, code = code>>7<<31, code&0x7f
		}
		y := fma32(math.Float32frombits(code<<(23-d.Fraction())+ByteBias<<23), scale, -zero)
		x[i] = math.Float32frombits(math.Float32bits(y) | sign)
	}
}
