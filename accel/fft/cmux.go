package fft

import "math"

// cmuxPortable is CMux of one accumulator, 0 < e < 2N.
func cmuxPortable(acc *Accumulator, e uint32, key *GGSW, s *Scratch) {
	s.mask.decompose(&acc.Mask, e)
	s.body.decompose(&acc.Body, e)
	s.mask.forward()
	s.body.forward()
	externalProduct(&s.mask, &s.body, key)
	s.mask.inverse()
	s.body.inverse()
	s.mask.addTo(&acc.Mask)
	s.body.addTo(&acc.Body)
}

// decompose sets z to the folded digits of (X^e - 1) p.
func (z *spectrum) decompose(p *[N]uint64, e uint32) {
	for j := range uint32(M) {
		z.re[j] = digit(rotated(p, j-e) - p[j])
		z.im[j] = digit(rotated(p, j+M-e) - p[j+M])
	}
}

// rotated is coefficient j, modulo 2N, of the endless continuation of p by
// X^N = -1.
func rotated(p *[N]uint64, j uint32) uint64 {
	sign := -uint64(j / N % 2)
	return (p[j%N] ^ sign) - sign
}

// digit is the multiple of 2^digitShift nearest to d as a signed number,
// halves rounded up.
func digit(d uint64) float64 {
	const half, low = 1 << (digitShift - 1), 1<<digitShift - 1
	return float64(int64((d + half) &^ low))
}

// externalProduct replaces the transformed digits of an accumulator by the
// transform of their product with the key. Each output polynomial takes the
// row of its own digits first.
func externalProduct(mask, body *spectrum, key *GGSW) {
	for p := range M {
		q := index(p)
		mr, mi, br, bi := mask.re[p], mask.im[p], body.re[p], body.im[p]
		xr, xi := product(mr, mi, key[0][q], key[0][q+8])
		mask.re[p], mask.im[p] = addProduct(xr, xi, br, bi, key[2][q], key[2][q+8])
		yr, yi := product(br, bi, key[3][q], key[3][q+8])
		body.re[p], body.im[p] = addProduct(yr, yi, mr, mi, key[1][q], key[1][q+8])
	}
}

// product returns d*k.
func product(dr, di, kr, ki float64) (re, im float64) {
	return math.FMA(-di, ki, float64(dr*kr)), math.FMA(dr, ki, float64(di*kr))
}

// addProduct returns x + d*k.
func addProduct(xr, xi, dr, di, kr, ki float64) (re, im float64) {
	return math.FMA(-di, ki, math.FMA(dr, kr, xr)), math.FMA(dr, ki, math.FMA(di, kr, xi))
}

// addTo adds z, rounded to integers (halves to even) in units of
// 2^resultShift, to p. The integers are below 2^63: at most 2N digits of
// 2^22 times coefficients of 2^63 make 2^97 units of 2^-resultShift.
func (z *spectrum) addTo(p *[N]uint64) {
	for j := range M {
		p[j] += uint64(int64(math.RoundToEven(z.re[j]))) << resultShift
		p[j+M] += uint64(int64(math.RoundToEven(z.im[j]))) << resultShift
	}
}
