package tfhe

import (
	"fmt"

	"fhevm/fhe/csprng"
)

// PublicKey is the compact public key of a network: one RLWE sample (a, a*s+e)
// under the GLWE key s itself, so that what it encrypts is an ordinary LWE
// ciphertext between bootstraps (docs/decisions/0001-derived-compact-key.md).
// It is immutable.
type PublicKey struct {
	params *Params
	a, b   []uint64
}

const labelPublicMask = "public key mask"

// PublicKey derives the public key of k.
func (k *SecretKey) PublicKey() *PublicKey {
	p := k.params
	pk := &PublicKey{params: p, a: make([]uint64, p.PolySize), b: make([]uint64, p.PolySize)}
	csprng.New(k.streams, labelPublicMask, 0).Uint64s(pk.a)
	errors := csprng.New(k.streams, "public key error", 0)
	defer errors.Wipe()
	mulNegacyclic(pk.b, pk.a, k.big)
	addNoise(pk.b, p.GLWENoise, errors)
	return pk
}

func addNoise(dst []uint64, b int, s *csprng.Stream) {
	for i := range dst {
		dst[i] += uint64(s.TUniform(b))
	}
}

// Params returns the key's parameter set.
func (pk *PublicKey) Params() *Params { return pk.params }

// Encrypt encrypts 1 to PolySize plaintexts, each below PlaintextModulus, with
// fresh randomness. They share one mask of PolySize words; each has a body of
// its own. ExtractSlot makes a single ciphertext of one slot.
func (pk *PublicKey) Encrypt(slots []uint8) (mask, bodies []uint64, err error) {
	if err := pk.checkSlots(slots); err != nil {
		return nil, nil, fmt.Errorf("encrypt slots: %w", err)
	}
	seed, err := NewSeed()
	if err != nil {
		return nil, nil, fmt.Errorf("encrypt slots: %w", err)
	}
	defer seed.Wipe()
	mask, bodies = pk.encrypt(slots, seed)
	return mask, bodies, nil
}

func (pk *PublicKey) checkSlots(slots []uint8) error {
	if n := pk.params.PolySize; len(slots) == 0 || len(slots) > n {
		return fmt.Errorf("%d slots, want 1 to %d", len(slots), n)
	}
	for i, m := range slots {
		if m >= PlaintextModulus {
			return fmt.Errorf("slot %d does not fit %d bits", i, PlaintextBits)
		}
	}
	return nil
}

// encrypt follows the RLWE encryption of Lyubashevsky, Peikert and Regev with
// an ephemeral binary secret r: mask = a*r + e1, body i = (b*r + e2)_i + Delta*m_i.
func (pk *PublicKey) encrypt(slots []uint8, seed Seed) (mask, bodies []uint64) {
	p := pk.params
	s := csprng.New(seed, "public key encryption", 0)
	defer s.Wipe()
	r := ephemeralSecret(p.PolySize, s)
	defer clear(r)

	mask = make([]uint64, p.PolySize)
	mulNegacyclic(mask, pk.a, r)
	addNoise(mask, p.GLWENoise, s)

	product := make([]uint64, p.PolySize)
	mulNegacyclic(product, pk.b, r)
	bodies = append([]uint64(nil), product[:len(slots)]...)
	clear(product)
	addNoise(bodies, p.GLWENoise, s)
	for i, m := range slots {
		bodies[i] += Delta * uint64(m)
	}
	return mask, bodies
}

func ephemeralSecret(n int, s *csprng.Stream) []uint64 {
	bits := make([]uint8, n)
	defer clear(bits)
	s.Bits(bits)
	r := make([]uint64, n)
	for i, b := range bits {
		r[i] = uint64(b)
	}
	return r
}

// ExtractSlot sets dst to slot i of what Encrypt made. dst must not overlap
// mask. Lengths and index come from an input list, so they are checked.
func (p *Params) ExtractSlot(dst LWE, mask, bodies []uint64, i int) error {
	switch {
	case len(mask) != p.PolySize || len(dst) != p.BigDim()+1:
		return fmt.Errorf("extract slot %d: mask of %d words into %d, want %d into %d", i, len(mask), len(dst), p.PolySize, p.BigDim()+1)
	case i < 0 || i >= len(bodies) || i >= p.PolySize:
		return fmt.Errorf("extract slot %d of %d", i, len(bodies))
	}
	sampleExtract(dst, mask, bodies[i], i)
	return nil
}
