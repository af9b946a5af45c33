package squash

import (
	"math/big"
	"math/bits"

	"fhevm/accel/ntt"
	"fhevm/fhe/csprng"
)

// NoiseLog is b of TUniform(b), the error of a key's rows in units of 1/Q.
const NoiseLog = noiseLog

// Linear computes the bodies of a key's rows modulo one prime. They are linear in
// the secret, in the errors, and in the products of a bit and the secret; so from
// a party's Shamir shares of these it computes the party's shares of the bodies,
// of twice the degree. It prints nothing of what it holds.
//
// Words are stored times a constant: 1/(Q/q_p) as ntt.RNS represents integers,
// 1/N for InverseAdd, and 2^52 for Dot.
type Linear struct {
	modulus *ntt.Modulus
	secret  [glweDim]*ntt.Poly // values
	scale   uint64
	gadget  [ntt.Levels]uint64 // round(Q/B^j), times scale
}

// NewLinear takes Dim words below prime p of Moduli: the secret's bits, or shares
// of them. It does not keep them.
func NewLinear(p int, secret []uint64) *Linear {
	m := ring().Moduli[p]
	l := &Linear{modulus: m, scale: m.Mul(m.Exp(2, 52), m.Inv(m.Mul(ntt.N, ring().CoFactor(p))))}
	for z := range l.secret {
		x := new(ntt.Poly)
		copy(x[:], secret[z*ntt.N:][:ntt.N])
		m.Forward(x)
		m.Reduce(x)
		l.secret[z] = x
	}
	for j := range l.gadget {
		l.gadget[j] = m.Mul(l.scale, gadgetWeight(j, m.Q))
	}
	return l
}

// gadgetWeight returns round(Q/B^(j+1)) modulo q.
func gadgetWeight(j int, q uint64) uint64 {
	shift := uint(ntt.BaseLog * (j + 1))
	w := new(big.Int).Lsh(big.NewInt(1), shift-1)
	w.Add(w, Modulus()).Rsh(w, shift)
	return w.Mod(w, new(big.Int).SetUint64(q)).Uint64()
}

// Bodies sets row (c, j) of dst to the body that encrypts bit*g_j at polynomial c
// of a GLWE ciphertext. Masks, in matrix, stay as the seed gives them, so at a mask
// bit*g_j moves to the body, where it meets the secret. errors are coefficients
// below the prime; they are overwritten.
func (l *Linear) Bodies(dst *ntt.Digits, matrix []uint64, bit uint64, errors *ntt.Digits) {
	m := l.modulus
	for r := range dst {
		m.Forward(&errors[r])
		m.Reduce(&errors[r])
		weight := m.Mul(l.gadget[r%ntt.Levels], bit)
		for x := range dst[r] {
			dst[r][x] = l.body(matrix[ntt.MatrixIndex(r, 0, x):], r, x, weight, errors[r][x])
		}
	}
}

// body returns mask * secret + error + weight at one position of row r, or
// - weight * secret if the row is a mask's. The words of the masks are Lanes apart.
func (l *Linear) body(mask []uint64, r, x int, weight, noise uint64) uint64 {
	message := uint64(1)
	if c := r / ntt.Levels; c < glweDim {
		message = l.modulus.Q - l.secret[c][x]
	}
	var s sum128
	for z := range glweDim {
		s.mulAdd(mask[z*ntt.Lanes], l.secret[z][x])
	}
	s.mulAdd(noise, l.scale)
	s.mulAdd(weight, message)
	return l.modulus.Fold(s.hi, s.lo)
}

// Wipe overwrites the secret.
func (l *Linear) Wipe() {
	for _, s := range l.secret {
		clear(s[:])
	}
}

// sum128 adds up products of words below 2^50.
type sum128 struct{ hi, lo uint64 }

func (s *sum128) mulAdd(a, b uint64) {
	h, l := bits.Mul64(a, b)
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, l, 0)
	s.hi += h + carry
}

// drawMasks fills in the masks of a matrix modulo q, in the order of its layout.
func drawMasks(matrix []uint64, q uint64, s *csprng.Stream) {
	for x := 0; x < ntt.N; x += ntt.Lanes {
		for r := range ntt.Rows {
			cell := matrix[ntt.MatrixIndex(r, 0, x):][:glweDim*ntt.Lanes]
			for i := range cell {
				cell[i] = uniform(s, q)
			}
		}
	}
}

// putBodies fills in the bodies of a matrix.
func putBodies(matrix []uint64, bodies *ntt.Digits) {
	for r := range bodies {
		for x, w := range bodies[r] {
			matrix[ntt.MatrixIndex(r, glweDim, x)] = w
		}
	}
}
