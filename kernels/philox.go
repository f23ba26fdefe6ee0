package kernels

import "math/bits"

// The constants of Philox.
const (
	PhiloxRounds = 10
	PhiloxM0     = 0xd2511f53 // multiplies the first word of a counter
	PhiloxM1     = 0xcd9e8d57 // and the third
	PhiloxW0     = 0x9e3779b9 // is added to the first word of the key after every round
	PhiloxW1     = 0xbb67ae85 // and to the second
)

// Philox returns the four random words that belong to a counter and a key: Philox
// 4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
// 1, 2, 3").
func Philox(c [4]uint32, key [2]uint32) [4]uint32 {
	for range PhiloxRounds {
		hi0, lo0 := bits.Mul32(PhiloxM0, c[0])
		hi1, lo1 := bits.Mul32(PhiloxM1, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ key[0], lo1, hi0 ^ c[3] ^ key[1], lo0}
		key[0] += PhiloxW0
		key[1] += PhiloxW1
	}
	return c
}
