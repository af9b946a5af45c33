package tfhe

import (
	"fmt"

	"fhevm/fhe/csprng"
)

// SecretKey holds the binary secrets of a network: the GLWE key, which is also
// the key of LWE ciphertexts between bootstraps, and the small LWE key after a
// key switch. Everything expands from one seed, so the public key and the
// evaluation key are functions of the secret key. The streams that they expand
// from depend on the parameter set, so no error term is ever drawn twice for
// different messages (SPEC 3.2).
//
// It prints as a placeholder and is safe for concurrent use until Wipe.
type SecretKey struct {
	params  *Params
	seed    Seed     // what a key file holds
	streams Seed     // what everything expands from: a function of seed and params
	big     []uint64 // GLWE key: PolySize coefficients 0 or 1
	small   []uint8  // LWE key: LWEDim bits
}

// GenerateSecretKey draws a secret key from the operating system's entropy.
func GenerateSecretKey(p *Params) (*SecretKey, error) {
	seed, err := NewSeed()
	if err != nil {
		return nil, fmt.Errorf("generate secret key: %w", err)
	}
	defer seed.Wipe()
	return NewSecretKey(p, seed), nil
}

// NewSecretKey expands a secret key from a seed: the same seed gives the same
// keys under the same parameters, and unrelated ones under others. KeyShares has
// no part in it.
func NewSecretKey(p *Params, seed Seed) *SecretKey {
	k := &SecretKey{
		params: p, seed: seed, streams: seed.Derive("parameters"+string(p.encoding()), 0),
		big: make([]uint64, p.PolySize), small: make([]uint8, p.LWEDim),
	}
	bits := make([]uint8, p.PolySize)
	k.expand("big secret key", bits)
	for i, b := range bits {
		k.big[i] = uint64(b)
	}
	clear(bits)
	k.expand("small secret key", k.small)
	return k
}

func (k *SecretKey) expand(label string, bits []uint8) {
	s := csprng.New(k.streams, label, 0)
	s.Bits(bits)
	s.Wipe()
}

// Params returns the key's parameter set.
func (k *SecretKey) Params() *Params { return k.params }

// Small returns the LWEDim bits of the small LWE key: the secrets that a
// bootstrapping key encrypts. The caller must neither change nor keep them.
func (k *SecretKey) Small() []uint8 { return k.small }

// Encrypt sets dst to an LWE encryption under the big key of the torus element
// v (Delta times the plaintext), with error TUniform(GLWENoise). All its
// randomness expands from seed, which must be used for nothing else.
func (k *SecretKey) Encrypt(dst LWE, v uint64, seed Seed) {
	s := csprng.New(seed, "lwe encryption", 0)
	defer s.Wipe()
	mask := dst[:len(dst)-1]
	s.Uint64s(mask)
	dst[len(mask)] = k.inner(mask) + v + uint64(s.TUniform(k.params.GLWENoise))
}

// Phase returns the body minus the inner product of mask and secret: Delta
// times the plaintext plus the error.
func (k *SecretKey) Phase(c LWE) uint64 {
	n := len(c) - 1
	return c[n] - k.inner(c[:n])
}

// Decrypt returns the plaintext in [0, 2*PlaintextModulus), padding bit
// included, nearest to the phase of c.
func (k *SecretKey) Decrypt(c LWE) int {
	return int((k.Phase(c) + Delta/2) >> DeltaLog)
}

func (k *SecretKey) inner(mask []uint64) (sum uint64) {
	for i, a := range mask {
		sum += a * k.big[i]
	}
	return sum
}

// smallInner is the inner product of an LWEDim-word mask and the small key.
func (k *SecretKey) smallInner(mask []uint32) (sum uint32) {
	for i, a := range mask {
		sum += a * uint32(k.small[i])
	}
	return sum
}

// Wipe overwrites the key with zeros.
func (k *SecretKey) Wipe() {
	k.seed.Wipe()
	k.streams.Wipe()
	clear(k.big)
	clear(k.small)
}

// Format prints a placeholder for every verb.
func (k SecretKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// String is a placeholder.
func (k SecretKey) String() string { return "tfhe.SecretKey(redacted)" }
