package tfhe

import (
	"io"

	"fhevm/fhe"
	"fhevm/fhe/csprng"
	"fhevm/fhe/internal/parallel"
)

// RandomKey is the public key material that draws oblivious random values: a
// bootstrapping key of LWEDim secret bits that serve nothing else. A draw
// evaluates a pseudo-random function of those bits under encryption, learning
// with rounding by blind rotation (Deo, Joye, Libert, Curtis, de Bellabre,
// eprint 2024/665; SPEC 3.11). It is immutable.
type RandomKey struct {
	compactKey
	digest fhe.Digest
}

// Labels of the streams of a random key: of its secret bits, and as for an
// evaluation key.
const (
	labelRandomSecret = "random secret key"
	labelRandomMasks  = "random key masks"
	labelRandomMask   = "random mask"
	labelRandomError  = "random error"
)

// RandomKey derives the random key of k on all processors. progress, if not nil,
// is called with the rising number of encrypted key bits out of LWEDim, by one
// goroutine at a time.
func (k *SecretKey) RandomKey(progress func(done, total int)) *RandomKey {
	p := k.params
	rk := &RandomKey{compactKey: newCompactKey(p, k.streams.Derive(labelRandomMasks, 0), labelRandomMask)}
	bits := k.randomBits()
	defer clear(bits)
	step := counter(len(bits), progress)
	parallel.For(len(bits), func(i int) {
		k.encryptGGSW(&rk.compactKey, labelRandomError, i, bits[i])
		step()
	})
	rk.digest = rk.computeDigest()
	return rk
}

func (rk *RandomKey) computeDigest() fhe.Digest {
	digest, _, _ := rk.write(io.Discard)
	return digest
}

// randomBits are the secret bits that k's random key encrypts.
func (k *SecretKey) randomBits() []uint8 {
	bits := make([]uint8, k.params.LWEDim)
	k.expand(labelRandomSecret, bits)
	return bits
}

// Digest is the SHA-256 of the key's encoding without its trailer.
func (rk *RandomKey) Digest() fhe.Digest { return rk.digest }

// WriteTo writes the random key: the seed of the masks, then the bodies. It is
// public.
func (rk *RandomKey) WriteTo(w io.Writer) (int64, error) {
	_, n, err := rk.write(w)
	return n, err
}

func (rk *RandomKey) write(w io.Writer) (fhe.Digest, int64, error) {
	return writeKey(w, rk.params, kindRandom, func(w *keyWriter) {
		masks := rk.masks.Bytes()
		w.bytes(masks[:])
		w.words64(rk.bodies)
	})
}

// ReadRandomKey reads what WriteTo wrote.
func ReadRandomKey(r io.Reader) (*RandomKey, error) { return readRandomKey(r, &Default) }

func readRandomKey(r io.Reader, p *Params) (*RandomKey, error) {
	rk := &RandomKey{compactKey: compactKey{params: p, label: labelRandomMask}}
	var err error
	rk.digest, err = readKey(r, p, kindRandom, func(r *keyReader) {
		var masks [32]byte
		r.bytes(masks[:])
		rk.masks = SeedFrom(masks)
		rk.bodies = r.words64(p.LWEDim * p.ggswWords())
	})
	if err != nil {
		return nil, err
	}
	return rk, nil
}

// RandomExponents are the exponents of draw index of a public seed, for a Job of
// kind Random: LWEDim+1 uniform numbers below 2*PolySize. The phase at which the
// job reads its table, body minus inner product with the secret bits, is uniform
// as the body is, whatever the secret.
func (p *Params) RandomExponents(seed Seed, index uint64) []uint32 {
	exponents := make([]uint32, p.LWEDim+1)
	csprng.New(seed, "random exponents", index).Uint32s(exponents)
	for i := range exponents {
		exponents[i] &= uint32(2*p.PolySize - 1)
	}
	return exponents
}
