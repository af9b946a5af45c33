package tfhe

import (
	"fmt"
	"runtime"

	"fhevm/accel/vec"
	"fhevm/fhe/internal/parallel"
)

// Packer packs clean blocks.
type Packer interface {
	Pack(blocks []LWE) (*Packed, error)
}

var _ Packer = (*Engine)(nil)

// Pack packs 1 to PackSize blocks, each with a plaintext below 4 and at most the
// noise of one bootstrap (SPEC 3.12): KeySwitch of the scaled blocks to the small
// key, a packing key switch (Chillotti et al., "TFHE: Fast Fully Homomorphic
// Encryption over the Torus", algorithm 2), and rounding to PackBits with a
// centred error. The result depends on the blocks and their order alone.
func (e *Engine) Pack(blocks []LWE) (*Packed, error) {
	p := e.params
	if err := p.CheckDigits(); err != nil {
		return nil, err
	}
	if len(blocks) < 1 || len(blocks) > p.PackSize {
		return nil, fmt.Errorf("pack %d blocks, want 1 to %d", len(blocks), p.PackSize)
	}
	for i, c := range blocks {
		if len(c) != p.BigDim()+1 {
			return nil, fmt.Errorf("pack block %d: %d words, want %d", i, len(c), p.BigDim()+1)
		}
	}
	return p.roundPacked(e.packing.pack(e.keySwitch.scaled(blocks)), len(blocks)), nil
}

// scaled multiplies blocks for packing and switches them to the small key.
func (k *KeySwitchKey) scaled(blocks []LWE) [][]uint32 {
	p := k.params
	out := make([][]uint32, len(blocks))
	procs := runtime.GOMAXPROCS(0)
	size := min(MaxBatch, (len(blocks)+procs-1)/procs)
	parallel.For((len(blocks)+size-1)/size, func(i int) {
		dst, src := out[i*size:], blocks[i*size:]
		n := min(size, len(src))
		scaled := make([]LWE, n)
		for b := range scaled {
			dst[b], scaled[b] = make([]uint32, p.LWEDim+1), p.NewLWE()
			scaled[b].MulClear(src[b], 1<<packScaleLog)
		}
		k.KeySwitch(dst[:n], scaled, p.NewDigits(n))
	})
	return out
}

// pack returns the polynomials, masks then body, of the sum of X^h times the
// ciphertext under the polynomials that small[h] is switched to. A ciphertext's
// error spreads over all slots, so that a slot has the sum of all errors.
func (k *PackingKey) pack(small [][]uint32) [][]uint32 {
	p := k.params
	digits, bodies := make([]Digits, len(small)*vec.Groups(p.packDigits())), make([]uint32, len(small))
	for h, c := range small {
		bodies[h] = p.packDecompose(digits[h:], len(small), c)
	}
	glwe := make([][]uint32, len(k.columns))
	parallel.For(len(glwe), func(c int) { glwe[c] = k.column(c, len(small), digits) })
	for h, b := range bodies {
		glwe[len(glwe)-1][h] += b
	}
	return glwe
}

// packDecompose writes the negated signed digits of c's mask, rounded to
// PackBaseLog*PackLevel bits, groups of four stride apart. It returns c's body,
// into which half the sum of the rounding errors has moved: their mean over
// binary secrets.
func (p *Params) packDecompose(digits []Digits, stride int, c []uint32) (body uint32) {
	base, levels := p.PackBaseLog, p.PackLevel
	dropped := 32 - base*levels
	half, round := uint32(1)<<(base-1), uint32(1)<<(dropped-1)
	var carry uint32
	for l := 1; l <= levels; l++ {
		carry += half << (32 - base*l)
	}
	var sum int64
	for j, a := range c[:p.LWEDim] {
		a += round
		sum += int64(round) - int64(a&(2*round-1))
		a += carry
		for r := j * levels; r < (j+1)*levels; r++ {
			digits[r/vec.Group*stride][r%vec.Group] = int8(half) - int8(a>>(32-base))
			a <<= base
		}
	}
	return c[p.LWEDim] + uint32(sum>>1)
}

// column is polynomial c of the sum that pack returns, but for the bodies.
func (k *PackingKey) column(c, slots int, digits []Digits) []uint32 {
	products := make([][]uint32, slots)
	for h := range products {
		products[h] = make([]uint32, k.params.PackSize)
	}
	k.columns[c].MulAdd(products, digits)
	sum := make([]uint32, k.params.PackSize)
	for h, product := range products {
		addRotated(sum, product, h)
	}
	return sum
}

// addRotated sets dst += X^h * src modulo X^len(dst) + 1, h below len(dst).
func addRotated(dst, src []uint32, h int) {
	for j, x := range src[:len(src)-h] {
		dst[h+j] += x
	}
	for j, x := range src[len(src)-h:] {
		dst[j] -= x
	}
}

// roundPacked rounds the words that the slots of a ciphertext modulo 2^32 read to
// PackBits, as ModSwitch does: half the sum of the errors that a slot's mask
// meets moves into its body, which is rounded down.
func (p *Params) roundPacked(glwe [][]uint32, slots int) *Packed {
	dropped := 32 - p.PackBits
	half := uint32(1) << (dropped - 1)
	c := &Packed{Mask: make([]uint16, p.PackedMaskWords(slots)), Bodies: make([]uint16, slots)}
	errors := make([]int32, len(c.Mask))
	for at := range c.Mask {
		up := p.readWord(glwe, at) + half
		errors[at] = int32(half) - int32(up&(2*half-1))
		c.Mask[at] = uint16(up >> dropped)
	}
	for h := range c.Bodies {
		body := glwe[len(glwe)-1][h] + uint32(p.slotError(errors, h)>>1)
		c.Bodies[h] = uint16(body >> dropped)
	}
	return c
}

// readWord is the mask word of glwe that a Packed has at the given place.
func (p *Params) readWord(glwe [][]uint32, at int) uint32 {
	poly, coefficient := at/p.PackSize, at%p.PackSize
	if poly == p.packRank()-1 {
		coefficient = (coefficient + 1 - p.packTail() + p.PackSize) % p.PackSize
	}
	return glwe[poly][coefficient]
}

// slotError sums the errors of the words that a slot reads, with their signs.
func (p *Params) slotError(errors []int32, slot int) (sum int64) {
	for j := range p.LWEDim {
		at, negative := p.packedWord(slot, j)
		e := int64(errors[at])
		if negative {
			e = -e
		}
		sum += e
	}
	return sum
}
