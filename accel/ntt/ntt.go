// Package ntt computes exactly in Z_q[X]/(X^2048+1) for primes q just below
// 2^50, and modulo the product of two of them by residues (SPEC 5.2).
//
// A Poly holds either coefficients or values. Forward and InverseAdd move
// between the two; products are taken value by value. Intermediate words are
// lazy: each function states the range that it accepts and returns. Whatever
// is below q is the same on every implementation.
package ntt

//go:generate go run -C _asm . -out ../ntt_amd64.s -stubs ../stubs_amd64.go -pkg ntt

import (
	"fmt"
	"math/big"
	"math/bits"
)

const (
	// N is the number of coefficients of a polynomial.
	N    = 1 << logN
	logN = 11
)

// Poly is a polynomial by its coefficients or by its values.
type Poly [N]uint64

// Modulus holds a prime and its tables. It is immutable and safe for
// concurrent use.
type Modulus struct {
	Q uint64

	// Powers of a primitive 4096-th root of unity psi and of its inverse in
	// bit-reversed order, each with Shoup's quotient for 64-bit words.
	roots, inverses [N]factor

	one     factor // reduces words below 2^62
	word    factor // 2^64
	scale   factor // 1/N
	montInv uint64 // 1/q modulo 2^52
	simd    *tables
}

// factor is a constant w and floor(w*2^64/q).
type factor struct{ w, shoup uint64 }

// New prepares the prime q, which must be 1 modulo 4096 and within 2^20 below
// 2^50. psi is g^((q-1)/4096) for the smallest g >= 2 that makes psi^2048 = -1.
func New(q uint64) (*Modulus, error) {
	if q >= 1<<50 || q < 1<<50-1<<20 || q%(2*N) != 1 || !new(big.Int).SetUint64(q).ProbablyPrime(32) {
		return nil, fmt.Errorf("%d is no prime just below 2^50 that is 1 modulo %d", q, 2*N)
	}
	m := &Modulus{Q: q}
	m.one, m.word = m.factor(1), m.factor(-q%q)
	psi := m.root()
	inverse := m.Exp(psi, q-2)
	for i := range uint64(N) {
		e := bits.Reverse64(i) >> (64 - logN)
		m.roots[i] = m.factor(m.Exp(psi, e))
		m.inverses[i] = m.factor(m.Exp(inverse, e))
	}
	m.scale = m.factor(m.Exp(N, q-2))
	m.montInv = inverse52(q)
	m.simd = newTables(m)
	return m, nil
}

// root finds psi. A prime that is 1 modulo 2N has one.
func (m *Modulus) root() uint64 {
	for g := uint64(2); ; g++ {
		if psi := m.Exp(g, (m.Q-1)/(2*N)); m.Exp(psi, N) == m.Q-1 {
			return psi
		}
	}
}

// inverse52 inverts odd q modulo 2^52: Newton's iteration doubles the number
// of correct bits, of which q*q = 1 modulo 8 gives the first three.
func inverse52(q uint64) uint64 {
	x := q
	for range 5 {
		x *= 2 - q*x
	}
	return x & mask52
}

func (m *Modulus) factor(w uint64) factor {
	shoup, _ := bits.Div64(w, 0, m.Q)
	return factor{w, shoup}
}

// Mul returns a*b modulo q, for any words a, b. Its time does not depend on them.
func (m *Modulus) Mul(a, b uint64) uint64 { return m.Fold(bits.Mul64(a, b)) }

// Fold returns hi*2^64 + lo modulo q. Its time does not depend on the words.
func (m *Modulus) Fold(hi, lo uint64) uint64 {
	v := m.lazyMul(hi, m.word) + m.lazyMul(lo, m.one)
	v = min(v, v-2*m.Q)
	return m.below(v)
}

// Exp returns a^e modulo q.
func (m *Modulus) Exp(a, e uint64) uint64 {
	r := uint64(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			r = m.Mul(r, a)
		}
		a = m.Mul(a, a)
	}
	return r
}

// Inv returns 1/a modulo q, for a not 0.
func (m *Modulus) Inv(a uint64) uint64 { return m.Exp(a, m.Q-2) }

// Signed returns v modulo q, for |v| < q.
func (m *Modulus) Signed(v int64) uint64 { return uint64(v) + m.Q&uint64(v>>63) }

// Add returns a+b modulo q, for a, b below q.
func (m *Modulus) Add(a, b uint64) uint64 { return m.below(a + b) }

// Sub returns a-b modulo q, for a, b below q.
func (m *Modulus) Sub(a, b uint64) uint64 { return m.below(a + m.Q - b) }

// below subtracts q from a word below 2q if that leaves it non-negative. min
// chooses without a branch: a negative difference wraps to a huge word.
func (m *Modulus) below(v uint64) uint64 { return min(v, v-m.Q) }

// lazyMul returns x*f modulo q in [0, 2q), for any word x.
func (m *Modulus) lazyMul(x uint64, f factor) uint64 {
	h, _ := bits.Mul64(x, f.shoup)
	return x*f.w - h*m.Q
}

// Forward turns coefficients below 4q into values below 4q (Harvey 2014,
// lazy butterflies; Longa and Naehrig 2016, negacyclic with no twist).
//
// Position 64g + 8l + e holds the value at psi^(2r+1), where r is
// 64g + 8e + l with its 11 bits reversed: bit-reversed order, in which each
// block of 64 is transposed as an 8×8 matrix.
func (m *Modulus) Forward(x *Poly) {
	if useIFMA {
		m.forwardFast(x)
		return
	}
	m.forward(x)
}

// InverseAdd sets dst += N*x, where x holds values below 2q in Forward's order
// and dst coefficients below q. It leaves x undefined. The caller folds the
// factor 1/N into a product.
func (m *Modulus) InverseAdd(dst, x *Poly) {
	if useIFMA {
		m.inverseAddFast(dst, x)
		return
	}
	m.inverseAdd(dst, x)
}

// Inverse turns values below 2q in Forward's order into coefficients below q.
func (m *Modulus) Inverse(x *Poly) {
	var sum Poly
	m.InverseAdd(&sum, x)
	for i, v := range sum {
		x[i] = m.below(m.lazyMul(v, m.scale))
	}
}

// Reduce brings words below 2^62 into [0, q).
func (m *Modulus) Reduce(x *Poly) {
	for i, v := range x {
		x[i] = m.below(m.lazyMul(v, m.one))
	}
}
