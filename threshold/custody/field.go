package custody

// GF(256) modulo x^8 + x^4 + x^3 + x + 1. Bytes of shares are secret, so there are
// no tables and no branches on them.

// mul is the product of a and b.
func mul(a, b byte) (product byte) {
	for range 8 {
		product ^= a & -(b & 1)
		b >>= 1
		a = a<<1 ^ 0x1b&-(a>>7)
	}
	return product
}

// inverse is a^254: 1/a, and 0 for 0.
func inverse(a byte) byte {
	out := byte(1)
	for range 7 {
		a = mul(a, a)
		out = mul(out, a)
	}
	return out
}

// at evaluates, at x, one polynomial for each byte of the secret, which is their
// value at 0. coefficients are of x, x^2 and so on.
func at(secret []byte, coefficients [][]byte, x byte) []byte {
	out := make([]byte, len(secret))
	for i := range secret {
		for d := len(coefficients) - 1; d >= 0; d-- {
			out[i] = mul(out[i]^coefficients[d][i], x)
		}
		out[i] ^= secret[i]
	}
	return out
}

// interpolate returns the value at 0 of the polynomials that go through the values
// at xs, which are different and not 0.
func interpolate(xs []byte, values [][]byte) []byte {
	out := make([]byte, len(values[0]))
	for i, xi := range xs {
		weight := byte(1)
		for j, xj := range xs {
			if j != i {
				weight = mul(weight, mul(xj, inverse(xi^xj)))
			}
		}
		for k, v := range values[i] {
			out[k] ^= mul(weight, v)
		}
	}
	return out
}
