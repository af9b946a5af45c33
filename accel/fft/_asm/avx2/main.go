// This program writes the AVX2 implementation of package fft: the graph of
// docs/spec/transform.md on vectors of four points.
//
// The working form of a spectrum is 256 vectors, a cache line each, of four
// real and four imaginary parts; vector v starts out with points 4v to 4v+3.
// Sixteen registers hold four vectors and what butterflies on them need, so
// every pass is two levels of the transform, and levels 8 and 9 are one with
// the product and the inverse's first two.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "fhevm/accel/fft/_asm/points"
)

const (
	lineBytes    = 64             // a vector of points
	groupBytes   = 16 * lineBytes // points that share a node of level 4
	quarterBytes = 4 * groupBytes
	aheadBytes   = 8192 / 16 // to fetch during each of sixteen groups
)

func main() {
	Narrow()
	ConstraintExpr("!purego")
	decompose()
	multiply()
	accumulate()
	Peak("peakAVX2")
	Generate()
}

// constant is a number in all four lanes of memory, which unlike a register
// costs nothing to keep.
func constant(name string, x Constant) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for lane := range 4 {
		DATA(8*lane, x)
	}
	return m
}

// pass takes vectors a span apart four at a time through butterflies, until
// the whole span is done.
func pass(label string, z Register, span int, radix4 func(x []Points), strides ...Stride) {
	line := Copy(z)
	Loop(label, span, func() {
		x := LoadAll(At(line, 0), span*lineBytes, 4)
		radix4(x)
		StoreAll(x, At(line, 0), span*lineBytes)
	}, append(strides, By(line, lineBytes))...)
}
