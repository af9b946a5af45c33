package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	segmentBytes = 256 * 8 // eight segments make a polynomial
	signBytes    = 16      // a sign is a mask and a rounding constant
)

// decompose writes the digits of (X^e - 1) p and levels 0 and 1.
//
// The pass handles eight vectors of coefficients, a segment apart, at a time.
// Rotation by e shifts all eight alike, so they read from eight consecutive
// segments of the ring of 16 that p and -p make, at a common offset; when the
// offset leaves its segment, each moves to the next.
func decompose() {
	TEXT("decomposeAVX512", NOSPLIT, "func(z *float64, p *uint64, e uint64, twiddles *float64, signs *uint64)")
	Pragma("noescape")
	Doc("decomposeAVX512 sets z, as blocks, to the folded digits of (X^e - 1) p after levels 0 and 1,",
		"0 < e < 4096. It writes the eight words behind p. twiddles and signs: the fields decompose and signs of tables.")
	d := newDigits()
	w0, w1 := twiddlesOfPass("twiddles")

	segment, offset := source()
	left := GP64()
	MOVQ(U32(32), left)
	Label("segment")
	d.point(segment)
	Label("vector")
	x := make([]points, 4)
	for i := range x {
		x[i] = points{d.load(i, offset), d.load(i+4, offset)}
	}
	radix4(x, w0, w1, d.two)
	storeBlocks(x, at(d.z, 0), 32*blockBytes)
	advance(stride{d.z, blockBytes}, stride{d.own, vectorBytes}, stride{offset, vectorBytes})
	DECQ(left)
	JZ(LabelRef("done"))
	CMPQ(offset, U32(segmentBytes))
	JLT(LabelRef("vector"))
	SUBQ(U32(segmentBytes), offset)
	INCQ(segment)
	ANDQ(U8(15), segment)
	JMP(LabelRef("segment"))
	Label("done")
	VZEROUPPER()
	RET()
}

// source returns where coefficient 0 of the rotation comes from: the number of
// a segment, modulo 16, and the bytes from its start, below segmentBytes.
func source() (segment, offset Register) {
	segment, offset = GP64(), GP64()
	e := Load(Param("e"), GP64())
	LEAQ(at(e, 255), segment)
	SHRQ(U8(8), segment)
	MOVQ(segment, offset)
	SHLQ(U8(8), offset)
	SUBQ(e, offset)
	SHLQ(U8(3), offset)
	NEGQ(segment)
	ANDQ(U8(15), segment)
	return segment, offset
}

// digits loads vectors of digits.
type digits struct {
	z, own    Register // where to write; p itself
	rotated   [8]Register
	sign      Register
	mask, two VecVirtual
}

func newDigits() *digits {
	d := &digits{z: Load(Param("z"), GP64()), own: Load(Param("p"), GP64()), sign: GP64(), mask: ZMM(), two: two()}
	for i := range d.rotated {
		d.rotated[i] = GP64()
	}
	VPBROADCASTQ(digitsData, d.mask)
	first := ZMM()
	VPXORQ(first, first, first)
	VPSUBQ(at(d.own, 0), first, first)
	VMOVDQU64(first, at(d.own, polyBytes))
	return d
}

// point lets rotated and sign follow eight segments from the given one.
func (d *digits) point(segment Register) {
	base := Load(Param("p"), GP64())
	for i, r := range d.rotated {
		LEAQ(at(segment, i), r)
		ANDQ(U8(7), r)
		SHLQ(U8(11), r)
		ADDQ(base, r)
	}
	MOVQ(segment, d.sign)
	SHLQ(U8(4), d.sign)
	ADDQ(Load(Param("signs"), GP64()), d.sign)
}

// load returns a vector of the i-th segment's digits.
func (d *digits) load(i int, offset Register) VecVirtual {
	x := ZMM()
	VMOVDQU64(Mem{Base: d.rotated[i], Index: offset, Scale: 1}, x)
	VPXORQ_BCST(at(d.sign, signBytes*i), x, x)
	VPADDQ_BCST(at(d.sign, signBytes*i+8), x, x)
	VPSUBQ(at(d.own, segmentBytes*i), x, x)
	VPANDQ(d.mask, x, x)
	VCVTQQ2PD(x, x)
	return x
}

// forwardPass is levels 2 and 3 of a quarter at z, the points of one node,
// whose twiddles are at w.
func forwardPass(label string, z, w Register, two VecVirtual) {
	block := GP64()
	MOVQ(z, block)
	w0, w1 := broadcast(at(w, 0)), broadcast(at(w, twiddleBytes))
	loop(label, 8, func() {
		x := loadBlocks(at(block, 0), 8*blockBytes, 4)
		radix4(x, w0, w1, two)
		storeBlocks(x, at(block, 0), 8*blockBytes)
	}, stride{block, blockBytes})
}

// twiddlesOfPass broadcasts the two twiddles that a parameter points to.
func twiddlesOfPass(param string) (w0, w1 points) {
	w := Load(Param(param), GP64())
	return broadcast(at(w, 0)), broadcast(at(w, 16))
}

// radix4 is a node with twiddle w0 and its two children, with w1 and i*w1.
func radix4(x []points, w0, w1 points, two VecVirtual) {
	butterflies(two, pair{&x[0], &x[2], w0, none}, pair{&x[1], &x[3], w0, none})
	butterflies(two, pair{&x[0], &x[1], w1, none}, pair{&x[2], &x[3], w1, positive})
}
