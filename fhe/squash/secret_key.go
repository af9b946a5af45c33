package squash

import (
	"fmt"

	"fhevm/fhe/csprng"
	"fhevm/fhe/tfhe"
)

// SecretKey is the binary LWE key of squashed ciphertexts. It prints as a
// placeholder and is safe for concurrent use until Wipe.
type SecretKey struct{ bits [Dim]uint8 }

// newSecretKey expands the key from a seed.
func newSecretKey(seed tfhe.Seed) *SecretKey {
	k := new(SecretKey)
	s := csprng.New(seed, "squash secret key", 0)
	defer s.Wipe()
	s.Bits(k.bits[:])
	return k
}

// Bits returns the Dim secrets, each 0 or 1, for a dealer to share. The caller
// must not change them; Wipe overwrites them.
func (k *SecretKey) Bits() []uint8 { return k.bits[:] }

// Phase returns body minus inner product of mask and secret, modulo Q1 and Q2.
// Its timing does not depend on the key. The phase reveals the key's secrets
// bit by bit through its error: whoever may not hold the key may not see it.
func (k *SecretKey) Phase(c *Ciphertext) (phase [2]uint64) {
	for p, q := range Moduli() {
		var sum uint64
		for i, bit := range k.bits {
			sum += c.Residues[p][i] & -uint64(bit)
		}
		phase[p] = (c.Residues[p][Dim] + q - sum%q) % q
	}
	return phase
}

// Decrypt returns the plaintext of a ciphertext that Squash made.
func (k *SecretKey) Decrypt(c *Ciphertext) (int, error) {
	return Decode(k.Phase(c), NoiseBound())
}

// words returns the bits as words, to be cleared by the caller.
func (k *SecretKey) words() []uint64 {
	out := make([]uint64, Dim)
	for i, bit := range k.bits {
		out[i] = uint64(bit)
	}
	return out
}

// Wipe overwrites the key with zeros.
func (k *SecretKey) Wipe() { clear(k.bits[:]) }

// Format prints a placeholder for every verb.
func (k SecretKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// String is a placeholder.
func (k SecretKey) String() string { return "squash.SecretKey(redacted)" }
