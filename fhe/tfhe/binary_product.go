package tfhe

import (
	"math/bits"
	"sync"

	"fhevm/accel/ntt"
)

// productPrime is the largest prime that ntt takes. Products are exact, so no
// result depends on the choice.
const productPrime = 1125899906826241

// binaryRing returns the arithmetic that multiplies by binary polynomials.
var binaryRing = sync.OnceValue(func() *ntt.Modulus {
	m, err := ntt.New(productPrime)
	if err != nil {
		panic("tfhe: " + err.Error())
	}
	return m
})

// multiplicand is a polynomial of ntt.N words prepared for products with binary
// ones: 32-bit halves by their values modulo productPrime, divided by ntt.N, each
// with Shoup's quotient. A half times a binary polynomial has coefficients below
// 2^43 in magnitude, so its residues are exact. It is immutable.
type multiplicand [2]struct{ values, quotients ntt.Poly }

func newMultiplicand(a []uint64) *multiplicand {
	m, x := binaryRing(), new(multiplicand)
	scale := m.Inv(ntt.N)
	for h := range x {
		v := &x[h].values
		for i, w := range a {
			v[i] = w >> (32 * h) & (1<<32 - 1)
		}
		m.Forward(v)
		m.Reduce(v)
		for i := range v {
			v[i] = m.Mul(v[i], scale)
			x[h].quotients[i], _ = bits.Div64(v[i], 0, m.Q)
		}
	}
	return x
}

// binaryValues prepares a polynomial of coefficients 0 and 1 for times.
func binaryValues(coefficients []uint8) *ntt.Poly {
	r := new(ntt.Poly)
	for i, c := range coefficients {
		r[i] = uint64(c)
	}
	binaryRing().Forward(r)
	return r
}

// times returns x*r modulo X^N+1 and 2^64, exactly, for r of binaryValues.
func (x *multiplicand) times(r *ntt.Poly) []uint64 {
	m, dst := binaryRing(), make([]uint64, ntt.N)
	for h := range x {
		var product, sum ntt.Poly
		for i, v := range r {
			q, _ := bits.Mul64(v, x[h].quotients[i])
			product[i] = v*x[h].values[i] - q*m.Q // below 2q, whatever v (Shoup)
		}
		m.InverseAdd(&sum, &product)
		for i, v := range sum {
			if v > m.Q/2 {
				v -= m.Q
			}
			dst[i] += v << (32 * h)
		}
	}
	return dst
}
