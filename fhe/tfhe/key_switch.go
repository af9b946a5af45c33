package tfhe

import (
	"fhevm/accel/vec"
	"fhevm/fhe/csprng"
	"fhevm/fhe/internal/parallel"
)

// KeySwitchKey switches LWE ciphertexts from the big key to the small one. It
// is immutable and safe for concurrent use. Words of its rows are rounded to 24
// bits, which adds a fifteenth to the error of a switch (SPEC 3.9).
type KeySwitchKey struct {
	params *Params
	rows   *vec.Matrix // row j*KeySwitchLevel+l: LWEDim mask words, then the body
	digits []Digits    // four negated digits by their bits
}

// Digits are digits of four neighbouring rows, scratch of a key switch.
type Digits = [vec.Group]int8

func newKeySwitchKey(p *Params) *KeySwitchKey {
	return &KeySwitchKey{
		params: p,
		rows:   vec.NewMatrix(p.KeySwitchDigits(), p.LWEDim+1),
		digits: negatedDigits(p.KeySwitchBaseLog),
	}
}

// KeySwitchKey expands the key-switching half of ek: 45 MB for Default.
func (ek *EvaluationKey) KeySwitchKey() *KeySwitchKey {
	p := ek.params
	k := newKeySwitchKey(p)
	parallel.For(p.BigDim(), func(j int) {
		mask := csprng.New(ek.masks, labelKeySwitchMask, uint64(j))
		row := make([]uint32, p.LWEDim+1)
		for l, body := range ek.keySwitchBodies(j) {
			mask.Uint32s(row[:p.LWEDim])
			row[p.LWEDim] = body
			k.rows.SetRow(j*p.KeySwitchLevel+l, row)
		}
	})
	return k
}

// NewDigits returns scratch for key switches of up to n ciphertexts at a time.
func (p *Params) NewDigits(n int) []Digits {
	return make([]Digits, n*vec.Groups(p.KeySwitchDigits()))
}

// KeySwitchDigits is the number of digits that a key switch cuts a mask into, and
// of the key's rows.
func (p *Params) KeySwitchDigits() int { return p.BigDim() * p.KeySwitchLevel }

// KeySwitch sets each dst[b], of LWEDim+1 words modulo 2^32, to src[b] under the
// small key (SPEC 3.5). It reads the key once for up to 16 ciphertexts. digits
// comes from NewDigits.
//
// Each mask word is rounded to its top BaseLog*Level bits and cut into signed
// digits of [-B/2, B/2); digit d of word j times row (j, l) leaves the body.
func (k *KeySwitchKey) KeySwitch(dst [][]uint32, src []LWE, digits []Digits) {
	k.keySwitch(dst, src, digits, 1)
}

// keySwitch is KeySwitch by so many workers.
func (k *KeySwitchKey) keySwitch(dst [][]uint32, src []LWE, digits []Digits, workers int) {
	p := k.params
	for b, c := range src {
		clear(dst[b])
		dst[b][p.LWEDim] = uint32((c[p.BigDim()] + 1<<31) >> 32)
	}
	k.decompose(digits, src)
	parallel.For(workers, func(i int) { k.rows.MulAddPart(dst[:len(src)], digits, i, workers) })
}

// decompose writes the negated digits of every mask, most significant first for
// each word. Adding half a base at every digit's place before cutting makes the
// digits signed and carries between them.
func (k *KeySwitchKey) decompose(digits []Digits, src []LWE) {
	p := k.params
	bits := vec.Group * p.KeySwitchBaseLog
	offset := uint64(1) << (63 - p.KeySwitchBaseLog*p.KeySwitchLevel)
	for l := 1; l <= p.KeySwitchLevel; l++ {
		offset += 1 << (63 - p.KeySwitchBaseLog*(l-1))
	}
	for j := range p.BigDim() {
		for b, c := range src {
			a := c[j] + offset
			for at := b; at < len(src)*p.KeySwitchLevel/vec.Group; at += len(src) {
				digits[at] = k.digits[a>>(64-bits)]
				a <<= bits
			}
		}
		digits = digits[len(src)*p.KeySwitchLevel/vec.Group:]
	}
}

// negatedDigits lists half a base less each of four digits of an unsigned number,
// for all numbers.
func negatedDigits(base int) []Digits {
	all := make([]Digits, 1<<(vec.Group*base))
	for x := range all {
		for i := range all[x] {
			digit := x >> (base * (vec.Group - 1 - i)) & (1<<base - 1)
			all[x][i] = int8(1<<(base-1) - digit)
		}
	}
	return all
}
