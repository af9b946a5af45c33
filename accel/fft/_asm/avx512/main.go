// This program writes the AVX-512 implementation of package fft: the graph of
// docs/spec/transform.md on vectors of eight points.
//
// The working form of a spectrum is 128 blocks of eight real and eight
// imaginary parts; block v starts out with points 8v to 8v+7. Two levels of
// the transform whose butterflies join blocks far apart make a pass. The six
// levels on either side of the product with the key stay in registers: a
// group of eight blocks has 64 neighbouring points.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

const (
	blockBytes = 128
	groupBytes = 8 * blockBytes
	aheadBytes = 8192 / 16 // to fetch during each of sixteen groups
)

func main() {
	ConstraintExpr("!purego")
	decompose()
	multiply()
	accumulate()
	Peak("peakAVX512")
	Generate()
}

// Constants, each one number.
var (
	halfData   = ConstData("half", F64(math.Sqrt2/2))
	digitsData = ConstData("digits", U64(1<<64-1<<41))
)

// An exchange swaps the bit of the index that tells x from y with a bit of
// the lane number. What stays in x had zero in that bit of the lane.
type exchange func(x, y VecVirtual) (VecVirtual, VecVirtual)

// exchangeBlocks applies an exchange to both parts.
func exchangeBlocks(x, y *Points, e exchange) {
	x.Re, y.Re = e(x.Re, y.Re)
	x.Im, y.Im = e(x.Im, y.Im)
}

// exchangeLow swaps the index bit with lane bit 0.
func exchangeLow(x, y VecVirtual) (lo, hi VecVirtual) {
	lo, hi = ZMM(), ZMM()
	VUNPCKLPD(y, x, lo)
	VUNPCKHPD(y, x, hi)
	return
}

// exchangeHigh swaps the index bit with lane bit 2.
func exchangeHigh(x, y VecVirtual) (lo, hi VecVirtual) {
	lo, hi = ZMM(), ZMM()
	VSHUFF64X2(U8(0x44), y, x, lo)
	VSHUFF64X2(U8(0xee), y, x, hi)
	return
}

// rotateMiddle moves lane bit 1 to the index, lane bit 2 to lane bit 1, and
// the index bit to lane bit 2.
func rotateMiddle(x, y VecVirtual) (lo, hi VecVirtual) {
	lo, hi = ZMM(), ZMM()
	VSHUFF64X2(U8(0x88), y, x, lo)
	VSHUFF64X2(U8(0xdd), y, x, hi)
	return
}
