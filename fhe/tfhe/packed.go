package tfhe

import (
	"fmt"
	"math/bits"

	"fhevm/fhe"
)

// Packed is a ciphertext at rest: a GLWE ciphertext modulo 2^PackBits, one
// block in each slot, under the small LWE key z read as polynomials modulo
// X^PackSize + 1, the last of which is zero from coefficient packTail on. The
// slots share a mask. It is immutable.
//
// Mask holds the polynomials one after another, of the last one only what the
// slots read: its coefficients from 1-packTail, modulo PackSize, onwards.
type Packed struct {
	Mask   []uint16
	Bodies []uint16 // one for each slot
}

// packScaleLog is log2 of what blocks are multiplied by before they are packed:
// their message bits then follow the padding bit, and no room is kept for a
// carry.
const packScaleLog = PlaintextBits - fhe.MessageBits

// packRank is the number of polynomials that the small key makes.
func (p *Params) packRank() int { return (p.LWEDim + p.PackSize - 1) / p.PackSize }

// packTail is the number of key coefficients in the last polynomial.
func (p *Params) packTail() int { return p.LWEDim - (p.packRank()-1)*p.PackSize }

// PackedMaskWords is the number of mask words that some slots share.
func (p *Params) PackedMaskWords(slots int) int {
	return (p.packRank()-1)*p.PackSize + min(p.PackSize, p.packTail()-1+slots)
}

// packedWord returns the place in Mask of the word that meets bit j of the small
// key in the given slot, and whether it does so with its sign turned. It is
// SampleExtract (SPEC 3.7).
func (p *Params) packedWord(slot, j int) (at int, negative bool) {
	poly, coefficient := j/p.PackSize, slot-j%p.PackSize
	negative = coefficient < 0
	if poly == p.packRank()-1 {
		coefficient += p.packTail() - 1
	}
	return poly*p.PackSize + (coefficient+p.PackSize)%p.PackSize, negative
}

// CheckPacked reports what a ciphertext packed under p cannot be: its numbers of
// slots and words, and words beyond PackBits.
func (p *Params) CheckPacked(c *Packed) error {
	slots := len(c.Bodies)
	if slots < 1 || slots > p.PackSize {
		return fmt.Errorf("packed ciphertext has %d slots, want 1 to %d", slots, p.PackSize)
	}
	if want := p.PackedMaskWords(slots); len(c.Mask) != want {
		return fmt.Errorf("packed ciphertext has %d mask words, want %d", len(c.Mask), want)
	}
	for _, words := range [][]uint16{c.Mask, c.Bodies} {
		for _, w := range words {
			if w>>p.PackBits != 0 {
				return fmt.Errorf("packed ciphertext has a word of more than %d bits", p.PackBits)
			}
		}
	}
	return nil
}

// NewUnpackLUT prepares the identity on the blocks of a packed ciphertext.
func (p *Params) NewUnpackLUT() *LUT {
	box := p.PolySize >> fhe.MessageBits
	poly := make([]uint64, p.PolySize)
	for i := range poly {
		// As in NewManyLUT each box is centred; the half box that wraps to the
		// top is minus the entry of 0, which is 0.
		poly[i] = uint64((i+box/2)/box%(1<<fhe.MessageBits)) * Delta
	}
	return &LUT{Poly: poly, Outputs: 1}
}

// NewUnpackJob is the bootstrap that sets dst to a slot of c, with lut from
// NewUnpackLUT: a ciphertext with the noise of one bootstrap. The words of c
// become exponents as they are, which needs neither a key switch nor a modulus
// switch.
func (p *Params) NewUnpackJob(dst LWE, c *Packed, slot int, lut *LUT) (Job, error) {
	if err := p.CheckPacked(c); err != nil {
		return Job{}, err
	}
	if slot < 0 || slot >= len(c.Bodies) {
		return Job{}, fmt.Errorf("unpack slot %d of %d", slot, len(c.Bodies))
	}
	return Job{Kind: Unpack, Exponents: p.unpackExponents(c, slot), LUT: lut, Dst: []LWE{dst}}, nil
}

func (p *Params) unpackExponents(c *Packed, slot int) []uint32 {
	order := uint32(2 * p.PolySize)
	shift := bits.TrailingZeros32(order) - p.PackBits
	exponents := make([]uint32, p.LWEDim+1)
	for j := range p.LWEDim {
		at, negative := p.packedWord(slot, j)
		e := uint32(c.Mask[at]) << shift
		if negative {
			e = -e % order
		}
		exponents[j] = e
	}
	exponents[p.LWEDim] = uint32(c.Bodies[slot]) << shift
	return exponents
}
