package tfhe

import (
	"fhevm/accel/vec"
	"fhevm/fhe/internal/csprng"
	"fhevm/fhe/internal/parallel"
)

// KeySwitchKey switches LWE ciphertexts from the big key to the small one. It
// is immutable and safe for concurrent use.
type KeySwitchKey struct {
	params *Params
	rows   []uint32 // row j*KeySwitchLevel+l: LWEDim mask words, then the body
}

// keySwitchBlock is how many rows meet every ciphertext of a batch before the
// next ones do: they stay in the second-level cache meanwhile.
const keySwitchBlock = 64

// KeySwitchKey expands the key-switching half of ek: 60 MB for Default.
func (ek *EvaluationKey) KeySwitchKey() *KeySwitchKey {
	p := ek.params
	k := &KeySwitchKey{params: p, rows: make([]uint32, p.BigDim()*p.KeySwitchLevel*(p.LWEDim+1))}
	parallel.For(p.BigDim(), func(j int) {
		mask := csprng.New(ek.masks, labelKeySwitchMask, uint64(j))
		for l, body := range ek.keySwitchBodies(j) {
			row := k.block(j*p.KeySwitchLevel+l, 1)
			mask.Uint32s(row[:p.LWEDim])
			row[p.LWEDim] = body
		}
	})
	return k
}

// block is n consecutive rows.
func (k *KeySwitchKey) block(first, n int) []uint32 {
	size := k.params.LWEDim + 1
	return k.rows[first*size:][: n*size : n*size]
}

// KeySwitch sets each dst[b], of LWEDim+1 words modulo 2^32, to src[b] under the
// small key (SPEC 3.5). It walks the key once for the whole batch. digits is
// scratch of len(src)*KeySwitchDigits() words.
//
// Each mask word is rounded to its top BaseLog*Level bits and cut into signed
// digits of [-B/2, B/2); digit d of word j times row (j, l) leaves the body.
func (k *KeySwitchKey) KeySwitch(dst [][]uint32, src []LWE, digits []uint32) {
	rows := k.params.KeySwitchDigits()
	for b, c := range src {
		clear(dst[b])
		dst[b][k.params.LWEDim] = uint32((c[len(c)-1] + 1<<31) >> 32)
		k.params.decompose(digits[b*rows:][:rows], c[:len(c)-1])
	}
	for first := 0; first < rows; first += keySwitchBlock {
		n := min(keySwitchBlock, rows-first)
		block := k.block(first, n)
		for b := range src {
			vec.MulAddRowsUint32(dst[b], block, digits[b*rows+first:][:n])
		}
	}
}

// KeySwitchDigits is the number of digits that a key switch cuts a mask into.
func (p *Params) KeySwitchDigits() int { return p.BigDim() * p.KeySwitchLevel }

// decompose writes the negated digits of mask modulo 2^32, most significant
// first for each word. Adding half a base at every digit's place before cutting
// makes the digits signed and carries between them.
func (p *Params) decompose(digits []uint32, mask []uint64) {
	base, levels := p.KeySwitchBaseLog, p.KeySwitchLevel
	kept := base * levels
	half := uint32(1) << (base - 1)
	offset := uint64(1) << (63 - kept)
	for l := 1; l <= levels; l++ {
		offset += uint64(half) << (64 - base*l)
	}
	for j, a := range mask {
		a += offset
		for l := range levels {
			digits[j*levels+l] = half - uint32(a>>(64-base))
			a <<= base
		}
	}
}
