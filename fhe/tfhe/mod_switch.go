package tfhe

import "math/bits"

// ModSwitch rounds the small LWE ciphertext src (LWEDim mask words, then the
// body, modulo 2^32) to exponents modulo 2*PolySize: dst[i] for mask word i and
// dst[LWEDim] for the body. It centres the error: half the sum of the mask's
// rounding errors, their mean over binary secrets, moves into the body (after
// eprint 2024/1718; SPEC 3.6). The body is rounded down, which centres each
// phase on its box of a LUT. dst may alias src.
func (p *Params) ModSwitch(dst, src []uint32) {
	shift := 32 - bits.TrailingZeros(uint(2*p.PolySize))
	half := uint32(1) << (shift - 1)
	n := p.LWEDim
	var sum int32 // of at most n errors of at most half each: no overflow
	for i, a := range src[:n] {
		up := a + half
		sum += int32(half) - int32(up&(2*half-1))
		dst[i] = up >> shift
	}
	dst[n] = (src[n] + uint32(sum>>1)) >> shift
}
