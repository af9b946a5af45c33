package tfhe

// sampleExtract sets dst to the LWE ciphertext, under the coefficients of the
// GLWE key, of coefficient at of the plaintext of a GLWE ciphertext with the
// given mask polynomial, whose body has the value body there. dst and mask
// must not overlap.
func sampleExtract(dst LWE, mask []uint64, body uint64, at int) {
	n := len(mask)
	for j := range at + 1 {
		dst[j] = mask[at-j]
	}
	for j := at + 1; j < n; j++ {
		dst[j] = -mask[n+at-j]
	}
	dst[n] = body
}
