package tfhe

import (
	"fhevm/accel"
	"fhevm/accel/fft"
	"fhevm/fhe/csprng"
	"fhevm/fhe/internal/parallel"
)

// BootstrapKey is a bootstrapping key in the transform's domain: one GGSW
// encryption under the big key for each bit of another key. It is immutable and
// safe for concurrent use.
type BootstrapKey struct {
	params *Params
	bits   []fft.GGSW
}

// compactKey is a bootstrapping key in the form that is stored and distributed:
// a public seed, from which the masks of its GGSW encryptions expand, and their
// bodies (SPEC 3.4).
type compactKey struct {
	params *Params
	masks  Seed     // public
	label  string   // of the masks' streams
	bodies []uint64 // bits × ggswRows × PolySize
}

// newCompactKey has room for the bodies of LWEDim bits.
func newCompactKey(p *Params, masks Seed, label string) compactKey {
	return compactKey{params: p, masks: masks, label: label, bodies: make([]uint64, p.LWEDim*p.ggswWords())}
}

// ggswRows is the number of GLWE rows of one GGSW ciphertext: GLWEDim+1 of
// each level, both 1 in the only kind of set supported.
const ggswRows = 2

// ggswWords is the number of words of a GGSW ciphertext's bodies.
func (p *Params) ggswWords() int { return ggswRows * p.PolySize }

// Params returns the key's parameter set.
func (c *compactKey) Params() *Params { return c.params }

// bits is the number of bits of the key that c encrypts.
func (c *compactKey) bits() int { return len(c.bodies) / c.params.ggswWords() }

func (c *compactKey) ggswBodies(i int) []uint64 {
	size := c.params.ggswWords()
	return c.bodies[i*size:][:size:size]
}

// ggswMasks calls f with the mask of each row of GGSW i in turn.
func (c *compactKey) ggswMasks(i int, f func(r int, mask []uint64)) {
	s := csprng.New(c.masks, c.label, uint64(i))
	a := make([]uint64, c.params.PolySize)
	for r := range ggswRows {
		s.Uint64s(a)
		f(r, a)
	}
}

// BootstrapKey expands the bootstrapping key: 60 MB for LWEDim bits of Default.
func (c *compactKey) BootstrapKey() *BootstrapKey {
	k := &BootstrapKey{params: c.params, bits: accel.Pages[fft.GGSW](c.bits())}
	parallel.For(len(k.bits), func(i int) {
		bodies := c.ggswBodies(i)
		c.ggswMasks(i, func(r int, mask []uint64) {
			preciseTransform(&k.bits[i][2*r], (*[fft.N]uint64)(mask))
			fft.Forward(&k.bits[i][2*r+1], (*[fft.N]uint64)(bodies[r*fft.N:]))
		})
	})
	return k
}

// encryptGGSW writes the bodies of GGSW i of c, the encryption of a bit with
// errors from stream (label, i): row r encrypts bit*g at component r, with g the
// gadget weight of the single level. The mask of row 0 stays as the seed gives
// it, so bit*g moves to the body, where it meets the secret: -bit*g*s.
func (k *SecretKey) encryptGGSW(c *compactKey, label string, i int, bit uint8) {
	p := k.params
	errors := csprng.New(k.streams, label, uint64(i))
	defer errors.Wipe()
	bodies := c.ggswBodies(i)
	c.ggswMasks(i, func(r int, mask []uint64) {
		body := bodies[r*p.PolySize:][:p.PolySize]
		mulNegacyclic(body, mask, k.big)
		addNoise(body, p.GLWENoise, errors)
	})
	message := uint64(bit) << (64 - p.BootstrapBaseLog)
	for j, s := range k.big {
		bodies[j] -= message * s
	}
	bodies[p.PolySize] += message
}
