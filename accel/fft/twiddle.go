package fft

import (
	"math"
	"math/bits"
)

// twiddle is a root of unity.
type twiddle struct{ re, im float64 }

// root is exp(2*pi*i*e/4096) for 0 <= e < 4096, each part correctly rounded.
func root(e int) twiddle {
	k := e % M
	c := math.Float64frombits(cosines[k])
	s := math.Float64frombits(cosines[M-k])
	switch e / M {
	case 0:
		return twiddle{c, s}
	case 1:
		return twiddle{-s, c}
	case 2:
		return twiddle{-c, -s}
	default:
		return twiddle{s, -c}
	}
}

// forwardTwiddle is the factor of node k of level l, 0 <= k < 2^l, of the
// forward transform: a square root of r, where the node holds residues modulo
// X^(M/2^l) - r.
func forwardTwiddle(l, k int) twiddle {
	reversed := int(bits.Reverse16(uint16(k)) >> (16 - l))
	return root((1 + 4*reversed) << (9 - l))
}

// inverseTwiddle is the factor of entry j, 0 <= j < m, of the inverse
// transform's level that joins blocks of m points: exp(-pi*i*j/m).
func inverseTwiddle(m, j int) twiddle { return root((2*N - 2*M/m*j) % (2 * N)) }

// untwist is the factor of point j after the inverse transform's last level:
// exp(-pi*i*j/2048).
func untwist(j int) twiddle { return root((2*N - j) % (2 * N)) }

// Tables of the portable implementation: forwardTwiddle(l, k) at 2^l+k,
// inverseTwiddle(m, j) at m+j, untwist(j) at j.
var forwardTwiddles, inverseTwiddles, untwists = twiddleTables()

func twiddleTables() (fwd, inv, unt [M]twiddle) {
	for l := range 10 {
		for k := range 1 << l {
			fwd[1<<l+k] = forwardTwiddle(l, k)
			inv[1<<l+k] = inverseTwiddle(1<<l, k)
		}
	}
	for j := range unt {
		unt[j] = untwist(j)
	}
	return
}
