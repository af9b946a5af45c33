// Package lwetest makes squashed ciphertexts for tests by encrypting under the
// squash secret itself. They are exact LWE samples with noise up to the bound
// that squashing guarantees, without its 0.8 GB of keys.
package lwetest

import (
	"math/big"
	"math/rand/v2"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
)

// Bits draws a squash secret.
func Bits(rng *rand.Rand) []uint8 {
	bits := make([]uint8, squash.Dim)
	for i := range bits {
		bits[i] = uint8(rng.IntN(2))
	}
	return bits
}

// Encrypt returns an encryption of m/32 of Q, m in [0, 32), with the given error.
func Encrypt(rng *rand.Rand, bits []uint8, m int, noise int64) *squash.Ciphertext {
	body := new(big.Int).Mul(squash.Modulus(), big.NewInt(int64(m)))
	body.Add(body, big.NewInt(16)).Rsh(body, 5).Add(body, big.NewInt(noise))
	c := new(squash.Ciphertext)
	for p, q := range squash.Moduli() {
		sum := new(big.Int).Mod(body, new(big.Int).SetUint64(q)).Uint64()
		for i, bit := range bits {
			a := rng.Uint64N(q)
			c.Residues[p][i] = a
			sum = (sum + a*uint64(bit)) % q
		}
		c.Residues[p][squash.Dim] = sum
	}
	return c
}

// Value encrypts a value of type t in blocks of four bits, each with the
// largest error in one direction or the other.
func Value(rng *rand.Rand, bits []uint8, t fhe.Type, v *uint256.Int) []*squash.Ciphertext {
	rest := new(uint256.Int).Set(v)
	out := make([]*squash.Ciphertext, t.Slots())
	for i := range out {
		noise := squash.NoiseBound().Int64()
		if rng.IntN(2) == 0 {
			noise = -noise
		}
		out[i] = Encrypt(rng, bits, int(rest.Uint64()&15), noise)
		rest.Rsh(rest, 4)
	}
	return out
}
