package tfhe

import "fhevm/accel/fft"

// blindRotate turns each acc[b] into an encryption of the table lut[b] rotated
// by the phase of exponents[b]: afterwards its constant coefficient encrypts
// the table's entry at that phase (Chillotti et al., "TFHE: Fast Fully
// Homomorphic Encryption over the Torus", algorithm 9). Every bit of the key
// is read once for the whole batch.
func (k *BootstrapKey) blindRotate(acc []*fft.Accumulator, lut []*LUT, exponents [][]uint32, s *fft.Scratch) {
	n := len(k.bits)
	for b := range acc {
		clear(acc[b].Mask[:])
		rotateLUT(&acc[b].Body, lut[b].Poly, -exponents[b][n])
	}
	var column [MaxBatch]uint32
	for i := range n {
		for b := range acc {
			column[b] = exponents[b][i]
		}
		fft.CMux(acc, column[:len(acc)], k.bits[i:], s)
	}
}

// rotateLUT sets dst to X^e * poly, e modulo 2N.
func rotateLUT(dst *[fft.N]uint64, poly []uint64, e uint32) {
	at, negative := int(e%fft.N), e&fft.N != 0
	copy(dst[at:], poly)
	copy(dst[:at], poly[fft.N-at:])
	flipped := dst[:at]
	if negative {
		flipped = dst[at:]
	}
	for j, x := range flipped {
		flipped[j] = -x
	}
}
