package squash

import (
	"crypto/sha256"

	"fhevm/accel/ntt"
	"fhevm/fhe/csprng"
	"fhevm/fhe/tfhe"
)

// labelMask is that of the streams of masks, one for each bit of the small key.
const labelMask = "squash mask"

// Assembly holds a key while a committee generates it: masks, which expand from a
// public seed, and bodies as they become known.
type Assembly struct {
	key   *Key
	masks tfhe.Seed
}

// NewAssembly has room for the rows of n bits, 0.88 MB each. seed is public, and of
// this run alone.
func NewAssembly(n int, seed tfhe.Seed) *Assembly {
	return &Assembly{&Key{words: make([]uint64, n*rowWords), sums: make([][32]byte, n)}, seed.Derive("squash masks", 0)}
}

// Masks expands the masks of row i and returns the row's matrices modulo both
// primes, as Linear takes them.
func (a *Assembly) Masks(i int) (matrices [2][]uint64) {
	s := csprng.New(a.masks, labelMask, uint64(i))
	for p, q := range Moduli() {
		matrices[p] = a.key.row(i, p)
		drawMasks(matrices[p], q, s)
	}
	return matrices
}

// SetBodies completes row i.
func (a *Assembly) SetBodies(i int, bodies *[2]ntt.Digits) {
	for p := range bodies {
		putBodies(a.key.row(i, p), &bodies[p])
	}
	a.key.sums[i] = sha256.Sum256(wordBytes(a.key.words[i*rowWords:][:rowWords]))
}

// Key returns the key, whose rows must all be complete.
func (a *Assembly) Key() *Key { return a.key }
