package kernels

import (
	"cmp"
	"math"
	"slices"
)

// A Noise is a law of random numbers with its parameters: a struct such as
// [Gaussian]. Its kernel has one pass, which adds a sample to an array, x += xi;
// the kernel's form [Kernel.Scaled] multiplies the sample, element by element, by
// a second array.
//
// A number depends on the seed, on the index of the sample and on its place in the
// array, and on nothing else: not on how the array is split, nor on what it is
// computed with. So a sample can be drawn again, at another point.
type Noise interface {
	Named
	Kernel() *Kernel
	// Coef derives the constants of a sample for an array of n elements.
	Coef(n int, s Sample) Coef
}

// A Sample says which sample of a law is drawn. Samples of different seeds or
// indices are independent.
type Sample struct {
	Seed  uint64
	Index int // 48 bits of it count; of a step, its T
}

// The constants of a noise law. Those of its shape come after its scale.
const (
	noiseScale  = 1 // multiplies every number
	CoefSeed    = 8 // four words of 16 bits, which float32 holds exactly; the lowest first
	CoefSample  = CoefSeed + 4
	sampleParts = 3
)

// coef returns the constants that every law has.
func (s Sample) coef(scale float64) Coef {
	c := Coef{CoefGrad: 1, noiseScale: scale}
	for i := range 4 {
		c[CoefSeed+i] = float64(s.Seed >> (16 * i) & 0xffff)
	}
	for i := range sampleParts {
		c[CoefSample+i] = float64(uint64(s.Index) >> (16 * i) & 0xffff)
	}
	return c
}

// Elements are drawn in groups. A group takes blocks of four words from
// [NoiseLanes] counters in turn: word k of the counters is that of the k-th part
// of the group, so that vectors of neighbours are drawn side by side without a
// shuffle. A law whose elements need two words takes two blocks from each counter.
const (
	NoiseGroup = 64
	NoiseLanes = NoiseGroup / 4
)

// A counter is the element's, and what else tells blocks apart:
//
//	word 0, 1   group*NoiseLanes + lane
//	word 2      the index of the sample, 32 bits
//	word 3      16 bits more of it, and from bit NoiseBlockShift on the number of
//	            the block
//
// and the key is the seed.
const NoiseBlockShift = 16

// A Drawing adds random numbers to the first slot. The slots are elements from
// first on of longer arrays.
type Drawing[T Real] func(c *[MaxCoef]T, first int, s [][]T)

// A sampler makes four numbers of two blocks of words.
type sampler[T Real] func(c *[MaxCoef]T, words [8]uint32) [4]T

// noiseKernel makes the kernels of a law that takes that many blocks.
func noiseKernel(name string, blocks int, f32 sampler[float32], f64 sampler[float64]) *Kernel {
	pass := Pass{Access: []Access{ReadWrite, Read}, Draw32: drawing(blocks, f32), Draw64: drawing(blocks, f64)}
	slots := []Slot{{"x", Output}, {"scale", Input}}
	scaled := defineKernel(Kernel{Name: name + "_scaled", Slots: slots, Passes: []Pass{pass}})
	pass.Access = pass.Access[:1]
	return defineKernel(Kernel{Name: name, Slots: slots[:1], Passes: []Pass{pass}, Scaled: scaled})
}

func drawing[T Real](blocks int, sample sampler[T]) Drawing[T] {
	return func(c *[MaxCoef]T, first int, s [][]T) {
		x := s[0]
		sampled(c, blocks, first, len(x), sample, func(i int, xi T) {
			xi = T(c[noiseScale] * xi)
			if len(s) > 1 {
				xi = T(xi * s[1][i])
			}
			x[i] += xi
		})
	}
}

// sampled calls add with the numbers of elements [first, first+n), counted from 0.
func sampled[T Real](c *[MaxCoef]T, blocks, first, n int, sample sampler[T], add func(i int, xi T)) {
	k := newCounter(c)
	for group := first / NoiseGroup; group*NoiseGroup < first+n; group++ {
		for lane := range NoiseLanes {
			at := group*NoiseGroup + lane - first
			if at >= n || at+NoiseGroup-NoiseLanes < 0 {
				continue
			}
			var words [8]uint32
			for b := range blocks {
				block := k.block(uint64(group*NoiseLanes+lane), uint32(b))
				copy(words[4*b:], block[:])
			}
			for _, xi := range sample(c, words) {
				if at >= 0 && at < n {
					add(at, xi)
				}
				at += NoiseLanes
			}
		}
	}
}

