//go:build !purego

package fft

// Operations on both ports, for one polynomial by stage: wide of eight lanes,
// with shuffles; narrow of four, without those on a third port.
const (
	wideVectors   = M / 8 // vectors of points; half as many butterflies on a level
	narrowVectors = M / 4

	wideOps = 2*wideVectors*5 + // digits: flip, add, subtract, cut, convert
		wideVectors/2*(10*6) + 2*wideVectors*3 + // forward: ten levels, three exchanges
		wideVectors*8 + // product
		wideVectors/2*(2*4+5+7*6) + 2*wideVectors*3 + // inverse: two trivial levels, one half trivial
		wideVectors*4 + // untwist
		2*wideVectors*3 // convert, shift, add

	narrowOps = 2*narrowVectors*2 + // digits: shift, subtract
		narrowVectors/2*(10*6) + // forward
		narrowVectors*8 + // product
		narrowVectors/2*(2*4+8*6) + // inverse: two trivial levels
		narrowVectors*4 + // untwist
		2*narrowVectors*5 // round, shift
)

// portOps is for both polynomials.
func portOps() (ops int, peak func(rounds uint64)) {
	switch {
	case useAVX512:
		return 2 * wideOps, peakAVX512
	case useAVX2:
		return 2 * narrowOps, peakAVX2
	}
	return 0, nil
}
