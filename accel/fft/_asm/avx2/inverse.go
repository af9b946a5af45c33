package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

// inverseGroup is the inverse's levels 4 to 32 of a group.
func (p *product) inverseGroup(mask, body Register) {
	p.inverseNeighbours("maskInverse4", mask)
	p.inverseNeighbours("bodyInverse4", body)
	p.inversePass("maskInverse16", mask, 4, groupInverse)
	p.inversePass("bodyInverse16", body, 4, groupInverse)
}

// inverseNeighbours is levels 4 and 8.
func (p *product) inverseNeighbours(label string, z Register) {
	z = Copy(z)
	w0, w1 := LoadPoints(At(p.inverse, 0)), LoadPoints(At(p.inverse, lineBytes))
	Loop(label, 4, func() {
		x := LoadAll(At(z, 0), lineBytes, 4)
		InverseRadix4(x, w0, w1, Straight, p.two)
		StoreAll(x, At(z, 0), lineBytes)
	}, By(z, 4*lineBytes))
}

// inversePass is two levels of vectors a span apart, whose twiddles begin at
// an offset in the table.
func (p *product) inversePass(label string, z Register, span, twiddles int) {
	w := Copy(p.inverse)
	pass(label, z, span, func(x []Points) {
		w0, w1 := LoadPoints(At(w, twiddles)), LoadPoints(At(w, twiddles+lineBytes))
		InverseRadix4(x, w0, w1, Straight, p.two)
	}, By(w, 2*lineBytes))
}

// Numbers up to 2^62 round to integers modulo 2^29 in two steps, as the rest
// is shifted out of the result. The sum with 1.5*2^81, whose neighbours are
// 2^29 apart, is that plus a multiple of 2^29; the remainder of at most 2^28
// is exact; and the sum with 1.5*2^52 rounds it to an integer, in the last
// bits, ties to even as the multiple is even.
var (
	roundHigh = constant("roundHigh", F64(3<<80))
	roundLow  = constant("roundLow", F64(3<<51))
)

// accumulate is the inverse's last two levels and what follows, for both
// polynomials in turn, as they share the twiddles.
func accumulate() {
	TEXT("accumulateAVX2", NOSPLIT, "func(mask *uint64, body *uint64, maskZ *float64, bodyZ *float64, twiddles *float64)")
	Pragma("noescape")
	Doc("accumulateAVX2 is the inverse's levels 256 and 512, untwists, rounds and adds to mask and body.",
		"twiddles: the field accumulate of narrowTables.")
	mask, body := Load(Param("mask"), GP64()), Load(Param("body"), GP64())
	maskZ, bodyZ := Load(Param("maskZ"), GP64()), Load(Param("bodyZ"), GP64())
	w := Load(Param("twiddles"), GP64())
	two := Two()
	Loop("vector", 64, func() {
		accumulateVectors(mask, maskZ, w, two)
		accumulateVectors(body, bodyZ, w, two)
	}, By(mask, VectorBytes), By(body, VectorBytes), By(maskZ, lineBytes), By(bodyZ, lineBytes), By(w, 6*lineBytes))
	End()
}

// accumulateVectors adds to p four vectors at z.
func accumulateVectors(p, z, w Register, two VecVirtual) {
	w0, w1 := LoadPoints(At(w, 0)), LoadPoints(At(w, lineBytes))
	x := LoadAll(At(z, 0), 64*lineBytes, 4)
	InverseRadix4(x, w0, w1, Straight, two)
	for i := range x {
		x[i] = Untwist(x[i], LoadPoints(At(w, (2+i)*lineBytes)))
		addRounded(x[i].Re, At(p, i*SegmentBytes))
		addRounded(x[i].Im, At(p, i*SegmentBytes+PolyBytes/2))
	}
	for i := range x {
		VMOVDQU(x[i].Re, At(p, i*SegmentBytes))
		VMOVDQU(x[i].Im, At(p, i*SegmentBytes+PolyBytes/2))
	}
}

// addRounded makes x the integers nearest to it, in units of 2^35, plus those
// at m.
func addRounded(x VecVirtual, m Mem) {
	multiple := YMM()
	VADDPD(roundHigh, x, multiple)
	VSUBPD(roundHigh, multiple, multiple)
	VSUBPD(multiple, x, x)
	VADDPD(roundLow, x, x)
	VPSLLQ(U8(35), x, x)
	VPADDQ(m, x, x)
}