// A counter is the key and the half of a counter that a sample's blocks share.
type counter struct {
	key    [2]uint32
	sample [2]uint32
}

func newCounter[T Real](c *[MaxCoef]T) counter {
	word := func(place int) uint32 { return uint32(c[place]) | uint32(c[place+1])<<16 }
	return counter{
		key:    [2]uint32{word(CoefSeed), word(CoefSeed + 2)},
		sample: [2]uint32{word(CoefSample), uint32(c[CoefSample+2])},
	}
}

func (k *counter) block(i uint64, number uint32) [4]uint32 {
	return Philox([4]uint32{uint32(i), uint32(i >> 32), k.sample[0], k.sample[1] | number<<NoiseBlockShift}, k.key)
}

// AddNoise is the definition of a noise: it adds a sample to x, multiplied by
// scale where that is not nil. Backends are tested against it.
func AddNoise[T Real](law Noise, s Sample, x, scale []T) {
	k, arrays := law.Kernel(), [][]T{x}
	if scale != nil {
		k, arrays = k.Scaled, append(arrays, scale)
	}
	f := k.Float32()
	if _, wide := any(T(0)).(float64); wide {
		f, _ = k.In(FindStorage("f64"))
	}
	c := law.Coef(len(x), s)
	RunPass(f, 0, &c, arrays)
}

// uniform returns a number in (0, 1], uniform but for the lowest bit of the word,
// which it leaves to others. The least is 2^-32.
func uniform[T Real](word uint32) T {
	if _, ok := any(T(0)).(float32); ok {
		return T(fma32(float32(int32(word>>1)), 0x1p-31, 0x1p-32))
	}
	return T(float64(word>>1)+0.5) * 0x1p-31
}

// withSign returns x with the sign of a word's lowest bit, for x of 0 or more.
func withSign[T Real](x T, word uint32) T {
	if word&1 == 1 {
		return -x
	}
	return x
}

// direction returns the sine and the cosine of an angle that is uniform in a turn.
func direction[T Real](word uint32) (sin, cos T) {
	rest := int32(word << 2)
	if _, ok := any(T(0)).(float32); ok {
		s, c := nearZero(float32(float32(rest) * 0x1p-34))
		s, c = quarterTurns(s, c, word)
		return T(s), T(c)
	}
	s, c := math.Sincos(2 * math.Pi * (float64(float64(word>>30)*0.25) + float64(float64(rest)*0x1p-34)))
	return T(s), T(c)
}

// A NoiseDefinition is a noise law by name, with what is needed to list and test
// it.
type NoiseDefinition struct {
	Name   string
	Title  string  // one line: the law
	Source string  // where it is from, or what for it serves
	Cases  []Noise // parameters that tests must cover; Cases[0] is the default
}

var noises []*NoiseDefinition

func defineNoise(d NoiseDefinition) *NoiseDefinition {
	noises = append(noises, &d)
	return &d
}

// Noises returns the definition of every noise law, sorted by name.
func Noises() []*NoiseDefinition {
	return slices.SortedFunc(slices.Values(noises), func(a, b *NoiseDefinition) int { return cmp.Compare(a.Name, b.Name) })
}

// FindNoise returns the definition of that name, or nil.
func FindNoise(name string) *NoiseDefinition {
	i := slices.IndexFunc(noises, func(d *NoiseDefinition) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return noises[i]
}

// ParseNoise returns the law that a text such as "pareto:tail=1.5:scale=0.1"
// names.
func ParseNoise(text string) (Noise, error) { return ParseAmong("noise", defaultNoises(), text) }

// FormatNoise returns the text that [ParseNoise] turns into n.
func FormatNoise(n Noise) string { return FormatAmong(defaultNoises(), n) }

func defaultNoises() []Noise {
	var out []Noise
	for _, d := range Noises() {
		out = append(out, d.Cases[0])
	}
	return out
}
