package tfhe

import (
	"encoding/binary"
	"fmt"

	"fhevm/fhe"
	"fhevm/fhe/csprng"
)

// Rerandomizer gives ciphertexts masks that nobody chose: it adds encryptions of
// zero whose randomness expands from a public seed, so that whoever has the
// seed computes the same bytes (docs/decisions/0003-re-randomisation.md). It is
// immutable and safe for concurrent use.
type Rerandomizer struct {
	params *Params
	a, b   *multiplicand // of the public key
}

// NewRerandomizer prepares encryptions of zero under pk: 128 KB for Default.
func NewRerandomizer(pk *PublicKey) *Rerandomizer {
	return &Rerandomizer{params: pk.params, a: newMultiplicand(pk.a), b: newMultiplicand(pk.b)}
}

// RerandomizationSeed is the seed for a value: content is the salt-free content
// id of its derivation, digest that of its bytes, and index its place among the
// values of which these are the bytes, since no two may get the same encryption
// of zero. A handle has no part in it: equal contents stay equal ciphertexts.
func RerandomizationSeed(content, digest fhe.Digest, index uint64) Seed {
	place := binary.BigEndian.AppendUint64(nil, index)
	return SeedFrom(fhe.Keccak([]byte("fhevm re-randomisation"), content[:], digest[:], place))
}

// Rerandomize adds to block i slot i mod PolySize of encryption i / PolySize of
// zero that seed gives (SPEC 3.10). It adds PublicEncryptionVariance to the
// variance of each block's error, and at most (KeyShares+1)*2^28 + 2^17 to its
// magnitude.
//
// Blocks that share their noise, as x and 3 - x do, must not be re-randomised
// apart: nothing would tell any more that they do.
func (z *Rerandomizer) Rerandomize(blocks []LWE, seed Seed) error {
	for i, b := range blocks {
		if len(b) != z.params.BigDim()+1 {
			return fmt.Errorf("re-randomise block %d: %d words, want %d", i, len(b), z.params.BigDim()+1)
		}
	}
	slot := z.params.NewLWE()
	for i := uint64(0); len(blocks) > 0; i++ {
		n := min(len(blocks), z.params.PolySize)
		mask, bodies := z.zero(n, seed, i)
		for j, b := range blocks[:n] {
			sampleExtract(slot, mask, bodies[j], j)
			b.Add(b, slot)
		}
		blocks = blocks[n:]
	}
	return nil
}

// RerandomizeList adds encryption 0 of zero that seed gives to the slots of an
// input list, mask and bodies as PublicKey.Encrypt returns them.
func (z *Rerandomizer) RerandomizeList(mask, bodies []uint64, seed Seed) error {
	if n := z.params.PolySize; len(mask) != n || len(bodies) > n {
		return fmt.Errorf("re-randomise list: mask of %d words and %d bodies, want %d and at most that", len(mask), len(bodies), n)
	}
	zeroMask, zeroBodies := z.zero(len(bodies), seed, 0)
	addTo(mask, zeroMask)
	addTo(bodies, zeroBodies)
	return nil
}

// zero is PublicKey.encrypt of n zeros, from another stream.
func (z *Rerandomizer) zero(n int, seed Seed, index uint64) (mask, bodies []uint64) {
	s := csprng.New(seed, "re-randomisation", index)
	coefficients := make([]uint8, z.params.PolySize)
	s.Bits(coefficients)
	r := binaryValues(coefficients)
	mask, bodies = z.a.times(r), z.b.times(r)[:n]
	addNoise(mask, z.params.GLWENoise, s)
	addNoise(bodies, z.params.GLWENoise, s)
	return mask, bodies
}
