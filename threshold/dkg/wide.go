package dkg

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"fhevm/fhe/csprng"
)

// wide is an element of the field modulo 2^127-1, in which secret bits are made: it
// leaves more than 110 bits of room to mask a bit when it moves to the other fields.
// Operations take the same time whatever the operands.
type wide struct{ hi, lo uint64 }

const top63 = 1<<63 - 1

// trim returns x below 2^128 modulo 2^127-1.
func (x wide) trim() wide {
	lo, carry := bits.Add64(x.lo, x.hi>>63, 0)
	hi := x.hi&top63 + carry // at most 2^127-1 in all, or 2^127 exactly
	lo, carry = bits.Add64(lo, hi>>63, 0)
	hi = hi&top63 + carry
	_, c := bits.Add64(lo, 1, 0)
	full := (hi + c) >> 63 // 1 for 2^127-1 itself
	return wide{hi &^ -full, lo &^ -full}
}

func (x wide) add(y wide) wide {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	return wide{x.hi + y.hi + carry, lo}.trim()
}

// neg complements all 127 bits.
func (x wide) neg() wide { return wide{x.hi ^ top63, ^x.lo}.trim() }

func (x wide) sub(y wide) wide { return x.add(y.neg()) }

func (x wide) mul(y wide) wide {
	h0, l0 := bits.Mul64(x.lo, y.lo)
	h1, l1 := bits.Mul64(x.lo, y.hi)
	h2, l2 := bits.Mul64(x.hi, y.lo)
	h3, l3 := bits.Mul64(x.hi, y.hi)
	r1, c := bits.Add64(h0, l1, 0)
	r2, d := bits.Add64(l3, h1, c)
	r3 := h3 + d
	r1, c = bits.Add64(r1, l2, 0)
	r2, d = bits.Add64(r2, h2, c)
	r3 += d
	low := wide{r1 & top63, l0}
	high := wide{r3<<1 | r2>>63, r2<<1 | r1>>63}
	return low.add(high)
}

// squares returns x^(2^n).
func (x wide) squares(n int) wide {
	for range n {
		x = x.mul(x)
	}
	return x
}

// allOnes returns x^(2^n - 1).
func (x wide) allOnes(n int) wide {
	if n == 1 {
		return x
	}
	half := x.allOnes(n / 2)
	r := half.squares(n / 2).mul(half)
	if n%2 == 1 {
		r = r.squares(1).mul(x)
	}
	return r
}

// inv returns 1/x for x not 0: the exponent is 2^127-3.
func (x wide) inv() wide { return x.allOnes(125).squares(2).mul(x) }

// inverseRoot returns 1/y for the root y of x that is a square itself: the modulus
// is 3 modulo 4, so y is x^(2^125). x is public. ok is false if x is 0 or has no root.
func (x wide) inverseRoot() (y wide, ok bool) {
	y = x.allOnes(125)
	return y, y.mul(y).mul(x) == wide{0, 1}
}

func wideInt(v int64) wide {
	if v < 0 {
		return wide{0, uint64(-v)}.neg()
	}
	return wide{0, uint64(v)}
}

// uniformWide draws 127 bits, again in the case of 2^127-1.
func uniformWide(s *csprng.Stream) wide {
	for {
		if x := (wide{s.Uint64() & top63, s.Uint64()}); x != (wide{top63, ^uint64(0)}) {
			return x
		}
	}
}

const wideSize = 16

func appendWide(b []byte, xs []wide) []byte {
	for _, x := range xs {
		b = binary.BigEndian.AppendUint64(b, x.hi)
		b = binary.BigEndian.AppendUint64(b, x.lo)
	}
	return b
}

// parseWide decodes exactly count elements.
func parseWide(b []byte, count int) ([]wide, error) {
	if len(b) != count*wideSize {
		return nil, fmt.Errorf("%d bytes of elements, want %d", len(b), count*wideSize)
	}
	out := make([]wide, count)
	for i := range out {
		out[i] = wide{binary.BigEndian.Uint64(b[i*wideSize:]), binary.BigEndian.Uint64(b[i*wideSize+8:])}
		if out[i] != out[i].trim() {
			return nil, fmt.Errorf("element %d is not reduced", i)
		}
	}
	return out, nil
}
