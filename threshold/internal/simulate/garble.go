package simulate

import (
	"math/rand/v2"
	"slices"
)

// FlipBit returns b with one of its bits changed, an empty b as it is.
func FlipBit(rng *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	if len(b) > 0 {
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
	}
	return b
}

// Noise returns n random bytes.
func Noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}
