// Package fft multiplies polynomials modulo X^2048 + 1 by a floating-point
// Fourier transform and builds on it the controlled rotation of TFHE, the
// inner loop of every bootstrap.
//
// The graph of floating-point operations is pinned (docs/spec/transform.md):
// which butterflies, where products fuse with sums, which bits the roots of
// unity have, how results round. Every implementation computes that graph, so
// every machine gets the same bits. The portable implementation in this
// package defines them; the assembly under _asm follows it on another
// schedule.
//
// Rounding errors add noise to a ciphertext, but no chance: a repeated
// computation repeats them.
package fft

//go:generate go run gen_roots.go
//go:generate go run -C _asm ./avx512 -out ../avx512_amd64.s -stubs ../avx512_stubs_amd64.go -pkg fft
//go:generate go run -C _asm ./avx2 -out ../avx2_amd64.s -stubs ../avx2_stubs_amd64.go -pkg fft
//go:generate go run -C _asm ./neon -out ../neon_arm64.s

const (
	// N is the number of coefficients of a polynomial.
	N = 2048
	// M is the number of complex points of a transform.
	M = N / 2

	// BaseLog is log2 of the decomposition's base: a digit is the nearest
	// multiple of 2^(64-BaseLog), one of them per coefficient.
	BaseLog = 23
)

const (
	digitShift  = 64 - BaseLog // a digit is a multiple of 2^digitShift
	resultShift = 35           // an external product is rounded to 2^resultShift

	// keyScale makes the inverse transform's output an integer that only
	// needs rounding: it undoes the digits' position, the factor M of an
	// unscaled inverse, and the position of the result.
	keyScale = 1.0 / (1 << digitShift) / M / (1 << resultShift)
)

// Fourier is the transform of a polynomial with real coefficients: its values
// at M of the 2048 roots of X^2048 + 1, one of each conjugate pair.
//
// Point p = 64g+8a+b, in the order of the graph's last level, has its real
// part at index 128g+16b+a and its imaginary part 8 further on: blocks of
// eight real and eight imaginary parts.
type Fourier [N]float64

// GGSW is a prepared GGSW ciphertext with one level: polynomial c (0 mask, 1
// body) of row r, the row that multiplies the digits of the accumulator's
// polynomial r, is at index 2r+c.
type GGSW [4]Fourier

// Accumulator is a GLWE ciphertext modulo 2^64. Its size is a multiple of 64
// bytes; CMux is fastest on those that start at such an address, as elements
// of a large slice do.
type Accumulator struct {
	Mask [N]uint64
	_    [8]uint64 // kernels continue Mask here: X^2048 = -1
	Body [N]uint64
	_    [8]uint64 // and Body here
}

// Scratch is the working memory of CMux. Calls that run concurrently need one
// each. Its contents before a call do not matter.
type Scratch struct {
	mask, body spectrum
	_          [896]float64 // room to choose good addresses
}

// Forward sets dst to the transform of a torus polynomial, whose coefficients
// it reads as signed integers, scaled as a row of a GGSW must be: by 2^-86.
func Forward(dst *Fourier, src *[N]uint64) {
	var z spectrum
	for j := range M {
		z.re[j] = float64(int64(src[j])) * keyScale
		z.im[j] = float64(int64(src[j+M])) * keyScale
	}
	z.forward()
	z.store(dst)
}

// CMux adds to every accumulator acc[i] the external product of keys[0] and
// (X^e - 1) acc[i], where e is exponents[i] modulo 4096: if the key encrypts the
// bit s, the plaintext of acc[i] is multiplied by X^(s*e) (Chillotti et al.,
// "TFHE: Fast Fully Homomorphic Encryption over the Torus", algorithm 3).
// keys[1], if there, should be the next call's: it is fetched ahead. acc and
// exponents have equal lengths; no accumulator occurs twice.
//
// The key is read from memory once for all accumulators. A batch of 8 to 16 is
// served best: its accumulators stay in a core's second-level cache.
func CMux(acc []*Accumulator, exponents []uint32, keys []GGSW, s *Scratch) {
	for i, e := range exponents[:len(acc)] {
		if e %= 2 * N; e != 0 {
			cmux(acc[i], e, &keys[0], ahead(keys, i, len(acc)), s)
		}
	}
}

// ahead is the eighth of the next key to fetch with accumulator i, as the
// first eight of a batch share that work. Less than eight would not leave the
// memory time for it; then and for the others it is part of the present key.
func ahead(keys []GGSW, i, batch int) *float64 {
	if len(keys) == 1 || batch < 8 || i >= 8 {
		return &keys[0][0][0]
	}
	return &keys[1][i/2][i%2*N/2]
}
