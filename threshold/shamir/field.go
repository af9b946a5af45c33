package shamir

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"fhevm/fhe/squash"
)

// The two primes, just under 2^50. Their product is the squash modulus Q.
const (
	Q1 uint64 = squash.Q1
	Q2 uint64 = squash.Q2
)

const fieldBits = 50

// Field is arithmetic modulo a prime between 2^49 and 2^50. Operands and
// results are canonical, below the modulus. Its operations take the same time
// whatever the operands, but for Inv, which is for public values.
type Field struct {
	modulus uint64
	barrett uint64 // floor(2^100 / modulus)
	word    uint64 // 2^64 mod modulus
}

// Fields are the fields modulo Q1 and Q2.
var Fields = [2]Field{NewField(Q1), NewField(Q2)}

// NewField prepares a prime between 2^49 and 2^50.
func NewField(q uint64) Field {
	barrett, _ := bits.Div64(1<<(2*fieldBits-64), 0, q)
	_, word := bits.Div64(1, 0, q)
	return Field{q, barrett, word}
}

// Modulus is the field's prime.
func (f Field) Modulus() uint64 { return f.modulus }

// Add returns a + b.
func (f Field) Add(a, b uint64) uint64 { return f.trim(a + b) }

// Sub returns a - b.
func (f Field) Sub(a, b uint64) uint64 { return f.trim(a + f.modulus - b) }

// Mul returns a * b.
func (f Field) Mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return f.barrettReduce(hi, lo)
}

// Inv returns 1/a for a other than 0, by Fermat's little theorem.
func (f Field) Inv(a uint64) uint64 {
	r := uint64(1)
	for e := f.modulus - 2; e > 0; e >>= 1 {
		if e&1 == 1 {
			r = f.Mul(r, a)
		}
		a = f.Mul(a, a)
	}
	return r
}

// Reduce returns hi*2^64 + lo for hi below 2^50.
func (f Field) Reduce(hi, lo uint64) uint64 {
	return f.Add(f.Mul(f.trim(hi), f.word), f.barrettReduce(0, lo))
}

// Dot returns the inner product of a and b, up to 2^14 elements each. It sums
// in 128 bits and reduces once.
func (f Field) Dot(a, b []uint64) uint64 {
	var hi, lo, carry uint64
	for i, x := range a {
		h, l := bits.Mul64(x, b[i])
		lo, carry = bits.Add64(lo, l, 0)
		hi += h + carry
	}
	return f.Reduce(hi, lo)
}

// Uniform draws a uniform element from rand by rejection.
func (f Field) Uniform(rand io.Reader) (uint64, error) {
	var b [8]byte
	for {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return 0, fmt.Errorf("draw field element: %w", err)
		}
		if x := binary.LittleEndian.Uint64(b[:]) & (1<<fieldBits - 1); x < f.modulus {
			return x, nil
		}
	}
}

// barrettReduce returns hi*2^64 + lo for a number below 2^100 (Barrett 1986;
// Handbook of Applied Cryptography, algorithm 14.42 with base 2).
func (f Field) barrettReduce(hi, lo uint64) uint64 {
	top := hi<<(64-fieldBits+1) | lo>>(fieldBits-1)
	qh, ql := bits.Mul64(top, f.barrett)
	quotient := qh<<(64-fieldBits-1) | ql>>(fieldBits+1)
	return f.trim(f.trim(lo - quotient*f.modulus)) // the estimate is short by 2 at most
}

// trim subtracts the modulus once from a number that reaches it.
func (f Field) trim(a uint64) uint64 {
	d, borrow := bits.Sub64(a, f.modulus, 0)
	return d + f.modulus&-borrow
}
