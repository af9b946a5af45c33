package ntt

import (
	"math/big"
	"math/bits"
)

// Shape of the external product: GLWE ciphertexts of rank 2 times GGSW
// ciphertexts with 3 levels of base 2^25.
const (
	Columns = 3  // polynomials of a GLWE ciphertext: two masks, one body
	Levels  = 3  // digits of a coefficient
	BaseLog = 25 // log2 of the gadget's base
	Rows    = Columns * Levels
)

// Lanes is the number of neighbouring positions that lie together in the
// layout of Dot's matrix.
const Lanes = 8

// RNS represents integers x modulo Q = q0*q1 by y_p = x * (Q/q_p)^-1 modulo
// q_p, so that x/Q = y0/q0 + y1/q1 modulo 1. It is immutable and safe for
// concurrent use.
type RNS struct {
	Moduli [2]*Modulus
	Q      *big.Int

	fraction [2]fraction // round(2^156/q_p)
}

// fraction is a 106-bit integer hi*2^52 + lo.
type fraction struct{ hi, lo uint64 }

// NewRNS prepares two distinct primes that New accepts.
func NewRNS(q0, q1 uint64) (*RNS, error) {
	r := &RNS{Q: new(big.Int).Mul(new(big.Int).SetUint64(q0), new(big.Int).SetUint64(q1))}
	for p, q := range []uint64{q0, q1} {
		m, err := New(q)
		if err != nil {
			return nil, err
		}
		r.Moduli[p] = m
		f := new(big.Int).SetUint64(q / 2)
		f.Add(f, new(big.Int).Lsh(big.NewInt(1), fractionBits)).Div(f, new(big.Int).SetUint64(q))
		r.fraction[p] = fraction{
			hi: new(big.Int).Rsh(f, 52).Uint64(),
			lo: f.And(f, big.NewInt(mask52)).Uint64(),
		}
	}
	return r, nil
}

// CoFactor returns Q/q_p modulo q_p: what turns y_p into the residue of x.
func (r *RNS) CoFactor(p int) uint64 { return r.Moduli[1-p].Q % r.Moduli[p].Q }

// x/Q is computed as a fixed-point fraction of 104 bits, of which the digits
// are the upper 75. Its error lies within 3 * 2^-104, or 2^-27 of the last
// digit: an offset common to all coefficients is amplified by the secret key,
// so that a bias costs far more than its size suggests.
const (
	fractionBits = 156
	fixedBits    = 104

	shift1 = fixedBits - BaseLog // position of the first digit
	shift2 = shift1 - BaseLog
	shift3 = shift2 - BaseLog

	digitMask = 1<<BaseLog - 1
	halfBase  = 1 << (BaseLog - 1)

	// Half a base per digit makes digits non-negative; half of the last digit's
	// unit rounds.
	offsetHi = halfBase<<(shift1-64) + halfBase>>(64-shift2)
	offsetLo = halfBase<<shift3 + 1<<(shift3-1)
)

// RotateSub sets dst = (X^a - 1)*x + q for coefficients x below q and a in
// [0, 4096). Words of dst are at most 2q. dst and x must not overlap.
func (m *Modulus) RotateSub(dst, x *Poly, a int) {
	run, sub := a%N, m.subRun
	if useIFMA {
		sub = m.subRunFast
	}
	sub(dst[:run], x[N-run:], x[:run], a < N)
	sub(dst[run:], x[:N-run], x[run:], a >= N)
}

// subRun sets dst = ±src - x + q, with the minus sign if negate is set.
func (m *Modulus) subRun(dst, src, x []uint64, negate bool) {
	src, x = src[:len(dst)], x[:len(dst)]
	for i := range dst {
		v := src[i]
		if negate {
			v = m.Q - v
		}
		dst[i] = v + m.Q - x[i]
	}
}

// Digits holds the digits of a GLWE ciphertext modulo one prime: first the
// levels of its first polynomial, the most significant first.
type Digits [Rows]Poly

