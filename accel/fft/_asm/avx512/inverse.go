package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

// inversePass is the inverse's levels 64 and 128 of a quarter at z.
func inversePass(label string, z, twiddles Register, two VecVirtual) {
	block, w := Copy(z), Copy(twiddles)
	for half := range 2 {
		Loop(fmt.Sprint(label, half), 4, func() {
			w0, w1 := LoadPoints(At(w, 6*blockBytes)), LoadPoints(At(w, 7*blockBytes))
			x := LoadAll(At(block, 0), 8*blockBytes, 4)
			InverseRadix4(x, w0, w1, -Turn(half), two)
			StoreAll(x, At(block, 0), 8*blockBytes)
		}, By(block, blockBytes), By(w, 2*blockBytes))
	}
}

// accumulate is the inverse's last two levels and what follows, for both
// polynomials in turn, as they share many twiddles.
func accumulate() {
	TEXT("accumulateAVX512", NOSPLIT, "func(mask *uint64, body *uint64, maskZ *float64, bodyZ *float64, twiddles *float64)")
	Pragma("noescape")
	Doc("accumulateAVX512 is the inverse's levels 256 and 512, untwists, rounds and adds to mask and body.",
		"twiddles: the field accumulate of wideTables.")
	mask, body := Load(Param("mask"), GP64()), Load(Param("body"), GP64())
	maskZ, bodyZ := Load(Param("maskZ"), GP64()), Load(Param("bodyZ"), GP64())
	w := Load(Param("twiddles"), GP64())
	two := Two()
	for half := range 2 {
		Loop(fmt.Sprint("half", half), 16, func() {
			accumulateBlocks(mask, maskZ, w, -Turn(half), two)
			accumulateBlocks(body, bodyZ, w, -Turn(half), two)
		}, By(mask, VectorBytes), By(body, VectorBytes), By(maskZ, blockBytes), By(bodyZ, blockBytes), By(w, 6*blockBytes))
	}
	End()
}

// accumulateBlocks adds to p four blocks at z.
func accumulateBlocks(p, z, w Register, t Turn, two VecVirtual) {
	w0, w1 := LoadPoints(At(w, 0)), LoadPoints(At(w, blockBytes))
	x := LoadAll(At(z, 0), 32*blockBytes, 4)
	InverseRadix4(x, w0, w1, t, two)
	for i := range x {
		x[i] = Untwist(x[i], LoadPoints(At(w, (2+i)*blockBytes)))
		addRounded(x[i].Re, At(p, i*SegmentBytes))
		addRounded(x[i].Im, At(p, i*SegmentBytes+PolyBytes/2))
	}
	for i := range x {
		VMOVDQU64(x[i].Re, At(p, i*SegmentBytes))
		VMOVDQU64(x[i].Im, At(p, i*SegmentBytes+PolyBytes/2))
	}
}

// addRounded makes x the integers nearest to it, in units of 2^35, plus those
// at m.
func addRounded(x VecVirtual, m Mem) {
	VCVTPD2QQ(x, x)
	VPSLLQ(U8(35), x, x)
	VPADDQ(m, x, x)
}
