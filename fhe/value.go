package fhe

import (
	"fmt"
	"strings"

	"github.com/holiman/uint256"
)

// A value of a type is held as the number that its bits are: those of a signed
// type, in two's complement, from 0 to 2^Bits - 1 too.

// Word is the value v of type t as Solidity's abi.encode writes it: 32 bytes,
// extended with the sign where t has one. v is not altered.
func (t Type) Word(v *uint256.Int) [32]byte {
	if t.Signed() {
		return new(uint256.Int).ExtendSign(v, uint256.NewInt(uint64(t.Bits()/8-1))).Bytes32()
	}
	return v.Bytes32()
}

// Value is the inverse of Word. It fails on a word that is no value of t.
func (t Type) Value(word [32]byte) (*uint256.Int, error) {
	v := new(uint256.Int).SetBytes32(word[:])
	if t.Signed() {
		v.And(v, t.mask())
	}
	if v.BitLen() > t.Bits() || t.Word(v) != word {
		return nil, fmt.Errorf("%#x is no value of %s", word, t)
	}
	return v, nil
}

// Text is the value v of type t in decimal.
func (t Type) Text(v *uint256.Int) string {
	if t.Signed() && t.negative(v) {
		return "-" + t.negated(v).Dec()
	}
	return v.Dec()
}

// ParseValue reads a value of type t in decimal, or in hexadecimal with 0x before
// it; a minus sign may stand before that of a signed type.
func (t Type) ParseValue(text string) (*uint256.Int, error) {
	digits, minus := strings.CutPrefix(text, "-")
	parse := uint256.FromDecimal
	if strings.HasPrefix(digits, "0x") {
		parse = uint256.FromHex
	}
	v, err := parse(digits)
	if err != nil {
		return nil, fmt.Errorf("%q is no number: %w", text, err)
	}
	fits := v.BitLen() <= t.Bits()
	if minus {
		v = t.negated(v)
	}
	if !fits || strings.HasPrefix(t.Text(v), "-") != (minus && !v.IsZero()) {
		return nil, fmt.Errorf("%s does not fit %s", text, t)
	}
	return v, nil
}

func (t Type) negative(v *uint256.Int) bool { return v.BitLen() == t.Bits() }

// negated is -v modulo 2^Bits.
func (t Type) negated(v *uint256.Int) *uint256.Int {
	z := new(uint256.Int).Neg(v)
	return z.And(z, t.mask())
}

// mask has the bits of t set.
func (t Type) mask() *uint256.Int {
	ones := new(uint256.Int).Not(new(uint256.Int))
	return ones.Rsh(ones, uint(256-t.Bits()))
}