// Decompose writes polynomial c of a GLWE ciphertext, whose words are below
// 2^52, as signed digits: x = sum of d_j * Q/B^j, up to half of Q/B^3, with
// d_j in [-B/2, B/2). The words written are q_p + d_j, for both primes.
func (r *RNS) Decompose(dst *[2]Digits, c int, x *[2]Poly) {
	d0, d1 := (*[Levels]Poly)(dst[0][c*Levels:]), (*[Levels]Poly)(dst[1][c*Levels:])
	if useIFMA {
		r.decomposeFast(d0, d1, x)
		return
	}
	r.decompose(d0, d1, x)
}

func (r *RNS) decompose(d0, d1 *[Levels]Poly, x *[2]Poly) {
	base0, base1 := r.Moduli[0].Q-halfBase, r.Moduli[1].Q-halfBase
	for i := range N {
		hi, lo := r.fixedPoint(x[0][i], x[1][i])
		for j, d := range [Levels]uint64{hi >> (shift1 - 64), hi<<(64-shift2) | lo>>shift2, lo >> shift3} {
			d &= digitMask
			d0[j][i], d1[j][i] = base0+d, base1+d
		}
	}
}

// fixedPoint returns x/Q plus the offset as a multiple of 2^-104, modulo 2^128.
func (r *RNS) fixedPoint(y0, y1 uint64) (hi, lo uint64) {
	h0, l0 := r.fraction[0].times(y0)
	h1, l1 := r.fraction[1].times(y1)
	lo, carry := bits.Add64(l0, l1, 0)
	hi, _ = bits.Add64(h0, h1, carry)
	lo, carry = bits.Add64(lo, offsetLo, 0)
	return hi + offsetHi + carry, lo
}

// times returns floor(y*f/2^52), for y below 2^52.
func (f fraction) times(y uint64) (hi, lo uint64) {
	h, l := bits.Mul64(y, f.lo)
	hi, lo = bits.Mul64(y, f.hi)
	lo, carry := bits.Add64(lo, h<<12|l>>52, 0)
	return hi + carry, lo
}

// Dot sets dst_z = sum over the rows r of x_r * w_rz, divided by 2^52, modulo
// q. Words of x are below 4q, those of w below q, those of dst below 2q.
//
// w is a Rows × Columns matrix of polynomials by values, laid out so that one
// pass reads it in order: word ((g*Rows + r)*Columns + z)*Lanes + l is
// position Lanes*g + l of w_rz.
func (m *Modulus) Dot(dst *[Columns]Poly, x *Digits, w []uint64) {
	w = w[:MatrixWords]
	if useIFMA {
		m.dotFast(dst, x, w)
		return
	}
	m.dot(dst, x, w)
}

// MatrixWords is the number of words of Dot's matrix.
const MatrixWords = N * Rows * Columns

// MatrixIndex is the index in Dot's matrix of a position of w_rz.
func MatrixIndex(row, column, position int) int {
	return ((position/Lanes*Rows+row)*Columns+column)*Lanes + position%Lanes
}

func (m *Modulus) dot(dst *[Columns]Poly, x *Digits, w []uint64) {
	var v [Rows]uint64
	for i := range N {
		for r := range v {
			v[r] = x[r][i]
		}
		for z := range dst {
			column := w[MatrixIndex(0, z, i):]
			var hi, lo, carry uint64
			for r, d := range v {
				h, l := bits.Mul64(d, column[r*Columns*Lanes])
				lo, carry = bits.Add64(lo, l, 0)
				hi += h + carry
			}
			dst[z][i] = m.divide52(hi, lo)
		}
	}
}

// divide52 returns s/2^52 modulo q in [0, 2q), for s = hi*2^64 + lo below
// 2^110 (Montgomery's reduction).
func (m *Modulus) divide52(hi, lo uint64) uint64 {
	h, l := bits.Mul64((lo&mask52)*m.montInv&mask52, m.Q)
	v := (hi<<12 | lo>>52) - (h<<12 | l>>52) + m.Q
	return v - v>>50*m.Q
}
